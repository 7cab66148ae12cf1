"""The API of payments: transactions, the audit of the gateway's records, and webhooks."""

from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta

from contracts import patterns
from contracts.money import Money
from contracts.notifications import Template
from contracts.operations import Operation
from contracts.orders import Address, Contact, IdempotencyKey, OrderLine, OrderStatus, PaymentMethod
from contracts.schema import Input, NoBody, Output, Timestamp

MAX_RETRY_AGE = timedelta(days=7)
"""Age of a transaction from which on it can no longer be paid again."""

MAX_WEBHOOK = 512 * 1024
"""Bytes of a webhook: those about disputes contain the evidence, up to 150,000 characters."""

PaymentStatus = Literal[
    "pending", "succeeded", "declined", "action_required", "refunded", "cancelled"
]


PaymentChange = Literal[
    "partially_refunded",
    "refunded_again",
    "refund_failed",
    "disputed",
    "dispute_won",
    "dispute_lost",
]
DisputeState = Literal["open", "won", "lost"]


class Transaction(Output):
    """The only transaction of an order. ``client_secret`` is set while an action is required."""

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
    refunded_amount: Annotated[
        Money | None, Meta(description="The refunds that have not failed, whoever requested them")
    ] = None
    refund_failed: Annotated[
        bool, Meta(description="Whether a refund has failed that the shop requested")
    ] = False
    dispute: Annotated[
        DisputeState | None, Meta(description="The state of the bank's dispute, if there was one")
    ] = None
    withdrawn_amount: Annotated[
        Money | None, Meta(description="What banks have withdrawn because of disputes")
    ] = None
    erased: Annotated[bool, Meta(description="Whether the customer's data are erased")] = False


class TransactionErasure(Input):
    """The orders whose transactions are to lose their customer's data."""

    order_ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=10)
    ]


class PseudonymizedReceipt(Output):
    """The receipt of a transaction without its customer, to replace the archived one with."""

    file_id: str
    order_id: str
    filename: str
    content: bytes


class TransactionErasureAnswer(Output):
    """The ids of the orders whose transactions had data of their customer, and all receipts.

    The receipts are those of all requested orders that have one, so that a caller that stopped
    before it replaced them can go on.
    """

    erased: list[str]
    receipts: list[PseudonymizedReceipt]


class TransactionLookup(Input):
    """The orders whose transactions to return."""

    order_ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=100)
    ]


class TransactionLookupAnswer(Output):
    """The existing transactions of the requested orders."""

    items: list[Transaction]


class RecordedOrder(Output):
    """An order as its transaction has recorded it.

    Later changes of the address are not in it, the payment method is the one tried last, and an
    erased customer's data are gone. ``cancelled_at`` is set if the payment was cancelled or
    refunded because the order was cancelled, or is to be.
    """

    order_id: str
    customer_id: str
    contact: Contact
    lines: list[OrderLine]
    shipping_address: Address
    payment_method: str
    placed_at: Timestamp
    cancelled_at: Timestamp | None = None


class TransactionAudit(Input):
    """The orders to audit, and the period of the gateway's records to compare them with.

    All charges of that period are compared, so that one without a transaction is reported whatever
    its order. ``until`` is exclusive.
    """

    order_ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=100)
    ]
    since: Timestamp
    until: Timestamp


class GatewayCharge(Output):
    """The gateway's own record of one payment intent."""

    intent_id: str
    order_id: str
    status: Literal["open", "action_required", "processing", "declined", "succeeded", "cancelled"]
    charged: Money
    refunded: Money
    created_at: Timestamp
    dispute: Annotated[
        DisputeState | None, Meta(description="The state of the bank's dispute, if there was one")
    ] = None


class ExpectedMessage(Output):
    """An email that the customer must have received."""

    id: str
    template: Template


class AuditedOrder(Output):
    """An order's transaction, the gateway's records of it, and the documents that it requires."""

    order_id: str
    transaction: Transaction | None
    intent_id: Annotated[str | None, Meta(description="The payment intent of the transaction")]
    charges: Annotated[
        list[GatewayCharge],
        Meta(description="That payment intent, and the order's others in the audited period"),
    ]
    receipt_file_id: Annotated[
        str | None, Meta(description="The receipt that must be archived, if there must be one")
    ]
    messages: Annotated[
        list[ExpectedMessage], Meta(description="The emails that the customer must have received")
    ]


class TransactionAuditAnswer(Output):
    """The requested orders, and the payments of other orders in the period."""

    items: list[AuditedOrder]
    unrecorded: Annotated[
        list[GatewayCharge], Meta(description="Other charges that have no transaction")
    ]
    further: Annotated[
        list[GatewayCharge],
        Meta(description="Other payments that have one, whose orders should exist"),
    ] = []


