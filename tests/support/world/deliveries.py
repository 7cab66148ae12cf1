"""Everything that waits to be delivered: stream records, events, messages, webhooks.

AWS delivers at least once and in no particular order, so whatever is due may be delivered next, and
may be delivered again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zlib import crc32

from support.world import apps, event_sources
from support.world.calls import ExternalCalls, ProcessCrashed
from support.world.event_sources import MemoryQueue, Message, Subscription
from support.world.tables import MemoryTables

ASYNC_RETRY_WAITS = (60, 120)
"""Seconds before Lambda's second and third attempt (Lambda's guide, "Asynchronous invocation")."""
WEBHOOK_RETRY_WAIT = 3600
"""Seconds before the gateway sends a webhook again."""
BATCH_SIZE = 10
"""Stream records per invocation."""
SHARDS = 2
"""Shards per stream."""


@dataclass(frozen=True)
class Delivery:
    """One delivery that is due.

    Attributes
    ----------
    name
        Name of the receiver; the same in every run with the same choices.
    run
        Makes the delivery. With ``True`` the same delivery becomes due once more.
    """

    name: str
    run: Callable[[bool], None]


@dataclass
class Invocation:
    """An asynchronous invocation in Lambda's queue; times are Unix times in seconds."""

    subscription: Subscription
    event: dict[str, Any]
    since: float
    due: float
    attempts: int = 0


@dataclass
class Shard:
    """A shard of a table's stream; ``read`` counts the records that were read."""

    service: str
    table: str
    number: int
    records: list[dict[str, Any]] = field(default_factory=list)
    read: int = 0


@dataclass
class Webhook:
    """An event that the gateway sends until it is acknowledged."""

    event: dict[str, Any]
    due: float


@dataclass
class DelayedRequest:
    """A request whose client has given up, and which is still to be carried out."""

    name: str
    do: Callable[[], object]


