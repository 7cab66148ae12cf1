"""The notifications service: e-mails, each sent once."""

from typing import Annotated, Literal

from msgspec import Meta

from contracts.money import Money
from contracts.operations import Operation
from contracts.orders import OrderLine
from contracts.schema import Email, Input, Line, Output, PersonName, Timestamp

Template = Literal[
    "payment_succeeded", "payment_declined", "payment_action_required", "payment_refunded"
]


class OrderMail(Input):
    """What the templates about an order's payment may say."""

    order_id: Annotated[str, Meta(min_length=1, max_length=64, pattern=Line)]
    total: Money
    lines: list[OrderLine]
    decline_code: str | None = None


class Attachment(Input):
    """A file to attach; ``content`` travels as base64."""

    filename: Annotated[str, Meta(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9._-]+$(?!\n)")]
    content_type: Literal["application/pdf"]
    content: Annotated[bytes, Meta(min_length=1, max_length=2 * 1024 * 1024)]


class NewMessage(Input):
    """An e-mail to send under an id that its sender derives."""

    to: Email
    name: PersonName
    template: Template
    order: OrderMail
    attachments: Annotated[list[Attachment], Meta(max_length=5)] = []


class Message(Output):
    """What became of an e-mail."""

    id: str
    to: str
    template: Template
    status: Literal["sending", "sent"]
    version: int
    created_at: Timestamp
    sent_at: Timestamp | None = None


class MessageLookup(Input):
    """The e-mails that are wanted."""

    ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=100)
    ]


class MessageLookupAnswer(Output):
    """The e-mails that exist of those asked for, in no order."""

    items: list[Message]


SEND: Operation[Message] = Operation(
    name="sendMessage", method="PUT", path="/messages/{message_id}",
    summary="Send an e-mail; the same id again sends nothing",
    body=NewMessage, answer=Message, status=(201, 200), problems=(400, 409, 422, 503),
    repeatable=True,
)  # fmt: skip
LOOKUP: Operation[MessageLookupAnswer] = Operation(
    name="lookUpMessages", method="POST", path="/messages/lookup",
    summary="What became of many e-mails in one call",
    body=MessageLookup, answer=MessageLookupAnswer, problems=(400, 422), repeatable=True,
)  # fmt: skip

OPERATIONS = (SEND, LOOKUP)
