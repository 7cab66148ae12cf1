"""A simulated world: the shop's real code in one process and one thread, on fakes of AWS.

All services run as their ``app.py`` wires them. DynamoDB, SNS, SQS, S3, SES and Cognito are fakes
in memory below botocore's and PynamoDB's real clients; the gateway is the simulator's core below
the real ``stripe`` package. Nothing happens by itself: whoever holds the world says what is
delivered next, what goes wrong, and when time passes. The same choices give the same world.
"""

import hashlib
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import urlsplit
from zlib import crc32

import stripe
import time_machine
import urllib3
from botocore.client import BaseClient

from contracts import orders as orders_api
from contracts import payments as payments_api
from contracts.operations import Operation
from gateway_simulator.webhooks import signature
from support.world import apps, delivery
from support.world.cloud import MemoryCloud, MemoryQueue, Message
from support.world.delivery import Invocation, Late, Shard, Webhook
from support.world.gateway import InProcessClient, MemoryGateway
from support.world.outside import Outside, ProcessDied, Trouble
from support.world.tables import MemoryTables

START = datetime(2026, 11, 24, tzinfo=UTC)
PRICE = 2500
CUSTOMER = "cus_1"

_present: list["World"] = []
_stripe = InProcessClient(lambda: _present[-1].gateway)


class Answer(NamedTuple):
    """What an API has answered; 502 is what a gateway says of a process that died."""

    status: int
    headers: dict[str, str]
    data: bytes


@dataclass(frozen=True)
class Delivery:
    """What may be delivered now.

    Attributes
    ----------
    name
        Whose turn it would be; the same in every run of the same choices.
    run
        Delivers it; told ``True``, so that it is delivered once more later, as at-least-once may.
    """

    name: str
    run: Callable[[bool], None]


Step = Callable[[list[Delivery]], None]


def oldest_first(due: list[Delivery]) -> None:
    """Deliver in the order in which things came about, as far as there is one."""
    due[0].run(False)


def youngest_first(due: list[Delivery]) -> None:
    """Deliver what came about last."""
    due[-1].run(False)


class NeverQuiet(AssertionError):
    """A world in which something is left to be delivered for ever."""