class Deliveries:
    """Lambda's event sources, SNS and SQS, the gateway's webhooks and delayed requests.

    Parameters
    ----------
    calls
        Records the hops and their retries.
    tables
        The tables whose streams are read.
    queues
        All queues by name.
    send_webhook
        Sends an event of the gateway to payments; returns whether it was acknowledged.

    Attributes
    ----------
    hold_delayed
        Whether delayed requests are kept back for now.
    """

    def __init__(
        self,
        calls: ExternalCalls,
        tables: MemoryTables,
        queues: dict[str, MemoryQueue],
        send_webhook: Callable[[dict[str, Any]], bool],
    ) -> None:
        self.hold_delayed = False
        self.consumers = event_sources.queue_consumers()
        self._calls = calls
        self._tables = tables
        self._queues = queues
        self._send_webhook = send_webhook
        self._subscriptions = event_sources.subscriptions()
        self._invocations: list[Invocation] = []
        self._webhooks: list[Webhook] = []
        self._delayed: list[DelayedRequest] = []
        self._shards = {
            table: [Shard(service, table, number) for number in range(SHARDS)]
            for service in ("orders", "payments", "file_manager")
            for table in [f"toyshop-local-{service.replace('_', '-')}"]
        }
        self._filters = {
            table: event_sources.stream_filters(shards[0].service)
            for table, shards in self._shards.items()
        }
        self._streamed = dict.fromkeys(self._shards, 0)
        self._running: set[int] = set()

    def due(self) -> list[Delivery]:
        """Return what may be delivered now."""
        return list(self._due())

    def next_due_time(self) -> float | None:
        """Return the time at which the next waiting delivery is due; ``None`` if none waits."""
        times = [
            *(invocation.due for invocation in self._invocations),
            *(webhook.due for webhook in self._webhooks),
            *(
                message.visible_at
                for name in self.consumers
                for message in self._queues[name].messages
            ),
        ]
        return min(times, default=None)

    def publish(self, topic: str, message: str, event_type: str) -> None:
        """Invoke the functions that subscribe to a topic and whose filter accepts the type."""
        for subscription in self._subscriptions:
            if subscription.topic == topic and event_type in subscription.types:
                event = event_sources.sns_event(subscription, message, event_type)
                self._invocations.append(Invocation(subscription, event, now(), now()))

    def add_webhook(self, event: dict[str, Any]) -> None:
        """Add an event that the gateway has to send."""
        self._webhooks.append(Webhook(event, now()))

    def delay(self, name: str, do: Callable[[], object]) -> None:
        """Add a request that is carried out later, when its client has given up."""
        self._delayed.append(DelayedRequest(name, do))

    def run_delayed_requests(self) -> None:
        """Carry out all delayed requests."""
        for request in list(self._delayed):
            self._run_delayed(request, False)

    def _due(self) -> Iterator[Delivery]:
        self._read_streams()
        for shards in self._shards.values():
            for shard in shards:
                if len(shard.records) > shard.read and id(shard) not in self._running:
                    yield Delivery(f"{shard.table} {shard.number}", partial(self._relay, shard))
        for invocation in self._invocations:
            if invocation.due <= now():
                name = invocation.subscription.function
                yield Delivery(name, partial(self._invoke, invocation))
        for queue, (service, function) in self.consumers.items():
            for message in self._queues[queue].messages:
                if message.visible_at <= now():
                    run = partial(self._receive, service, function, self._queues[queue], message)
                    yield Delivery(function, run)
        for webhook in self._webhooks:
            if webhook.due <= now():
                yield Delivery(f"webhook {webhook.event['type']}", partial(self._post, webhook))
        for request in [] if self.hold_delayed else self._delayed:
            yield Delivery(f"delayed {request.name}", partial(self._run_delayed, request))

    def _read_streams(self) -> None:
        for table, shards in self._shards.items():
            stream = self._tables.tables[table].stream
            for record in stream[self._streamed[table] :]:
                if not self._passes(table, record):
                    continue
                number = crc32(record["dynamodb"]["Keys"]["id"]["S"].encode()) % SHARDS
                shards[number].records.append(record)
            self._streamed[table] = len(stream)

    def _passes(self, table: str, record: dict[str, Any]) -> bool:
        """Return whether a record passes the stream's filter, which must drop no event."""
        filters = self._filters[table]
        if not filters or any(event_sources.matches(one, record) for one in filters):
            return True
        relay = apps.load_app(self._shards[table][0].service).components.relay
        events = relay._events(record)
        assert not events, f"the filter of {table} drops {events}"
        return False

    def _relay(self, shard: Shard, again: bool) -> None:
        batch = shard.records[shard.read : shard.read + BATCH_SIZE]
        self._running.add(id(shard))
        try:
            with self._calls.hop(f"{shard.service} relay"):
                app = apps.load_app(shard.service)
                response = app.on_dynamodb_record({"Records": batch}, None)
        except (Exception, ProcessCrashed):
            self._calls.retries.append("stream")
            return
        finally:
            self._running.discard(id(shard))
        failed = {failure["itemIdentifier"] for failure in response["batchItemFailures"]}
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        # Lambda continues with the first record that failed, whatever happened to later ones.
        done = next((n for n, number in enumerate(numbers) if number in failed), len(numbers))
        if failed:
            self._calls.retries.append("stream")
        if not again:
            shard.read += done

    def _invoke(self, invocation: Invocation, again: bool) -> None:
        subscription = invocation.subscription
        self._invocations.remove(invocation)
        if now() - invocation.since <= subscription.max_age:
            invocation.attempts += 1
            handler = getattr(apps.load_app(subscription.service), subscription.function)
            try:
                with self._calls.hop(f"{subscription.service} {subscription.function}"):
                    handler(invocation.event, None)
            except (Exception, ProcessCrashed):
                self._calls.retries.append("Lambda")
                if invocation.attempts <= subscription.retries:
                    invocation.due = now() + ASYNC_RETRY_WAITS[invocation.attempts - 1]
                    self._invocations.append(invocation)
                    return
            else:
                if again:
                    self._invocations.append(
                        replace(invocation, attempts=0, since=now(), due=now())
                    )
                return
        failure = event_sources.failure_record(invocation.event, invocation.attempts)
        self._queues[subscription.destination].send(failure, now())

    def _receive(
        self, service: str, function: str, queue: MemoryQueue, message: Message, again: bool
    ) -> None:
        message.receives += 1
        if function.endswith("_retry"):
            self._calls.retries.append("queue")
        if queue.max_receives is not None and message.receives > queue.max_receives:
            assert queue.dead_letters is not None
            queue.messages.remove(message)
            self._queues[queue.dead_letters].messages.append(message)
            return
        message.visible_at = now() + queue.visibility
        try:
            with self._calls.hop(f"{service} {function.removesuffix('_retry')}"):
                handler = getattr(apps.load_app(service), function)
                response = handler(event_sources.sqs_event(message), None)
        except (Exception, ProcessCrashed):
            self._calls.retries.append("queue")
            return
        if response["batchItemFailures"]:
            self._calls.retries.append("queue")
        elif not again:
            queue.messages.remove(message)

    def _post(self, webhook: Webhook, again: bool) -> None:
        self._webhooks.remove(webhook)
        if not self._send_webhook(webhook.event):
            self._calls.retries.append("gateway")
            self._webhooks.append(replace(webhook, due=now() + WEBHOOK_RETRY_WAIT))
        elif again:
            self._webhooks.append(webhook)

    def _run_delayed(self, request: DelayedRequest, again: bool) -> None:
        self._delayed.remove(request)
        request.do()


def now() -> float:
    """Return the world's time as a Unix time in seconds."""
    return datetime.now(UTC).timestamp()
