"""Parking: what cannot be handled is put aside with its reason, visible and replayable."""

from typing import Any

import msgspec

from chassis import context, log


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

    def park(self, message: Any, reason: str) -> None:
        """Put a message aside, with all that a replay needs.

        Parameters
        ----------
        message
            The event as it came.
        reason
            Why it is parked, for the person who looks.
        """
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
