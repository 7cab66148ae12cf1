"""The runbook lists exactly the permissions that a replay uses."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

from shopctl.aws.target import Target
from shopctl.operating.records import log_group
from shopctl.operating.replay import discarding, routes
from shopctl.operating.replay import redrive as redrive_module
from shopctl.operating.replay.selection import Selection
from shopctl.project import services
from support.dead_letter_queues import (
    DeadLetterQueues,
    Functions,
    MemoryCloud,
    stream_record,
)
from support.moto_aws import client_of
from support.paths import ROOT
from support.sample_stages import PROD
from support.stream_records import Streams, position

RUNBOOK = (ROOT / "docs/runbooks/dead-letters.md").read_text()
# a batch needs the permission for the single call; some permissions have other names than calls
PERMISSIONS = {
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
    """A client that records the permissions that its calls need."""

    def __init__(self, client: Any, calls: set[str]) -> None:
        self._client, self._calls = client, calls

    def __getattr__(self, name: str) -> Any:
        self._calls.add(PERMISSIONS[name])
        return getattr(self._client, name)


def test_runbook_lists_the_permissions_that_a_replay_uses(
    target: Target, queues: DeadLetterQueues, functions: Functions, cloud: MemoryCloud
) -> None:
    for queue in queues.routes:
        queues.put(queue, position("1", "1") if "relay" in queue else {})
    # every command that uses AWS calls it first
    used = {"sts:GetCallerIdentity"}
    cloud.sqs.meta.events.register(
        "provide-client-params.sqs.*",
        lambda model, **_: used.add(PERMISSIONS.get(model.name, f"sqs:{model.name}")),
    )
    cloud.fakes["lambda"] = Watched(functions, used)
    cloud.fakes["dynamodbstreams"] = Watched(Streams([stream_record(number="1")]), used)
    redrive_module.summaries(target, Selection())
    redrive_module.inspect(target, Selection())
    redrive_module.redrive(target, Selection(services=("orders", "payments")), lambda _: None)
    client_of("logs").meta.events.register(
        "provide-client-params.cloudwatch-logs.*", lambda model, **_: used.add(f"logs:{model.name}")
    )
    discarding.discard(target, Selection(), "a test", lambda _: None)
    discarding.recorded(target, Selection())
    assert used == {action for each in policy() for action in listed(each["Action"])}


def test_runbook_grants_the_resources_of_one_stage() -> None:
    granted = [
        pattern.rpartition(":")[2] for each in policy() for pattern in listed(each["Resource"])
    ]
    found = routes.find(services.load(ROOT / "apps"), PROD)
    group = f"arn:aws:logs:*:*:log-group:{log_group('prod', discarding.KIND)}:*"
    assert group in [each["Resource"] for each in policy()]
    for route in found:
        for name in (route.queue, route.function):
            assert any(fnmatchcase(name, pattern) for pattern in granted if pattern != "*")
    assert not any(
        fnmatchcase("toyshop-staging-orders-relay-dead-letters", pattern)
        for pattern in granted
        if pattern != "*"
    )


def test_runbook_lists_every_dead_letter_queue(queues: DeadLetterQueues) -> None:
    for queue in queues.routes:
        assert f"`{queue.removesuffix('-dead-letters')}`" in RUNBOOK, queue
