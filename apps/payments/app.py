"""The payments API, the charge, the relay of its table's stream, and what follows a payment."""

from chalice.app import DynamoDBEvent, SNSEvent, SQSEvent

from chalicelib.payments.bootstrap import Settings, build
from chassis.api import ServiceApp
from chassis.settings import load, source
from contracts import payments as api
from contracts.schema import NoBody

settings = load(Settings)
app = ServiceApp("toyshop-payments", settings, max_body=512 * 1024)
payments = build(settings)


@app.serves(api.GET)
def get_transaction(transaction_id: str) -> api.Transaction:
    """Get one transaction."""
    return payments.lookup.get(transaction_id)


@app.serves(api.LOOKUP)
def look_up_transactions() -> api.TransactionLookupAnswer:
    """Get the transactions of many orders."""
    return payments.lookup.of_orders(app.body(api.TransactionLookup))


@app.serves(api.AUDIT)
def audit_transactions() -> api.TransactionAuditAnswer:
    """Put the gateway's records beside the transactions of many orders."""
    return payments.auditing.audit(app.body(api.TransactionAudit))


@app.serves(api.REEMIT)
def reemit_transaction(transaction_id: str) -> None:
    """Have a transaction told of again."""
    app.optional_body(NoBody)
    payments.lookup.reemit(transaction_id)


@app.serves(api.RECEIVE_WEBHOOK)
def receive_webhook() -> None:
    """Take in what the gateway tells."""
    payments.webhooks.receive(app.body(api.Webhook))


@app.on_dynamodb_record(stream_arn=source("on_dynamodb_record"), starting_position="TRIM_HORIZON")
def on_dynamodb_record(event: DynamoDBEvent) -> dict[str, object]:
    """Publish what the table's stream says has changed."""
    return payments.relay.handle(event.to_dict())


@app.on_sns_message(topic=source("charge"))
def charge(event: SNSEvent) -> dict[str, object]:
    """Charge an order that was placed; give back what one cost that was cancelled."""
    return payments.charge.on_sns(event.to_dict(), event.context)


@app.on_sqs_message(queue_arn=source("charge_retry"))
def charge_retry(event: SQSEvent) -> dict[str, object]:
    """Try again, for hours, what ``charge`` could not do."""
    return payments.charge.on_sqs(event.to_dict(), settings.charge_retry_url, event.context)


@app.on_sns_message(topic=source("fulfil"))
def fulfil(event: SNSEvent) -> dict[str, object]:
    """Archive the receipt of a payment and have the customer told."""
    return payments.fulfil.on_sns(event.to_dict(), event.context)


@app.on_sqs_message(queue_arn=source("fulfil_retry"))
def fulfil_retry(event: SQSEvent) -> dict[str, object]:
    """Try again, for hours, what ``fulfil`` could not do."""
    return payments.fulfil.on_sqs(event.to_dict(), settings.fulfil_retry_url, event.context)
