"""Parking: moves messages that cannot be handled to a dead-letter queue, with the reason.

A replay (``./shop replay``) redelivers a parked message and sets a flag in the event, beside its
records. Where the message would be parked again, ``ReplayRejected`` is raised instead, so that its
only copy stays in the queue.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from chassis import context, log, tracing


class ReplayRejected(Exception):
    """A redelivered message would be parked again; the text is the reason."""


def is_replay(event: Mapping[str, Any]) -> bool:
    """Return whether an event of Lambda is a redelivered dead letter.

    Parameters
    ----------
    event
        The event as Lambda passes it to a function.
    """
    return event.get("replay") is True


class Parking:
    """Parks messages in a function's dead-letter queue.

    Parameters
    ----------
    sqs
        A botocore SQS client.
    queue_url
        URL of the function's dead-letter queue.
    """

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def park(self, message: Any, reason: str, *, replay: bool = False) -> None:
        """Move a message to the dead-letter queue, with all that a replay needs.

        Parameters
        ----------
        message
            The event as it was delivered.
        reason
            Why it is parked, for the operator.
        replay
            Whether it was redelivered from the dead-letter queue.

        Raises
        ------
        ReplayRejected
            If ``replay`` is true, since the queue already holds it.
        """
        if replay:
            log.error("replay rejected", reason=reason)
            raise ReplayRejected(reason)
        now = context.current()
        # SQS rejects control characters in attributes
        reason = "".join(char if char.isprintable() else " " for char in reason)
        self._sqs.send_message(
            QueueUrl=self._queue_url,
            MessageBody=msgspec.json.encode(message, enc_hook=str).decode(),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in {
                    "reason": reason[:1000] or "unknown",
                    "traceparent": now.traceparent,
                    "correlation_id": now.correlation_id,
                }.items()
            },
        )
        log.error("parked", reason=reason)
        log.metric("toyshop.events.parked")
        if span := tracing.current():
            span.note("parked", reason=reason)
            span.fail("parked", reason)
