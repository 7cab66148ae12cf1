"""The consumer: events into handlers, and failures sorted once for all services.

========== ==================================== ==============================================
kind       means                                what happens
========== ==================================== ==============================================
transient  any other error                      raised: Lambda retries for minutes, then hands
                                                it to the retry queue, which tries for hours
permanent  ``PermanentFailure``                 parked at once
poison     not an event, or breaks its schema   parked at once
exhausted  the retry queue's receives are used  SQS moves it to the dead-letter queue
========== ==================================== ==============================================

Every handler must be idempotent: each hop delivers at least once.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from chassis import context, log
from chassis.parking import Parking, is_replay
from contracts.events import CloudEvent, EventType

Handler = Callable[[CloudEvent[Any]], None]

MAX_DELAY = 3600


class PermanentFailure(Exception):
    """Trying again would not help."""


class Consumer:
    """Hands the events of a subscription to their handlers.

    Parameters
    ----------
    handlers
        Of each event type that the subscription's filter lets through.
    parking
        The function's dead-letter queue.
    sqs
        A botocore SQS client, for the retry queue's delays.
    base_delay
        Seconds before the retry queue's second try; each further one waits twice as long.
    """

    def __init__(
        self,
        handlers: Mapping[EventType, Handler],
        parking: Parking,
        sqs: Any,
        base_delay: float = 30,
    ) -> None:
        self._handlers = {kind.name: (kind, handler) for kind, handler in handlers.items()}
        self._parking = parking
        self._sqs = sqs
        self._base_delay = base_delay

    def on_sns(self, event: dict[str, Any], lambda_context: Any = None) -> dict[str, Any]:
        """Handle what a topic delivers: one message an invocation.

        Parameters
        ----------
        lambda_context
            Of the invocation: it says how much time there is.

        Returns
        -------
        dict
            The ids of the events that were ``handled``: a replay waits for this word.

        Raises
        ------
        Exception
            Whatever a handler raised that may go away: Lambda tries again.
        """
        done = [
            self._handle(record["Sns"]["Message"], lambda_context, replay=is_replay(event))
            for record in event["Records"]
        ]
        return {"handled": [event_id for event_id in done if event_id is not None]}

    def on_sqs(
        self, event: dict[str, Any], queue_url: str, lambda_context: Any = None
    ) -> dict[str, Any]:
        """Handle what the retry queue delivers.

        A message that fails again stays in the queue for a growing while.

        Parameters
        ----------
        queue_url
            The retry queue.
        lambda_context
            Of the invocation: it says how much time there is.

        Returns
        -------
        dict
            A partial-batch answer: the messages that must stay.
        """
        failed = []
        for record in event["Records"]:
            try:
                for message in _messages_of(record["body"]):
                    self._handle(message, lambda_context)
            except Exception as error:
                failed.append(record["messageId"])
                delay(self._sqs, queue_url, record, error, self._base_delay)
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}

    def _handle(self, message: str, lambda_context: Any, *, replay: bool = False) -> str | None:
        """Return the event's id once its handler has done its work, ``None`` if it did not."""
        try:
            head = msgspec.json.decode(message, type=CloudEvent[msgspec.Raw])
            kind, handler = self._handlers[head.type]
            event = msgspec.json.decode(message, type=CloudEvent[kind.data])  # type: ignore[name-defined]
        except KeyError:
            # The filter policy keeps these away; one that slips through concerns nobody here.
            log.warning("ignored", type=head.type, event=head.id)
            return None
        except msgspec.MsgspecError as error:
            raw = _raw(message)
            with context.entered(_trace(raw), budget=context.budget_of(lambda_context)):
                self._parking.park(raw, reason=f"poison: {error}", replay=replay)
            return None
        trace = {context.TRACEPARENT: event.traceparent or ""}
        with context.entered(trace, budget=context.budget_of(lambda_context)):
            try:
                handler(event)
            except PermanentFailure as error:
                self._parking.park(_raw(message), reason=f"permanent: {error}", replay=replay)
                return None
            except Exception as error:
                log.warning("failed", event=event.id, reason=f"{type(error).__name__}: {error}")
                raise
            log.info("handled", event=event.id, type=event.type)
            return event.id


def delay(
    sqs: Any, queue_url: str, record: dict[str, Any], error: Exception, base_delay: float
) -> None:
    """Keep a message that has failed in its queue, for twice as long each time.

    Parameters
    ----------
    sqs
        A botocore SQS client.
    record
        The message as Lambda delivers it.
    base_delay
        Seconds after the first failure.

    Raises
    ------
    Exception
        The error itself, if no queue holds the message: a replay has sent it.
    """
    if "receiptHandle" not in record:
        raise error
    received = int(record["attributes"]["ApproximateReceiveCount"])
    seconds = min(base_delay * 2 ** (received - 1), MAX_DELAY)
    reason = f"{type(error).__name__}: {error}"
    log.warning("retry scheduled", received=received, delay=seconds, reason=reason)
    sqs.change_message_visibility(
        QueueUrl=queue_url,
        ReceiptHandle=record["receiptHandle"],
        VisibilityTimeout=int(seconds),
    )


def _raw(message: str) -> Any:
    try:
        return msgspec.json.decode(message)
    except msgspec.MsgspecError:
        return message


def _trace(raw: Any) -> dict[str, str]:
    """Return what is known of the trace of something that is no sound event."""
    trace = raw.get(context.TRACEPARENT) if isinstance(raw, dict) else None
    return {context.TRACEPARENT: trace} if isinstance(trace, str) else {}


def _messages_of(body: str) -> list[str]:
    """Return the events of a retry-queue message.

    Lambda's failure destination wraps the SNS event it gave up on; a replay may send the event
    itself.
    """
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return [body]
    payload = document.get("requestPayload", document)
    if "Records" in payload:
        return [record["Sns"]["Message"] for record in payload["Records"]]
    return [body]
