"""The consumer: passes events to their handlers and classifies failures for all services.

========== ======================================= ===========================================
kind       cause                                   what happens
========== ======================================= ===========================================
transient  any other error                         raised: Lambda retries for minutes, then the
                                                   retry queue retries for hours
permanent  ``PermanentFailure``                    parked at once
poison     not an event, or violates its schema    parked at once
exhausted  the retry queue received it too often   SQS moves it to the dead-letter queue
========== ======================================= ===========================================

Every handler must be idempotent: each hop delivers at least once.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec

from chassis import context, log, tracing
from chassis.aws_spans import name_of
from chassis.parking import Parking, is_replay
from contracts.events import CloudEvent, EventType

Handler = Callable[[CloudEvent[Any]], None]

MAX_DELAY = 3600
"""Seconds."""
_FAILING = 4
"""Failed deliveries by a queue after which a message counts as failing, so after some minutes."""


class PermanentFailure(Exception):
    """A retry cannot help; the text is the reason."""


class Consumer:
    """Passes the events of a subscription to their handlers.

    Parameters
    ----------
    handlers
        The handler of each event type that matches the subscription's filter policy.
    parking
        Parks messages in the function's dead-letter queue.
    sqs
        A botocore SQS client, for the retry queue's delays.
    base_delay
        Seconds before the retry queue's second attempt; each further delay is twice as long.
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
        """Handle what SNS delivers: one message per invocation.

        Parameters
        ----------
        event
            The event of Lambda, with its ``Records``.
        lambda_context
            The context of the invocation, which limits the time.

        Returns
        -------
        dict
            The ids of the events that were ``handled``. A replay deletes a message only then.

        Raises
        ------
        Exception
            The error of a handler, if a retry may help: Lambda retries.
        ReplayRejected
            If a replayed message would be parked again.
        """
        handled = [
            self._handle(
                record["Sns"]["Message"],
                lambda_context,
                _Delivery(
                    "aws.sns", record["Sns"].get("TopicArn", ""), _attempt_of(lambda_context)
                ),
                replay=is_replay(event),
            )
            for record in event["Records"]
        ]
        return {"handled": [event_id for event_id in handled if event_id is not None]}

    def on_sqs(
        self, event: dict[str, Any], queue_url: str, lambda_context: Any = None
    ) -> dict[str, Any]:
        """Handle what the retry queue delivers.

        A message that fails again stays in the queue, each time for twice as long.

        Parameters
        ----------
        event
            The event of Lambda, with its ``Records``.
        queue_url
            URL of the retry queue.
        lambda_context
            The context of the invocation, which limits the time.

        Returns
        -------
        dict
            A partial batch response: the ids of the messages that stay in the queue.
        """
        failed = []
        for record in event["Records"]:
            messages, earlier = _messages_of(record["body"])
            received = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
            postpone = partial(delay, self._sqs, queue_url, record, base_delay=self._base_delay)
            delivery = _Delivery("aws_sqs", queue_url, earlier + received, postpone)
            try:
                for message in messages:
                    self._handle(message, lambda_context, delivery)
            except Exception:
                if "receiptHandle" not in record:
                    raise
                failed.append(record["messageId"])
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}

    def _handle(
        self,
        message: str,
        lambda_context: Any,
        delivery: "_Delivery",
        *,
        replay: bool = False,
    ) -> str | None:
        """Return the id of the event if its handler succeeded, otherwise ``None``."""
        raw = _raw(message)
        members = raw if isinstance(raw, dict) else {}
        with tracing.hop(
            f"process {members.get('type', 'message')}",
            tracing.CONSUMER,
            _trace(members),
            budget=context.budget_of(lambda_context),
            invocation=lambda_context,
        ) as span:
            span.attributes |= {
                "messaging.system": delivery.system,
                "messaging.operation.type": "process",
                "messaging.destination.name": name_of(delivery.source),
                "messaging.message.id": str(members.get("id", "")),
                "toyshop.attempt": delivery.attempt,
            }
            context.current().fields["attempt"] = delivery.attempt
            try:
                head = msgspec.json.decode(message, type=CloudEvent[msgspec.Raw])
                kind, handler = self._handlers[head.type]
                event = msgspec.json.decode(message, type=CloudEvent[kind.data])  # type: ignore[name-defined]
            except KeyError:
                # The filter policy should exclude these, so they are not an error.
                log.warning("event ignored", type=head.type, event_id=head.id)
                return None
            except msgspec.MsgspecError as error:
                self._parking.park(raw, reason=f"poison: {error}", replay=replay)
                return None
            tracing.concerns_subject_of(event)
            log.debug("event received", event_id=event.id, type=event.type)
            try:
                handler(event)
            except PermanentFailure as error:
                self._parking.park(raw, reason=f"permanent: {error}", replay=replay)
                return None
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                log.warning("handler failed", event_id=event.id, type=event.type, reason=reason)
                log.metric("toyshop.events.retried")
                if delivery.postpone:
                    delivery.postpone(error)
                else:
                    _remember_failure(lambda_context)
                raise
            log.summary("event handled", event_id=event.id, type=event.type)
            return event.id