class World:
    """One shop from its beginning; a context manager.

    Attributes
    ----------
    outside
        Where calls are counted and troubles planned.
    accepted
        The ids that were answered to whoever placed the order of a number.
    excused
        Of each e-mail, how often its process ended (it died, or got no answer, or could not
        write) after SES had taken it and before that was recorded: so many second copies may be.
    late_held
        Whether what is carried out late has to wait for longer still.
    """

    def __init__(self) -> None:
        self.outside = Outside()
        self.tables = MemoryTables(
            [apps.template_of(service, "resources.yaml") for service in apps.SERVICES]
        )
        self.cloud = MemoryCloud(
            self.tables, _queues(), self._published, self._now, self._mailed, self._later
        )
        self.gateway = MemoryGateway(self.outside, self._told, self._later)
        self.mails: Counter[str] = Counter()
        self.excused: Counter[str] = Counter()
        self.accepted: dict[int, set[str]] = {}
        self._subscriptions = delivery.subscriptions()
        self._consumers = delivery.consumers()
        self._invocations: list[Invocation] = []
        self._webhooks: list[Webhook] = []
        self._late: list[Late] = []
        self.late_held = False
        self._shards = [
            Shard(service, f"toyshop-local-{service.replace('_', '-')}", number)
            for service in ("orders", "payments", "file_manager")
            for number in (0, 1)
        ]
        self._streamed = dict.fromkeys(self.tables.tables, 0)
        self._running: set[int] = set()
        self._mails_of_processes: list[list[str]] = []
        self._stack = ExitStack()

    def __enter__(self) -> "World":
        """Begin: from here on the tests' process is this world."""
        for service in apps.SERVICES:
            apps.app_of(service)
        for breaker in apps.BREAKERS:
            breaker.succeeded()
        enter = self._stack.enter_context
        self.clock = enter(time_machine.travel(START, tick=False))
        world = self

        def aws(client: Any, operation: str, params: dict[str, Any]) -> dict[str, Any]:
            return world._aws(client.meta.service_model.service_name, operation, params)

        enter(mock.patch.object(BaseClient, "_make_api_call", aws))
        enter(mock.patch.object(apps.CONNECTIONS, "present", _Downstreams(self), create=True))
        enter(mock.patch.object(stripe, "RequestsClient", _client_of_stripe))
        _present.append(self)
        self._stack.callback(_present.remove, self)
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._stack.close()

    # What clients do

    def place(self, number: int, method: str = "pm_card_visa") -> Answer:
        """Place the customer's order of a number, or place it again."""
        fingerprint = hashlib.sha256(f"{number}{method}".encode()).hexdigest()
        line = {
            "toy_id": "toy_1",
            "name": "Kite",
            "quantity": 1,
            "unit_price": {"amount": PRICE + number, "currency": "AUD"},
        }
        address = {
            "name": "A", "line1": "1", "city": "S", "postal_code": "2000", "country": "AU",
        }  # fmt: skip
        answer = self.ask(
            orders_api.PLACE,
            "orders",
            body={
                "customer_id": CUSTOMER,
                "idempotency_key": f"order-number-{number}",
                "fingerprint": fingerprint,
                "contact": {"email": "a@example.com", "name": "A"},
                "lines": [line],
                "shipping_address": address,
                "payment_method": method,
            },
        )
        if answer.status in (200, 201):
            self.accepted.setdefault(number, set()).add(json.loads(answer.data)["id"])
        return answer

    def cancel(self, order_id: str) -> Answer:
        """Call an order off."""
        return self.ask(orders_api.CANCEL, "orders", {"order_id": order_id}, body={})

    def change(self, order_id: str, city: str) -> Answer:
        """Send an order elsewhere."""
        version = self.tables.tables["toyshop-local-orders"].items[order_id]["version"]["N"]
        return self.ask(
            orders_api.CHANGE,
            "orders",
            {"order_id": order_id},
            body={"shipping_address": {"city": city}},
            headers={"If-Match": f'"{version}"'},
        )

    def ask(
        self,
        operation: Operation[Any],
        service: str,
        path: dict[str, str] | None = None,
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
        asked_by: tuple[str, ...] = (),
    ) -> Answer:
        """Call an API from outside, in a process of its own."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        url = operation.path.format_map(path or {})
        content = json.dumps(body).encode()
        return self.serve(service, operation.method, url, content, sent, asked_by)

    def serve(
        self,
        service: str,
        method: str,
        path: str,
        body: bytes,
        headers: dict[str, str],
        asked_by: tuple[str, ...] = (),
    ) -> Answer:
        """Have a process of a service's API answer a request, a client's unless a hop's."""
        self._mails_of_processes.append([])
        try:
            with self.outside.hop(f"{service} API", asked_by):
                answer = Answer(*apps.invoke(service, method, path, body, headers))
        except ProcessDied:
            answer = Answer(502, {}, b"")
        if not asked_by and answer.status >= 500:
            self.outside.again.append("client")
        mails = self._mails_of_processes.pop()
        if answer.status >= 500:
            self.excused.update(mail for mail in mails if not self._is_recorded(mail))
        return answer

    # What is delivered

    def due(self) -> list[Delivery]:
        """Return what may be delivered now."""
        return list(self._due())

    def _due(self) -> Iterator[Delivery]:
        self._read_streams()
        for shard in self._shards:
            if len(shard.records) > shard.read and id(shard) not in self._running:
                yield Delivery(f"{shard.table} {shard.number}", _bound(self._relay, shard))
        for invocation in self._invocations:
            if invocation.due <= self._now():
                yield Delivery(invocation.subscription.function, _bound(self._invoke, invocation))
        for name, (service, function) in self._consumers.items():
            for message in self.cloud.queues[name].messages:
                if message.visible_at <= self._now():
                    run = _bound(self._receive, service, function, name, message)
                    yield Delivery(function, run)
        for webhook in self._webhooks:
            if webhook.due <= self._now():
                yield Delivery(f"webhook {webhook.event['type']}", _bound(self._tell, webhook))
        for late in [] if self.late_held else self._late:
            yield Delivery(f"late {late.name}", _bound(self._do_late, late))

    def _read_streams(self) -> None:
        for shard in self._shards:
            if shard.number:
                continue
            stream = self.tables.tables[shard.table].stream
            for record in stream[self._streamed[shard.table] :]:
                number = crc32(record["dynamodb"]["Keys"]["id"]["S"].encode()) % 2
                self._shards[self._shards.index(shard) + number].records.append(record)
            self._streamed[shard.table] = len(stream)

    def _relay(self, shard: Shard, again: bool) -> None:
        batch = shard.records[shard.read : shard.read + 10]
        self._running.add(id(shard))
        try:
            with self.outside.hop(f"{shard.service} relay"):
                answer = apps.app_of(shard.service).on_dynamodb_record({"Records": batch}, None)
        except (Exception, ProcessDied):
            self.outside.again.append("stream")
            return
        finally:
            self._running.discard(id(shard))
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        # Lambda goes on from the first that failed, whatever became of those after it.
        done = next((n for n, number in enumerate(numbers) if number in failed), len(numbers))
        if failed:
            self.outside.again.append("stream")
        if not again:
            shard.read += done

    def _published(self, topic: str, message: str, kind: str) -> None:
        for subscription in self._subscriptions:
            if subscription.topic == topic and kind in subscription.types:
                event = delivery.sns_event(subscription, message, kind)
                self._invocations.append(Invocation(subscription, event, self._now(), self._now()))

    def _invoke(self, invocation: Invocation, again: bool) -> None:
        subscription = invocation.subscription
        self._invocations.remove(invocation)
        if self._now() - invocation.since <= subscription.max_age:
            invocation.attempts += 1
            handler = getattr(apps.app_of(subscription.service), subscription.function)
            try:
                with self.outside.hop(f"{subscription.service} {subscription.function}"):
                    handler(invocation.event, None)
            except (Exception, ProcessDied):
                self.outside.again.append("Lambda")
                if invocation.attempts <= subscription.retries:
                    wait = delivery.ASYNC_RETRY_WAITS[invocation.attempts - 1]
                    invocation.due = self._now() + wait
                    self._invocations.append(invocation)
                    return
            else:
                if again:
                    self._invocations.append(
                        replace(invocation, attempts=0, since=self._now(), due=self._now())
                    )
                return
        self.cloud.message(subscription.destination, delivery.failure_of(invocation))

    def _receive(
        self, service: str, function: str, name: str, message: Message, again: bool
    ) -> None:
        queue = self.cloud.queues[name]
        message.receives += 1
        if function.endswith("_retry"):
            self.outside.again.append("queue")
        if queue.max_receives is not None and message.receives > queue.max_receives:
            assert queue.dead_letters is not None
            queue.messages.remove(message)
            self.cloud.queues[queue.dead_letters].messages.append(message)
            return
        message.visible_at = self._now() + queue.visibility
        record = {
            "messageId": message.id,
            "receiptHandle": message.id,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.receives)},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        try:
            with self.outside.hop(f"{service} {function.removesuffix('_retry')}"):
                answer = getattr(apps.app_of(service), function)({"Records": [record]}, None)
        except (Exception, ProcessDied):
            self.outside.again.append("queue")
            return
        if answer["batchItemFailures"]:
            self.outside.again.append("queue")
        elif not again:
            queue.messages.remove(message)

    def _told(self, event: dict[str, Any]) -> None:
        self._webhooks.append(Webhook(event, self._now()))

    def _tell(self, webhook: Webhook, again: bool) -> None:
        self._webhooks.remove(webhook)
        payload = json.dumps(webhook.event, separators=(",", ":")).encode()
        secret = apps.app_of("payments").settings.stripe_webhook_secret
        answer = self.ask(
            payments_api.RECEIVE_WEBHOOK,
            "payments",
            body={
                "payload": b64encode(payload).decode(),
                "signature": signature(payload, secret, int(self._now())),
            },
            asked_by=("gateway",),
        )
        if answer.status != 204:
            self.outside.again.append("gateway")
            self._webhooks.append(replace(webhook, due=self._now() + delivery.WEBHOOK_RETRY_WAIT))
        elif again:
            self._webhooks.append(webhook)

    def _later(self, name: str, do: Callable[[], object]) -> None:
        self._late.append(Late(name, do))

    def _do_late(self, late: Late, again: bool) -> None:
        self._late.remove(late)
        late.do()

    def forget_keys(self) -> None:
        """Have the gateway forget every idempotency key; no request is under way for a day."""
        for late in list(self._late):
            self._do_late(late, False)
        self.gateway.forget_keys()

    # Time

    def _now(self) -> float:
        return datetime.now(UTC).timestamp()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.shift(seconds)

    def settle(self, step: Step = oldest_first, *, most: int = 1000) -> None:
        """Deliver until nothing is left to be delivered, and let time pass where it must.

        Parameters
        ----------
        step
            Delivers one of those that are due.
        most
            Deliveries after which something must be wrong.

        Raises
        ------
        NeverQuiet
            If there is always something left.
        """
        for _ in range(most):
            due = self.due()
            if due:
                step(due)
                continue
            waiting = [
                *(invocation.due for invocation in self._invocations),
                *(webhook.due for webhook in self._webhooks),
                *(
                    message.visible_at
                    for name in self._consumers
                    for message in self.cloud.queues[name].messages
                ),
            ]
            if not waiting:
                return
            self.advance(min(waiting) - self._now() + 0.001)
        names = ", ".join(delivery.name for delivery in self.due())
        raise NeverQuiet(f"after {most} deliveries there are still: {names}")

    # What a person does

    def dead_letters(self) -> dict[str, list[Message]]:
        """Return what is parked, by queue."""
        return {
            name: list(queue.messages)
            for name, queue in self.cloud.queues.items()
            if name not in self._consumers and queue.messages
        }

    def replay(self) -> int:
        """Send every dead letter back to the queue that its function reads; return how many."""
        count = 0
        for queue in self.cloud.queues.values():
            if queue.dead_letters is None:
                continue
            parked = self.cloud.queues[queue.dead_letters].messages
            while parked:
                self.cloud.message(queue.name, parked.pop(0).body)
                count += 1
        return count

    # The seams

    def _aws(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        table = params.get("TableName", "")
        return self.outside.call(
            f"{service} {operation} {table}".strip(),
            lambda: self.cloud.call(service, operation, params),
            lambda trouble: self.cloud.spoiled(trouble, service, operation, params),
        )

    def _mailed(self, message_id: str) -> None:
        self.mails[message_id] += 1
        if self._mails_of_processes:
            self._mails_of_processes[-1].append(message_id)
        else:  # late, when whoever sent it has given it up
            self.excused[message_id] += 1

    def _is_recorded(self, message_id: str) -> bool:
        item = self.tables.tables["toyshop-local-notifications"].items.get(message_id)
        return item is not None and item["status"]["S"] == "sent"


class _Downstreams:
    """Stands where the signed client's connections are: calls another service's process.

    Parameters
    ----------
    world
        That the services are in.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def request(
        self, method: str, url: str, *, body: bytes, headers: dict[str, str], timeout: Any
    ) -> Answer:
        """Send a request."""
        world = self._world
        service, path = apps.place_of(url)
        name = f"{service} {method} {urlsplit(path).path.rpartition('/')[0]}"

        asked_by = world.outside.hops

        def do() -> Answer:
            return world.serve(service, method, path, body, headers, asked_by)

        def spoiled(trouble: Trouble) -> Answer:
            silence = urllib3.exceptions.ReadTimeoutError(None, url, "no answer")  # type: ignore[arg-type]
            match trouble:
                case "refused":
                    raise urllib3.exceptions.NewConnectionError(None, "no connection")  # type: ignore[arg-type]
                case "throttled":
                    return Answer(429, {}, b"")
                case "faulty":
                    return Answer(500, {}, b"")
                case "faulty_after":
                    do()
                    return Answer(500, {}, b"")
                case "garbage":
                    do()
                    return Answer(200, {}, b"<html>")
                case "request_lost":
                    raise silence
                case "answer_lost":
                    do()
                    raise silence
                case "late":
                    world._later(name, do)
                    raise silence
                case "twice":
                    do()
            return do()

        return world.outside.call(name, do, spoiled)


def _client_of_stripe(timeout: float) -> InProcessClient:
    return _stripe


def _queues() -> dict[str, MemoryQueue]:
    queues = {}
    for service in apps.SERVICES:
        resources = apps.template_of(service, "resources.yaml")["Resources"]
        names = {
            logical_id: resource["Properties"]["QueueName"]["Fn::Sub"].replace("${Stage}", "local")
            for logical_id, resource in resources.items()
            if resource["Type"] == "AWS::SQS::Queue"
        }
        for logical_id, name in names.items():
            properties = resources[logical_id]["Properties"]
            redrive = properties.get("RedrivePolicy")
            queues[name] = MemoryQueue(
                name,
                properties.get("VisibilityTimeout", 30),
                redrive and redrive["maxReceiveCount"],
                redrive and names[redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]],
            )
    return queues


def _bound(method: Callable[..., None], *given: Any) -> Callable[[bool], None]:
    return lambda again: method(*given, again)
