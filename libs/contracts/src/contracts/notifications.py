"""The notifications service: emails, each sent once."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from contracts import patterns
from contracts.money import Money
from contracts.operations import Operation
from contracts.orders import OrderLine
from contracts.schema import Email, Input, Output, PersonName, Timestamp

MAX_ATTACHMENT_BYTES = 2 * 1024 * 1024

Template = Literal[
    "payment_succeeded", "payment_declined", "payment_action_required", "payment_refunded"
]
Reversal = Literal["partially_refunded", "refund_failed", "disputed", "dispute_won", "dispute_lost"]


class OrderMail(Input):
    """The data of an order for the templates about its payment.

    ``charged`` is false if the order was cancelled before anything was charged.
    """

    order_id: Annotated[str, Meta(min_length=1, max_length=64, pattern=patterns.LINE)]
    total: Money
    lines: list[OrderLine]
    decline_code: str | None = None
    charged: bool = True
    cancelled: Annotated[
        bool, Meta(description="Whether the payment was refunded because the order was cancelled")
    ] = True
    reversal: Annotated[
        Reversal | None,
        Meta(description="What payment_refunded is about, if it is not about a full refund"),
    ] = None
    refund: Annotated[Money | None, Meta(description="What has been refunded this time")] = None
    refunded: Annotated[Money | None, Meta(description="What has been refunded in total")] = None
    disputed: Annotated[Money | None, Meta(description="What the customer's bank disputes")] = None


class Attachment(Input):
    """A file to attach: its ``content`` in base64, or the ``url`` to read it from with its SHA-256.

    The URL is a presigned one of S3.
    """

    filename: Annotated[str, Meta(min_length=1, max_length=120, pattern=patterns.FILENAME)]
    content_type: Literal["application/pdf"]
    content: Annotated[bytes, Meta(min_length=1, max_length=MAX_ATTACHMENT_BYTES)] | UnsetType = (
        UNSET
    )
    url: Annotated[str, Meta(min_length=1, max_length=4096)] | UnsetType = UNSET
    sha256: Annotated[str, Meta(pattern=patterns.SHA256)] | UnsetType = UNSET


class NewMessage(Input):
    """An email to send under an id that the caller derives."""

    to: Email
    name: PersonName
    template: Template
    order: OrderMail
    attachments: Annotated[list[Attachment], Meta(max_length=5)] = []


class MessageText(Output):
    """An email's subject and its text, as they were sent."""

    subject: str
    text: str


class Message(Output):
    """An email and whether it has been sent; ``to`` is empty once the customer's data is erased."""

    id: str
    to: str
    template: Template
    status: Literal["sending", "sent"]
    version: int
    created_at: Timestamp
    sent_at: Timestamp | None = None
    content: Annotated[
        MessageText | None,
        Meta(description="Only if a lookup asks for it, the email was sent, and nothing is erased"),
    ] = None


class MessageLookup(Input):
    """The ids of the messages to return, and whether to return their texts too."""

    ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=100)
    ]
    texts: bool = False


class MessageErasure(Input):
    """The ids of the messages whose address to erase."""

    ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=100)
    ]


class MessageErasureAnswer(Output):
    """The ids of those messages that had an address until now."""

    erased: list[str]


class MessageLookupAnswer(Output):
    """The messages with the given ids, in no particular order, without those that do not exist."""

    items: list[Message]


SEND: Operation[Message] = Operation(
    name="sendMessage", method="PUT", path="/messages/{message_id}",
    summary="Send an email; repeating the id sends nothing",
    body=NewMessage, answer=Message, status=(201, 200), problems=(400, 409, 422, 503),
    repeatable=True,
)  # fmt: skip
LOOKUP: Operation[MessageLookupAnswer] = Operation(
    name="lookUpMessages", method="POST", path="/messages/lookup",
    summary="Return the messages with the given ids",
    body=MessageLookup, answer=MessageLookupAnswer, problems=(400, 422), repeatable=True,
)  # fmt: skip
ERASE: Operation[MessageErasureAnswer] = Operation(
    name="eraseMessages", method="POST", path="/messages/erasures",
    summary="Erase the addresses and texts of sent emails; repeating it changes nothing",
    body=MessageErasure, answer=MessageErasureAnswer, problems=(400, 409, 422), repeatable=True,
)  # fmt: skip

OPERATIONS = (SEND, LOOKUP, ERASE)
