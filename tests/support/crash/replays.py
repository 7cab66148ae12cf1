"""Runs the code of `./shop replay` in the simulated world, killed at each of its calls in turn."""

import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from shopctl.aws.clients import Cloud
from shopctl.aws.target import Target
from shopctl.operating.replay import redrive
from shopctl.operating.replay.selection import Selection
from shopctl.project import services, stages
from shopctl.project.layout import Layout
from support.crash.crashes import Crash, park
from support.crash.scenarios import CONFIRM
from support.world import apps, invariants
from support.world.event_sources import Message
from support.world.world import World

T = TypeVar("T")

_VISIBLE_AGAIN_SECONDS = 120
"""Longer than a replay hides the messages that it works on."""


class Killed(BaseException):
    """The replay stops here, as with ``kill -9``."""


@cache
def _payments() -> Target:
    layout = Layout.find()
    chosen = services.load(layout.apps, ("payments",))
    return Target(layout, stages.load(layout.stages, "local"), Cloud("local"), tuple(chosen))


class Operator(Cloud):
    """The clients of SQS and Lambda for one run of a replay, which may be killed.

    Parameters
    ----------
    kill_at
        Number of the call at which the replay is killed, from 1; 0 for never.
    crash
        Whether it is killed before or after that call.

    Attributes
    ----------
    made
        The names of all calls so far.
    """

    def __init__(self, world: World, kill_at: int = 0, crash: Crash = "crash_before") -> None:
        super().__init__("local", "http://127.0.0.1:1")
        self.made: list[str] = []
        self.fakes = {"sqs": _Queues(world, self), "lambda": _Functions(self)}
        self._kill_at, self._crash = kill_at, crash

    def client(self, service: str, read_timeout: float = 60) -> Any:
        """Return the fake client of a service."""
        return self.fakes[service]

    def call(self, name: str, do: Callable[[], T]) -> T:
        """Make a call, or be killed at it.

        Raises
        ------
        Killed
            At the call at which the replay is killed, and at every later one.
        """
        self.made.append(name)
        if self._kill_at and len(self.made) >= self._kill_at:
            if len(self.made) == self._kill_at and self._crash == "crash_after":
                do()
            raise Killed
        return do()

    def redrive(self) -> list[str]:
        """Replay all dead letters of payments, and return their outcomes."""
        reports, _ = redrive.redrive(replace(_payments(), cloud=self), Selection(), lambda _: None)
        return [str(report["outcome"]) for report in reports]


class _Queues:
    """The operations of a botocore SQS client that a replay uses."""

    def __init__(self, world: World, operator: Operator) -> None:
        self._world, self._operator = world, operator

    def get_queue_url(self, QueueName: str) -> dict[str, Any]:  # noqa: N803 (AWS's names)
        return self._operator.call(
            "GetQueueUrl",
            lambda: {"QueueUrl": QueueName, "ResponseMetadata": {"HTTPHeaders": {}}},
        )

    def receive_message(
        self,
        QueueUrl: str,  # noqa: N803
        MaxNumberOfMessages: int,  # noqa: N803
        VisibilityTimeout: float,  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        def receive() -> dict[str, Any]:
            now = datetime.now(UTC).timestamp()
            visible = [each for each in self._messages(QueueUrl) if each.visible_at <= now]
            for message in visible[:MaxNumberOfMessages]:
                message.visible_at = now + VisibilityTimeout
                message.receives += 1
            return {"Messages": [_response_of(each) for each in visible[:MaxNumberOfMessages]]}

        return self._operator.call("ReceiveMessage", receive)

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        def delete() -> None:
            messages = self._messages(QueueUrl)
            messages[:] = [each for each in messages if each.id != ReceiptHandle]

        self._operator.call("DeleteMessage", delete)

    def change_message_visibility_batch(
        self,
        QueueUrl: str,  # noqa: N803
        Entries: list[dict[str, Any]],  # noqa: N803
    ) -> None:
        def change() -> None:
            handles = {entry["ReceiptHandle"] for entry in Entries}
            for message in self._messages(QueueUrl):
                if message.id in handles:
                    message.visible_at = datetime.now(UTC).timestamp()

        self._operator.call("ChangeMessageVisibilityBatch", change)

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803
        now = datetime.now(UTC).timestamp()
        hidden = sum(each.visible_at > now for each in self._messages(QueueUrl))
        (name,) = AttributeNames
        return self._operator.call(
            "GetQueueAttributes", lambda: {"Attributes": {name: str(hidden)}}
        )

    def _messages(self, name: str) -> list[Message]:
        return self._world.queues[name].messages


class _Functions:
    """A botocore Lambda client that invokes the world's functions."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        name = FunctionName.removeprefix("toyshop-local-").replace("-", "_")
        service = next(each for each in apps.SERVICES if name.startswith(f"{each}_"))
        function = getattr(apps.load_app(service), name.removeprefix(f"{service}_"))

        def run() -> dict[str, Any]:
            try:
                return _payload(function(json.loads(Payload), None))
            except Exception as error:
                failure = {"errorType": type(error).__name__, "errorMessage": str(error)}
                return {"FunctionError": "Unhandled", **_payload(failure)}

        return self._operator.call("Invoke", run)


def _response_of(message: Message) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp() * 1000)
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.id,
        "Body": message.body,
        "Attributes": {
            "SentTimestamp": str(now),
            "ApproximateReceiveCount": str(message.receives),
        },
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in message.attributes.items()
        },
    }


def _payload(content: Any) -> dict[str, Any]:
    return {"Payload": io.BytesIO(json.dumps(content).encode())}


def kill_replay_at_every_call(crash: Crash) -> list[str]:
    """Replay a parked charge once per call of the replay, killed at that call, and replay again.

    Returns
    -------
    list
        The calls at which a replay was killed.

    Raises
    ------
    InvariantViolation
        If the second replay does not complete what the first one has started.
    """
    killed_at: list[str] = []
    while True:
        with World() as world:
            # GIVEN an order whose charge is parked
            park(world, "paid", "charge", CONFIRM, "crash_before")
            assert sum(map(len, world.dead_letters().values())) == 1
            # WHEN a replay is killed, and another one runs once the message is visible again
            operator = Operator(world, len(killed_at) + 1, crash)
            with suppress(Killed):
                assert operator.redrive() == ["handled"]
                return killed_at
            killed_at.append(operator.made[len(killed_at)])
            world.advance(_VISIBLE_AGAIN_SECONDS)
            outcomes = Operator(world).redrive()
            world.run_until_idle()
            # THEN the order is charged once, and no dead letter is left
            assert set(outcomes) <= {"handled"}
            invariants.check_when_idle(world)
            (order,) = invariants.evidence_of(world)
            if order.charged != [order.total]:
                raise invariants.InvariantViolation(f"{killed_at[-1]}: charged {order.charged}")
