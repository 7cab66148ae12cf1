"""`./shop replay` in the simulated world: its own code, its clients of AWS, and its death."""

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
from support.crash.crashes import Death, park
from support.crash.stories import CONFIRM
from support.world import apps, promise
from support.world.cloud import Message
from support.world.world import World

T = TypeVar("T")

_HELD_SECONDS = 120
"""Longer than a replay hides what it is at."""


class Killed(BaseException):
    """The replay stops here, as if by ``kill -9``."""


@cache
def _payments() -> Target:
    layout = Layout.find()
    chosen = services.load(layout.apps, ("payments",))
    return Target(layout, stages.load(layout.stages, "local"), Cloud("local"), tuple(chosen))


class Operator(Cloud):
    """Clients of the world's SQS and Lambda, for one run of a replay that may be killed.

    Parameters
    ----------
    die_at
        The number of the call at which it is killed; 0 is never.
    """

    def __init__(self, world: World, die_at: int = 0, death: Death = "dies_before") -> None:
        super().__init__("local", "http://127.0.0.1:1")
        self.made: list[str] = []
        self.fakes = {"sqs": _Queues(world, self), "lambda": _Functions(self)}
        self._die_at, self._death = die_at, death

    def client(self, service: str, read_timeout: float = 60) -> Any:
        """Return a client; it waits for nothing."""
        return self.fakes[service]

    def call(self, name: str, do: Callable[[], T]) -> T:
        """Make a call, or die at it; the dead make none."""
        self.made.append(name)
        if self._die_at and len(self.made) >= self._die_at:
            if len(self.made) == self._die_at and self._death == "dies_after":
                do()
            raise Killed
        return do()

    def redrive(self) -> list[str]:
        """Replay all dead letters of payments, and return what became of them."""
        told, _ = redrive.redrive(replace(_payments(), cloud=self), Selection(), lambda _: None)
        return [str(one["outcome"]) for one in told]


class _Queues:
    """A botocore SQS client, as much of it as a replay uses."""

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
            seen = [each for each in self._messages(QueueUrl) if each.visible_at <= now]
            for message in seen[:MaxNumberOfMessages]:
                message.visible_at = now + VisibilityTimeout
                message.receives += 1
            return {"Messages": [_received(each) for each in seen[:MaxNumberOfMessages]]}

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
        def show() -> None:
            shown = {entry["ReceiptHandle"] for entry in Entries}
            for message in self._messages(QueueUrl):
                if message.id in shown:
                    message.visible_at = datetime.now(UTC).timestamp()

        self._operator.call("ChangeMessageVisibilityBatch", show)

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803
        now = datetime.now(UTC).timestamp()
        hidden = sum(each.visible_at > now for each in self._messages(QueueUrl))
        (name,) = AttributeNames
        return self._operator.call(
            "GetQueueAttributes", lambda: {"Attributes": {name: str(hidden)}}
        )

    def _messages(self, name: str) -> list[Message]:
        return self._world.cloud.queues[name].messages


class _Functions:
    """A botocore Lambda client that invokes the world's functions."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        name = FunctionName.removeprefix("toyshop-local-").replace("-", "_")
        service = next(each for each in apps.SERVICES if name.startswith(f"{each}_"))
        function = getattr(apps.app_of(service), name.removeprefix(f"{service}_"))

        def run() -> dict[str, Any]:
            try:
                return _answer(function(json.loads(Payload), None))
            except Exception as error:
                said = {"errorType": type(error).__name__, "errorMessage": str(error)}
                return {"FunctionError": "Unhandled", **_answer(said)}

        return self._operator.call("Invoke", run)


def _received(message: Message) -> dict[str, Any]:
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


def _answer(content: Any) -> dict[str, Any]:
    return {"Payload": io.BytesIO(json.dumps(content).encode())}


def killed_everywhere(death: Death) -> list[str]:
    """Replay a parked charge, killed at the next call each time, and hold the promise.

    Returns
    -------
    list
        The calls at which a replay was killed.

    Raises
    ------
    BrokenPromise
        If a second replay does not make good what the first one has begun.
    """
    killed_at: list[str] = []
    while True:
        with World() as world:
            # GIVEN an order whose charge was parked
            park(world, "paid", "charge", CONFIRM, "dies_before")
            assert sum(map(len, world.dead_letters().values())) == 1
            # WHEN a replay is killed, and another one comes when what it was at is shown again
            operator = Operator(world, len(killed_at) + 1, death)
            with suppress(Killed):
                assert operator.redrive() == ["handled"]
                return killed_at
            killed_at.append(operator.made[len(killed_at)])
            world.advance(_HELD_SECONDS)
            became = Operator(world).redrive()
            world.settle()
            # THEN the order is charged once, and nothing is parked any more
            assert set(became) <= {"handled"}
            promise.in_the_end(world)
            (books,) = promise.books_of(world)
            if books.captured != [books.total]:
                raise promise.BrokenPromise(f"{killed_at[-1]}: took {books.captured}")
