"""Entry points of payments: its API, the stream relay, and the consumers of events."""

import chassis.startup  # noqa: F401 - first: it makes the other imports faster

# isort: split
from chalice.app import DynamoDBEvent, SNSEvent, SQSEvent

from chalicelib.payments.bootstrap import Settings, build
from chassis.api import ServiceApp
from chassis.settings import load, source
from contracts import payments as api
from contracts.schema import NoBody

settings = load(Settings)
app = ServiceApp("toyshop-payments", settings, max_body=1024 * 1024)
components = build(settings)


@app.serves(api.LOOKUP)
def look_up_transactions() -> api.TransactionLookupAnswer:
    """Return the transactions of many orders."""
    return components.transactions.look_up(app.body(api.TransactionLookup))


@app.serves(api.AUDIT)
def audit_transactions() -> api.TransactionAuditAnswer:
    """Compare the transactions of many orders with the gateway's records."""
    return components.auditing.audit(app.body(api.TransactionAudit))


@app.serves(api.RECORDED_ORDER)
def get_recorded_order(order_id: str) -> api.RecordedOrder:
    """Return an order as its transaction has recorded it."""
    return components.transactions.recorded_order(order_id)


@app.serves(api.REEMIT)
def reemit_transaction(transaction_id: str) -> None:
    """Re-emit the events of a transaction."""
    app.optional_body(NoBody)
    components.transactions.reemit(transaction_id)


@app.serves(api.RECEIVE_WEBHOOK)
def receive_webhook() -> None:
    """Record the outcome that a webhook of the gateway reports."""
    components.webhooks.receive(app.body(api.Webhook))


@app.serves(api.RETRY)
def retry_payment() -> api.Transaction:
    """Begin another attempt to pay an order."""
    return components.retrying.retry(app.body(api.PaymentRetry))


@app.serves(api.ERASE)
def erase_customer_of_transactions() -> api.TransactionErasureAnswer:
    """Erase the customer's data of finished transactions."""
    return components.erasing.erase(app.body(api.TransactionErasure))


@app.on_dynamodb_record(stream_arn=source("on_dynamodb_record"), starting_position="TRIM_HORIZON")
def on_dynamodb_record(event: DynamoDBEvent) -> dict[str, object]:
    """Publish the events of changed transactions."""
    return components.relay.handle(event.to_dict(), event.context)


@app.on_sns_message(topic=source("charge"))
def charge(event: SNSEvent) -> dict[str, object]:
    """Charge a placed order, or cancel or refund the payment of a cancelled one."""
    return components.charge.on_sns(event.to_dict(), event.context)


@app.on_sns_message(topic=source("charge_again"))
def charge_again(event: SNSEvent) -> dict[str, object]:
    """Charge the payment method of another attempt, or refund once a dispute allows it."""
    return components.charge.on_sns(event.to_dict(), event.context)


@app.on_sqs_message(queue_arn=source("charge_retry"))
def charge_retry(event: SQSEvent) -> dict[str, object]:
    """Retry events that ``charge`` or ``charge_again`` failed to handle, with growing delays."""
    return components.charge.on_sqs(event.to_dict(), settings.charge_retry_url, event.context)


@app.on_sns_message(topic=source("fulfil"))
def fulfil(event: SNSEvent) -> dict[str, object]:
    """Archive the receipt of a payment and request the customer's email."""
    return components.fulfil.on_sns(event.to_dict(), event.context)


@app.on_sqs_message(queue_arn=source("fulfil_retry"))
def fulfil_retry(event: SQSEvent) -> dict[str, object]:
    """Retry events that ``fulfil`` failed to handle, with growing delays."""
    return components.fulfil.on_sqs(event.to_dict(), settings.fulfil_retry_url, event.context)