class _Delivery(NamedTuple):
    """Where a message came from, how often, and what postpones the next delivery."""

    system: str
    source: str
    attempt: int
    postpone: Callable[[Exception], None] | None = None


def is_duplicate() -> None:
    """Record that the event being handled was handled before, and changes nothing."""
    if (hop := tracing.current_hop()) and "toyshop.attempt" in hop.attributes:
        hop.attributes["toyshop.duplicate"] = True
        log.metric("toyshop.events.duplicate")
        log.debug("event already handled")


_failures: dict[str, int] = {}
"""Failed attempts by the invocation's id, which stays the same when Lambda tries again."""
_REMEMBERED = 100


def _remember_failure(lambda_context: Any) -> None:
    if invocation_id := getattr(lambda_context, "aws_request_id", None):
        if len(_failures) >= _REMEMBERED:
            _failures.clear()
        _failures[invocation_id] = _failures.get(invocation_id, 0) + 1


def _attempt_of(lambda_context: Any) -> int:
    """Return the number of an attempt, as far as this process has seen the earlier ones."""
    return _failures.get(getattr(lambda_context, "aws_request_id", ""), 0) + 1


def delay(
    sqs: Any, queue_url: str, record: dict[str, Any], error: Exception, base_delay: float
) -> None:
    """Delay the next delivery of a message that failed, each time for twice as long.

    Parameters
    ----------
    sqs
        A botocore SQS client.
    queue_url
        URL of the queue that contains the message.
    record
        The message as Lambda delivers it.
    error
        Why it failed.
    base_delay
        Seconds of the delay after the first failure; no delay is longer than ``MAX_DELAY``.

    Raises
    ------
    Exception
        The given error, if no queue holds the message because a replay sent it.
    """
    if "receiptHandle" not in record:
        raise error
    received = int(record["attributes"]["ApproximateReceiveCount"])
    seconds = min(base_delay * 2 ** (received - 1), MAX_DELAY)
    reason = f"{type(error).__name__}: {error}"
    log.warning("retry scheduled", attempt=received, delay_seconds=seconds, reason=reason)
    if received >= _FAILING:
        log.metric("toyshop.events.failing")
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


def _trace(members: Mapping[str, Any]) -> dict[str, str]:
    """Return the trace of a message, as far as it has one."""
    trace = members.get(context.TRACEPARENT)
    return {context.TRACEPARENT: trace} if isinstance(trace, str) else {}


def _messages_of(body: str) -> tuple[list[str], int]:
    """Return the events of a retry-queue message, and how often they were attempted before.

    Lambda's failure destination wraps the SNS event that it could not deliver; a replay may send
    the event itself.
    """
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return [body], 0
    payload = document.get("requestPayload", document)
    if "Records" in payload:
        invoked = document.get("requestContext", {}).get("approximateInvokeCount", 0)
        return [record["Sns"]["Message"] for record in payload["Records"]], int(invoked)
    return [body], 0
