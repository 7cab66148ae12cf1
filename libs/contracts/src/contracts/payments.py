"""The payments service: what was charged for an order, and what became of it."""

from typing import Annotated, Literal

from msgspec import Meta

from contracts.money import Money
from contracts.notifications import Template
from contracts.operations import Operation
from contracts.orders import Contact, OrderLine
from contracts.schema import Input, NoBody, Output, Timestamp

PaymentStatus = Literal[
    "pending", "succeeded", "declined", "action_required", "refunded", "cancelled"
]


class Transaction(Output):
    """The one transaction of an order. ``client_secret`` is set while the shopper must act."""

    id: str
    order_id: str
    customer_id: str
    status: PaymentStatus
    amount: Money
    version: int
    created_at: Timestamp
    updated_at: Timestamp
    decline_code: str | None = None
    client_secret: str | None = None
    receipt_file_id: str | None = None


class TransactionLookup(Input):
    """The orders whose transactions are wanted."""

    order_ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=100)
    ]


class TransactionLookupAnswer(Output):
    """The transactions that exist for the orders asked for."""

    items: list[Transaction]


class TransactionAudit(Input):
    """The orders to audit, and the time in which their charges were begun.

    What the gateway began then is listed; money in that list that no transaction records is told
    of, whatever its order. ``until`` itself is out.
    """

    order_ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=100)
    ]
    since: Timestamp
    until: Timestamp


class GatewayCharge(Output):
    """What the gateway's own records say of one payment intent."""

    intent_id: str
    order_id: str
    status: Literal["open", "action_required", "processing", "declined", "succeeded", "cancelled"]
    charged: Money
    refunded: Money
    created_at: Timestamp


class ExpectedMessage(Output):
    """An e-mail that the customer must have been sent."""

    id: str
    template: Template


class AuditedOrder(Output):
    """What is known of an order's payment: by us, by the gateway, and what follows from it.

    Attributes
    ----------
    intent_id
        Of the transaction's own charge.
    charges
        The transaction's own, and others of the order that the time asked for holds.
    receipt_file_id
        Of the receipt that must be archived; ``None`` if there must be none.
    """

    order_id: str
    transaction: Transaction | None
    intent_id: str | None
    charges: list[GatewayCharge]
    receipt_file_id: str | None
    messages: list[ExpectedMessage]


class TransactionAuditAnswer(Output):
    """The orders asked for, and money taken in that time for others that no transaction records."""

    items: list[AuditedOrder]
    unrecorded: list[GatewayCharge]


class Webhook(Input):
    """What the gateway posted, to the byte (base64 on the wire), and how it signed it."""

    payload: Annotated[bytes, Meta(max_length=256 * 1024)]
    signature: Annotated[str, Meta(max_length=2000)]


class PaymentOutcome(Output):
    """Data of every payment event: the transaction, and of the order what a mail needs."""

    transaction_id: str
    order_id: str
    customer_id: str
    status: PaymentStatus
    amount: Money
    contact: Contact
    lines: list[OrderLine]
    occurred_at: Timestamp
    decline_code: str | None = None


GET: Operation[Transaction] = Operation(
    name="getTransaction", method="GET", path="/transactions/{transaction_id}",
    summary="One transaction", answer=Transaction, problems=(404,), repeatable=True,
)  # fmt: skip
LOOKUP: Operation[TransactionLookupAnswer] = Operation(
    name="lookUpTransactions", method="POST", path="/transactions/lookup",
    summary="The transactions of many orders in one call",
    body=TransactionLookup, answer=TransactionLookupAnswer, problems=(400, 422), repeatable=True,
)  # fmt: skip
RECEIVE_WEBHOOK: Operation[None] = Operation(
    name="receiveWebhook", method="POST", path="/webhooks", summary="News from the gateway",
    body=Webhook, status=(204,), problems=(400, 422), repeatable=True,
)  # fmt: skip
AUDIT: Operation[TransactionAuditAnswer] = Operation(
    name="auditTransactions", method="POST", path="/transactions/audit",
    summary="What the gateway's own records say of many orders, beside their transactions",
    body=TransactionAudit, answer=TransactionAuditAnswer, problems=(400, 422), repeatable=True,
)  # fmt: skip
REEMIT: Operation[None] = Operation(
    name="reemitTransaction", method="POST", path="/transactions/{transaction_id}/events",
    summary="Have the outcomes of the transaction told of again",
    body=NoBody, status=(202,), problems=(400, 404), repeatable=True,
)  # fmt: skip

OPERATIONS = (GET, LOOKUP, RECEIVE_WEBHOOK, REEMIT, AUDIT)
