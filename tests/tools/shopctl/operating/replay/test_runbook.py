"""The runbook: the rights that it lists are those that a replay uses, no more and no less."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

from shopctl.deploying.deploy import Target
from shopctl.operating.replay import replaying, routes
from shopctl.operating.replay.selection import Selection
from shopctl.project import services, stages
from support.dead_letter_queues import (
    ROOT,
    Functions,
    MemoryCloud,
    Shelf,
    stream_record,
)
from support.stream_records import Streams, position

RUNBOOK = (ROOT / "docs/runbooks/dead-letters.md").read_text()
# batches need the right to the single call; AWS names one of them otherwise than its API
RIGHTS = {
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "invoke": "lambda:InvokeFunction",
    "get_shard_iterator": "dynamodb:GetShardIterator",
    "get_records": "dynamodb:GetRecords",
}


def policy() -> list[dict[str, Any]]:
    (text,) = re.findall(r"```json\n(.*?)```", RUNBOOK, re.DOTALL)
    statements: list[dict[str, Any]] = json.loads(text)["Statement"]
    return statements


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


class Watched:
    """A client that remembers which of its calls were made."""

    def __init__(self, client: Any, calls: set[str]) -> None:
        self._client, self._calls = client, calls

    def __getattr__(self, name: str) -> Any:
        self._calls.add(RIGHTS[name])
        return getattr(self._client, name)


def test_it_lists_the_rights_that_a_replay_uses(
    target: Target, shelf: Shelf, functions: Functions, cloud: MemoryCloud
) -> None:
    for queue in shelf.routes:
        shelf.put(queue, position("1", 1) if "relay" in queue else {})
    # who one is, is asked by every command that may reach AWS
    used = {"sts:GetCallerIdentity"}
    cloud.sqs.meta.events.register(
        "provide-client-params.sqs.*",
        lambda model, **_: used.add(RIGHTS.get(model.name, f"sqs:{model.name}")),
    )
    cloud.fakes["lambda"] = Watched(functions, used)
    cloud.fakes["dynamodbstreams"] = Watched(Streams([stream_record(number="1")]), used)
    replaying.summaries(target, Selection())
    replaying.inspect(target, Selection())
    replaying.redrive(target, Selection(), lambda _: None)
    assert used == {action for each in policy() for action in listed(each["Action"])}


def test_its_resources_are_those_of_the_stage() -> None:
    granted = [
        pattern.rpartition(":")[2] for each in policy() for pattern in listed(each["Resource"])
    ]
    found = routes.find(services.load(ROOT / "apps"), stages.load(ROOT / "stages.toml", "prod"))
    for route in found:
        for name in (route.queue, route.function):
            assert any(fnmatchcase(name, pattern) for pattern in granted if pattern != "*")
    assert not any(
        fnmatchcase("toyshop-staging-orders-relay-dead-letters", pattern)
        for pattern in granted
        if pattern != "*"
    )


def test_it_knows_every_dead_letter_queue(shelf: Shelf) -> None:
    for queue in shelf.routes:
        assert f"`{queue.removesuffix('-dead-letters')}`" in RUNBOOK, queue
