"""The journey of an order: what the services did for it, as their traces recorded it."""

from typing import Annotated, Literal

from msgspec import Meta

from contracts.notifications import MessageText, Template
from contracts.schema import Output, Timestamp

HopKind = Literal["request", "relay", "event", "call", "function"]
HopOutcome = Literal["ok", "failed", "retried", "parked", "duplicate"]
Channel = Literal["http", "stream", "topic", "retry", "retry_queue"]
Missing = Literal["not_recorded", "expired", "unavailable"]
Milliseconds = Annotated[float, Meta(ge=0, description="Milliseconds since the journey started")]
Duration = Annotated[float, Meta(ge=0, description="In milliseconds")]


class JourneyHop(Output):
    """A step of one service: a request, the relay of a change, the handling of an event, a call.

    ``retried`` is a failed attempt that another one follows. ``parked`` is an event that was moved
    to a dead-letter queue, and ``duplicate`` one that was delivered again and changed nothing.
    """

    id: str
    trace_id: str
    parent_id: Annotated[str | None, Meta(description="The hop that caused this one")]
    service: str
    peer: Annotated[str | None, Meta(description="Who is called, if it records no hop of its own")]
    function: Annotated[str | None, Meta(description="The function of the service")]
    kind: HopKind
    name: Annotated[str, Meta(description="Method and path, or what happens to which event")]
    event: Annotated[str | None, Meta(description="The type of the event")]
    start: Milliseconds
    duration: Duration
    attempt: Annotated[int, Meta(ge=1, description="1 for the first attempt")]
    outcome: HopOutcome
    status: Annotated[int | None, Meta(description="The HTTP status of the response")]
    error: Annotated[str | None, Meta(description="The type of the error, or why it was parked")]


class JourneyMessage(Output):
    """What one hop sent to another, and how long it waited before the other began.

    ``stream`` is a change that waits for its relay, ``topic`` an event that was published,
    ``retry`` the time between two attempts, and ``retry_queue`` the same in the service's queue.
    """

    sender: Annotated[str, Meta(description="The id of a hop")]
    receiver: Annotated[str, Meta(description="The id of a hop")]
    channel: Channel
    event: str | None
    sent: Milliseconds
    waited: Duration


class JourneyEmail(Output):
    """An email about the order, as it was sent."""

    id: str
    hop: Annotated[str, Meta(description="The id of the hop that sent it")]
    to: str
    template: Template
    status: Literal["sending", "sent"]
    sent_at: Timestamp | None
    content: Annotated[
        MessageText | None,
        Meta(description="As it was sent; null if it was not sent, or is erased"),
    ]


class Journey(Output):
    """All hops of an order in order of time, drawn from its traces.

    ``missing`` says why there are no hops: no trace was recorded, it is older than 30 days, or the
    traces are not available now. Without ``complete``, a part of the traces could not be read.
    """

    order_id: str
    started_at: Timestamp | None
    duration: Duration
    hops: list[JourneyHop]
    messages: list[JourneyMessage]
    emails: list[JourneyEmail]
    receipt: Annotated[bool, Meta(description="Whether the order's receipt is available")]
    complete: bool
    missing: Missing | None