class Webhook(Input):
    """The exact bytes that the gateway posted (base64 in JSON), and their signature."""

    payload: Annotated[bytes, Meta(max_length=MAX_WEBHOOK)]
    signature: Annotated[str, Meta(max_length=2000)]


class PaymentRetry(Input):
    """A request of the customer to pay again with another payment method.

    ``order_status`` is the order's status when the request was made; a cancelled order is not paid
    again.
    """

    order_id: Annotated[str, Meta(min_length=1, max_length=64)]
    order_status: OrderStatus
    payment_method: PaymentMethod
    idempotency_key: IdempotencyKey
    fingerprint: Annotated[str, Meta(pattern=patterns.SHA256)]


class PaymentRetried(Output):
    """Data of the event that another payment method is to be charged."""

    transaction_id: str
    order_id: str
    customer_id: str
    attempt: Annotated[int, Meta(description="The number of the attempt, from 2")]
    requested_at: Timestamp


class PaymentOutcome(Output):
    """Data of the events about outcomes: the transaction, and the order's data for an email.

    ``card_last4`` are the last four digits of the card that was charged. Transactions of earlier
    releases have neither those nor ``placed_at`` and ``shipping_address``. ``refunded_amount`` and
    ``disputed_amount`` are those of the time of the event.
    """

    transaction_id: str
    order_id: str
    customer_id: str
    status: PaymentStatus
    amount: Money
    contact: Contact
    lines: list[OrderLine]
    occurred_at: Timestamp
    decline_code: str | None = None
    attempt: Annotated[int, Meta(description="The number of the attempt to pay, from 1")] = 1
    change: Annotated[
        PaymentChange | None, Meta(description="What has changed, if it is not the status")
    ] = None
    refunded_amount: Money | None = None
    disputed_amount: Money | None = None
    refund: Annotated[
        Money | None, Meta(description="What was refunded this time, of the refunded amount")
    ] = None
    order_cancelled: Annotated[
        bool,
        Meta(description="Whether it was cancelled or refunded because the order was cancelled"),
    ] = True
    placed_at: Timestamp | None = None
    shipping_address: Address | None = None
    card_last4: str | None = None


LOOKUP: Operation[TransactionLookupAnswer] = Operation(
    name="lookUpTransactions", method="POST", path="/transactions/lookup",
    summary="Look up the transactions of many orders",
    body=TransactionLookup, answer=TransactionLookupAnswer, problems=(400, 422), repeatable=True,
)  # fmt: skip
RECEIVE_WEBHOOK: Operation[None] = Operation(
    name="receiveWebhook", method="POST", path="/webhooks",
    summary="Receive a webhook of the gateway",
    body=Webhook, status=(204,), problems=(400, 409, 422), repeatable=True,
)  # fmt: skip
AUDIT: Operation[TransactionAuditAnswer] = Operation(
    name="auditTransactions", method="POST", path="/transactions/audit",
    summary="Compare the transactions of many orders with the gateway's own records",
    body=TransactionAudit, answer=TransactionAuditAnswer, problems=(400, 422), repeatable=True,
)  # fmt: skip
REEMIT: Operation[None] = Operation(
    name="reemitTransaction", method="POST", path="/transactions/{transaction_id}/events",
    summary="Re-emit the events of a transaction's outcomes",
    body=NoBody, status=(202,), problems=(400, 404), repeatable=True,
)  # fmt: skip
RECORDED_ORDER: Operation[RecordedOrder] = Operation(
    name="getRecordedOrder", method="GET", path="/orders/{order_id}",
    summary="Return an order as its transaction has recorded it",
    answer=RecordedOrder, problems=(404,), repeatable=True,
)  # fmt: skip
RETRY: Operation[Transaction] = Operation(
    name="retryPayment", method="POST", path="/transactions/retries",
    summary="Pay an order again with another payment method, once per idempotency key",
    body=PaymentRetry, answer=Transaction, status=(202,), problems=(400, 409, 422),
    repeatable=True,
)  # fmt: skip
ERASE: Operation[TransactionErasureAnswer] = Operation(
    name="eraseCustomerOfTransactions", method="POST", path="/transactions/erasures",
    summary="Erase the customer's data of finished transactions; repeating it changes nothing",
    body=TransactionErasure, answer=TransactionErasureAnswer, problems=(400, 404, 409, 422),
    repeatable=True,
)  # fmt: skip

OPERATIONS = (LOOKUP, RECEIVE_WEBHOOK, REEMIT, AUDIT, RECORDED_ORDER, RETRY, ERASE)
