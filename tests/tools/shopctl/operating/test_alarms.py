"""`./shop alarms`: the alarms of a stage, as CloudWatch has them, and of the local shop."""

import contextlib
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from shopctl.aws import target
from shopctl.aws.clients import Cloud
from shopctl.aws.target import Target
from shopctl.cli.main import cli
from shopctl.local import telemetry
from shopctl.local.alarms import board
from shopctl.local.telemetry import Value
from shopctl.project.layout import Layout
from support.moto_aws import REGION, aws, client_of
from support.sample_stages import STAGING

__all__ = ["aws"]
DESCRIPTION = "Page: it is on fire. Runbook: docs/runbooks/fire.md"


@pytest.fixture
def stage(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    to = Target(Layout.find(), STAGING, Cloud("staging", region=REGION), ())
    monkeypatch.setattr(target, "find_target", lambda *_: to)


def put(name: str, state: str, *, notifies: bool = True) -> None:
    client = client_of("cloudwatch")
    client.put_metric_alarm(
        AlarmName=name,
        AlarmDescription=DESCRIPTION,
        AlarmActions=["arn:aws:sns:ap-southeast-2:111111111111:topic"] if notifies else [],
        Namespace="x",
        MetricName="x",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="three is more than one")


def run(*words: str) -> str:
    result = CliRunner().invoke(cli, ["alarms", *words])
    assert result.exit_code == 0, result.exception
    return result.stdout


@pytest.mark.usefixtures("stage")
def test_firing_alarms_of_a_stage_are_shown_with_reason_and_runbook() -> None:
    # GIVEN alarms that fire, one that does not, a part of another one, and one of another stage
    put("toyshop-staging-b", "ALARM")
    put("toyshop-staging-a", "OK")
    put("toyshop-staging-part", "ALARM", notifies=False)
    put("toyshop-prod-c", "ALARM")
    lines = run("--stage", "staging").splitlines()
    assert lines[0] == "1 of 2 alarms fires."
    assert lines[2].startswith("ALARM  toyshop-staging-b since 20")
    assert lines[3:] == [
        "       Page: it is on fire.",
        "       - three is more than one",
        "       docs/runbooks/fire.md",
    ]
    # AND all are in JSON, those that fire first
    found: list[dict[str, Any]] = json.loads(run("--stage", "staging", "--all", "--json"))
    assert [(each["name"], each["state"]) for each in found] == [
        ("toyshop-staging-b", "ALARM"),
        ("toyshop-staging-a", "OK"),
    ]
    assert found[0]["runbook"] == "docs/runbooks/fire.md"
    assert datetime.fromisoformat(found[0]["since"]).tzinfo == UTC


@pytest.mark.usefixtures("stage")
def test_stage_without_firing_alarms_says_so() -> None:
    assert run("--stage", "staging") == "No alarm fires.\n"


def test_local_alarms_are_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a local shop with a dead letter
    now = time.time()
    queue = {"QueueName": "toyshop-local-payments-charge-dead-letters"}
    name = "ApproximateNumberOfMessagesVisible"
    values = [Value(now - ago, "AWS/SQS", name, queue, 2.0, "Count") for ago in range(5)]
    evaluate = board.evaluate

    class Stored:
        def values(self, *, since: float) -> list[Value]:
            return sorted(values, key=lambda each: each.time)

    monkeypatch.setattr(board, "evaluate", lambda found, _: evaluate(found, Stored(), now))
    monkeypatch.setattr(telemetry, "opened", lambda _: contextlib.nullcontext())
    lines = run().splitlines()
    assert lines[0].endswith("alarms fires. A minute of their periods is a second here.")
    assert lines[2].startswith("ALARM  toyshop-local-payments-charge-dead-letters since 20")
    assert lines[3] == (
        "       Ticket: payments could not handle messages, which are in charge-dead-letters."
    )
    assert lines[4].startswith(f"       - {name} Maximum in 1 min: 2; fires if 1 of 1 are above 0")
    assert lines[5] == "       docs/runbooks/dead-letters.md"
