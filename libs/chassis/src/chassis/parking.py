"""Parking: what cannot be handled is put aside with its reason, visible and replayable.

A replay (``./shop replay``) delivers a parked message again and says so in the event, beside its
records. What would be parked then is refused instead: its only copy stays where it is.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from chassis import context, log


class Refused(Exception):
    """A replay met what would be parked again, for the reason given."""


def is_replay(event: Mapping[str, Any]) -> bool:
    """Return whether Lambda's event is a dead letter that is delivered again."""
    return event.get("replay") is True


class Parking:
    """A dead-letter queue that code parks messages in.

    Parameters
    ----------
    sqs
        A botocore SQS client.
    queue_url
        The dead-letter queue of the function that parks.
    """

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def park(self, message: Any, reason: str, *, replay: bool = False) -> None:
        """Put a message aside, with all that a replay needs.

        Parameters
        ----------
        message
            The event as it came.
        reason
            Why it is parked, for the person who looks.
        replay
            Whether the message comes from the dead-letter queue.

        Raises
        ------
        Refused
            If it does: it is parked already.
        """
        if replay:
            log.error("refused again", reason=reason)
            raise Refused(reason)
        now = context.current()
        # SQS refuses a message whose attributes hold control characters
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
        log.metric("Parked")
