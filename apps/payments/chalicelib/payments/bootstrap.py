"""The only place where the components of the service are created and connected."""

from decimal import Decimal
from functools import partial
from typing import NamedTuple

from chalicelib.payments.auditing import Auditing
from chalicelib.payments.charging import Charging
from chalicelib.payments.erasing import Erasing
from chalicelib.payments.events import events_of
from chalicelib.payments.fulfillment import Fulfillment
from chalicelib.payments.gateway import Gateway, StripeGateway
from chalicelib.payments.ledger import Ledger, StripeLedger
from chalicelib.payments.receipts import Seller, render_credit_note, render_receipt
from chalicelib.payments.retrying import Retrying
from chalicelib.payments.store import TransactionRecord, TransactionStore
from chalicelib.payments.transactions import Transactions
from chalicelib.payments.webhooks import Webhooks
from chassis import aws, settings
from chassis.client import Downstream, ServiceClient
from chassis.consumer import Consumer
from chassis.parking import Parking
from chassis.relay import Relay
from chassis.transport import signed_transport
from contracts import events


class Settings(settings.Settings, frozen=True, kw_only=True):
    """The service's settings, read from its environment.

    ``stripe_api_base`` is the URL of the gateway's API if it is not Stripe's own.
    ``retry_base_seconds`` is the first delay of a retry queue. The seller and the tax are those on
    receipts; the prices include ``tax_percent`` of tax.
    """

    table_name: str
    topic_arn: str
    relay_dead_letters_url: str
    charge_retry_url: str
    charge_dead_letters_url: str
    fulfil_retry_url: str
    fulfil_dead_letters_url: str
    file_manager_url: str
    notifications_url: str
    stripe_api_key: str
    stripe_webhook_secret: str
    seller_name: str
    seller_address: str
    seller_tax_number: str
    tax_name: str = "Tax"
    tax_percent: Decimal = Decimal(0)
    stripe_api_base: str = ""
    retry_base_seconds: float = 30


class Components(NamedTuple):
    """The parts of the service that its entry points use."""

    transactions: Transactions
    auditing: Auditing
    retrying: Retrying
    webhooks: Webhooks
    erasing: Erasing
    relay: Relay
    charge: Consumer
    fulfil: Consumer


def build(
    settings: Settings,
    gateway: Gateway | None = None,
    file_manager: Downstream | None = None,
    notifications: Downstream | None = None,
    ledger: Ledger | None = None,
) -> Components:
    """Create the components of the service and connect them.

    Parameters
    ----------
    settings
        The service's settings.
    gateway
        Charges and refunds; Stripe by default.
    file_manager, notifications
        Clients of the downstream services; by default, of the URLs in the settings.
    ledger
        Reads the gateway's records; Stripe's by default.
    """
    sqs = aws.client("sqs")
    store = TransactionStore(settings.table_name)
    stripe = StripeGateway(settings.stripe_api_key, settings.stripe_api_base)
    charging = Charging(store, gateway or stripe)
    transport = signed_transport()
    seller = Seller(
        name=settings.seller_name,
        address=settings.seller_address,
        tax_number=settings.seller_tax_number,
        tax_name=settings.tax_name,
        tax_percent=settings.tax_percent,
    )
    receipts = partial(render_receipt, seller=seller)
    fulfillment = Fulfillment(
        store,
        file_manager or ServiceClient("file_manager", settings.file_manager_url, transport),
        notifications or ServiceClient("notifications", settings.notifications_url, transport),
        receipts,
        partial(render_credit_note, seller=seller),
    )
    return Components(
        transactions=Transactions(store),
        auditing=Auditing(store, ledger or StripeLedger(stripe)),
        retrying=Retrying(store),
        webhooks=Webhooks(settings.stripe_webhook_secret, store, charging, gateway or stripe),
        erasing=Erasing(store, receipts),
        relay=Relay(
            settings.topic_arn,
            aws.client("sns"),
            TransactionRecord,
            events_of,
            Parking(sqs, settings.relay_dead_letters_url),
        ),
        charge=Consumer(
            {
                events.ORDER_PLACED: charging.on_order_placed,
                events.ORDER_CANCELLED: charging.on_order_cancelled,
                events.PAYMENT_RETRIED: charging.on_payment_retried,
                events.PAYMENT_DISPUTE_CLOSED: charging.on_dispute_closed,
            },
            Parking(sqs, settings.charge_dead_letters_url),
            sqs,
            settings.retry_base_seconds,
        ),
        fulfil=Consumer(
            {
                events.PAYMENT_SUCCEEDED: fulfillment.on_outcome,
                events.PAYMENT_DECLINED: fulfillment.on_outcome,
                events.PAYMENT_ACTION_REQUIRED: fulfillment.on_outcome,
                events.PAYMENT_REFUNDED: fulfillment.on_outcome,
                events.PAYMENT_CANCELLED: fulfillment.on_outcome,
                events.PAYMENT_PARTIALLY_REFUNDED: fulfillment.on_outcome,
                events.PAYMENT_REFUND_FAILED: fulfillment.on_outcome,
                events.PAYMENT_DISPUTED: fulfillment.on_outcome,
                events.PAYMENT_DISPUTE_CLOSED: fulfillment.on_outcome,
            },
            Parking(sqs, settings.fulfil_dead_letters_url),
            sqs,
            settings.retry_base_seconds,
        ),
    )
