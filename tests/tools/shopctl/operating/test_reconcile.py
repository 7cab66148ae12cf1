"""Invocations of the function ``reconcile``, and what becomes of its reports."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from click.testing import CliRunner

from shopctl.aws import target as target_module
from shopctl.cli.main import cli
from shopctl.operating import reconcile
from shopctl.operating.reconcile import Wanted
from shopctl.project import stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

MISSING = {"order_id": "ord_1", "kind": "email_missing", "detail": "x", "remedy": "reemit_order"}
TWICE = {"order_id": "ord_2", "kind": "charged_twice", "detail": "y", "remedy": "manual"}


class NoSuchFunctionError(Exception):
    pass


class Functions:
    """A Lambda client with prepared answers, used in order, about the orders it is asked for."""

    exceptions = SimpleNamespace(ResourceNotFoundException=NoSuchFunctionError)

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def invoke(self, **call: Any) -> dict[str, Any]:
        assert call["FunctionName"] == "toyshop-local-storefront-api-reconcile"
        event = json.loads(call["Payload"])
        assert {"source", "detail-type", "resources", "time"} <= set(event)
        self.asked.append(event["detail"])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, dict) and "FunctionError" in answer:
            return {**answer, "Payload": io.BytesIO(b'{"errorMessage": "it broke"}')}
        orders = event["detail"].get("orders")
        if orders is not None and "violations" in answer:
            found = [each for each in answer["violations"] if each["order_id"] in orders]
            answer = answer | {"violations": found}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


def report(*violations: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "examined": 3, "in_progress": 1, "violations": violations, "reemitted": [], "cursor": None,
    } | values  # fmt: skip


Target = Callable[..., Any]


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr(reconcile.time, "sleep", lambda _: None)

    def make(*answers: Any) -> Any:
        functions = Functions(*answers)
        stage = stages.load(Layout.find().stages, "local")
        cloud = SimpleNamespace(poll_seconds=0, client=lambda *_, **__: functions)
        to = SimpleNamespace(stage=stage, cloud=cloud, functions=functions)
        monkeypatch.setattr(target_module, "find_target", lambda *_: to)
        return to

    return make


def test_run_continues_until_there_is_no_cursor(target: Target) -> None:
    cursor = {"cursor": "abc", "before": "2026-11-24T00:00:00Z"}
    to = target(report(MISSING, cursor=cursor), report(MISSING, TWICE))
    since = datetime(2026, 11, 1, tzinfo=UTC)
    reported: list[Any] = []
    outcome = reconcile.reconcile(to, Wanted(since=since, grace_seconds=0), reported.append)
    assert to.functions.asked == [
        {"since": "2026-11-01T00:00:00+00:00", "grace_seconds": 0,
         "fix": False, "reemit": False, "cursor": None},
        {"since": "2026-11-01T00:00:00+00:00", "grace_seconds": 0,
         "fix": False, "reemit": False, "cursor": cursor},
    ]  # fmt: skip
    assert (outcome.examined, outcome.in_progress) == (6, 2)
    # a violation found by two invocations is reported once
    assert reported == outcome.violations == outcome.remaining == [MISSING, TWICE]


def test_reemitted_order_is_repaired_once_it_has_no_violation(target: Target) -> None:
    to = target(
        report(MISSING, TWICE, reemitted=["ord_1"]),
        report(MISSING),  # not yet
        report(),
    )
    outcome = reconcile.reconcile(to, Wanted(), fix=True)
    assert [asked["fix"] for asked in to.functions.asked] == [True, False, False]
    assert to.functions.asked[2]["orders"] == ["ord_1"]
    assert to.functions.asked[2]["grace_seconds"] == 0
    assert (outcome.repaired, outcome.remaining) == (["ord_1"], [TWICE])


def test_persisting_violation_is_not_repaired(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(reconcile.time, "monotonic", lambda: next(clock))
    to = target(report(MISSING, reemitted=["ord_1"]), *[report(MISSING)] * 10)
    assert reconcile.reconcile(to, Wanted(), fix=True).remaining == [MISSING]
    # and a violation that needs an operator is not waited for
    twice = TWICE | {"order_id": "ord_1"}
    to = target(report(MISSING, twice, reemitted=["ord_1"]), report(twice))
    assert reconcile.reconcile(to, Wanted(), fix=True).remaining == [MISSING, twice]


def test_manual_violation_remains_while_another_order_is_repaired(target: Target) -> None:
    # GIVEN a re-emitted order that also needs an operator, and one whose repair takes longer
    wrong = TWICE | {"order_id": "ord_1", "kind": "wrong_amount"}
    slow = MISSING | {"order_id": "ord_3"}
    to = target(
        report(MISSING, wrong, slow, reemitted=["ord_1", "ord_3"]),
        report(wrong, slow),
        report(wrong),
    )
    # WHEN the repair is confirmed by a later poll
    outcome = reconcile.reconcile(to, Wanted(), fix=True)
    # THEN only the order without a violation is repaired
    assert outcome.repaired == ["ord_3"]
    assert outcome.remaining == [MISSING, wrong]


def test_violation_that_appears_during_the_repair_is_reported(target: Target) -> None:
    wrong = TWICE | {"order_id": "ord_1", "kind": "wrong_amount"}
    slow, pending = MISSING | {"order_id": "ord_3"}, MISSING | {"kind": "payment_pending"}
    to = target(
        report(MISSING, slow, reemitted=["ord_1", "ord_3"]),
        report(MISSING | {"detail": "later"}, pending, slow),
        report(slow),
        report(wrong),
    )
    reported: list[Any] = []
    outcome = reconcile.reconcile(to, Wanted(), reported.append, fix=True)
    assert outcome.repaired == ["ord_3"]
    # what the repair has resolved meanwhile is not reported
    assert reported == outcome.violations == [MISSING, slow, wrong]
    assert outcome.remaining == [MISSING, wrong]


def test_orders_are_requested_100_at_a_time(target: Target) -> None:
    names = [f"ord_{number}" for number in range(250)]
    to = target(*[report(reemitted=["x"] * count) for count in (100, 100, 50)])
    assert reconcile.reemit(to, Wanted(names)) == 250
    assert [len(asked["orders"]) for asked in to.functions.asked] == [100, 100, 50]
    assert all(asked["reemit"] for asked in to.functions.asked)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (NoSuchFunctionError(), "has no function toyshop-local-storefront-api-reconcile"),
        (ReadTimeoutError(endpoint_url="x"), "could not be invoked"),
        ({"FunctionError": "Unhandled"}, "failed: it broke."),
        ({"problem": "There is no order ord_1.", "status": 404}, "There is no order ord_1."),
    ],
)
def test_failed_invocation_is_reported_in_one_sentence(
    target: Target, answer: Any, said: str
) -> None:
    with pytest.raises(ShopProblem) as problem:
        reconcile.reconcile(target(answer), Wanted(["ord_1"]))
    assert said in problem.value.what


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        ({"problem": "payments does not answer."}, True),
        ({"problem": "payments does not answer.", "status": 503}, True),
        ({"problem": "Name the orders to re-emit.", "status": 400}, False),
        ({"problem": "There is no order ord_1.", "status": 404}, False),
    ],
)
def test_another_run_is_suggested_only_if_it_can_help(
    target: Target, answer: Any, again: bool
) -> None:
    with pytest.raises(ShopProblem) as problem:
        reconcile.reconcile(target(answer), Wanted(["ord_1"]))
    assert ("Run it again." in problem.value.remedy) == again
    assert ("Check the id" in problem.value.remedy) == (answer.get("status") == 404)


@pytest.mark.parametrize("order", ["", "  "])
def test_empty_id_is_a_usage_error(target: Target, order: str) -> None:
    result = CliRunner().invoke(cli, ["reconcile", "--order", order])
    assert result.exit_code == 2
    assert "'--order': it is empty." in result.output


@pytest.mark.parametrize(
    ("violations", "reemitted", "after", "status"),
    [((), [], None, 0), ((MISSING,), ["ord_1"], (), 0), ((MISSING, TWICE), ["ord_1"], (), 1)],
)
def test_command_exits_with_1_if_a_violation_remains(
    target: Target, violations: Any, reemitted: list[str], after: Any, status: int
) -> None:
    answers = [report(*violations, reemitted=reemitted)]
    if after is not None:
        answers.append(report(*after))
    target(*answers)
    result = CliRunner().invoke(cli, ["reconcile", "--fix"])
    assert result.exit_code == status, result.output
    last = result.output.splitlines()[-1]
    assert last.startswith("3 orders examined, 1 still in progress, ")
    assert (f"{TWICE['order_id']}  charged_twice: y" in result.output) == (TWICE in violations)


def test_command_prints_only_json_and_rejects_contradictory_options(
    target: Target,
) -> None:
    target(report(TWICE))
    result = CliRunner().invoke(cli, ["reconcile", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.output)["violations"] == [TWICE]
    for arguments in (
        ["--order", "ord_1", "--since", "2026-11-24"],
        ["--since", "2026-11-25", "--until", "2026-11-24"],
    ):
        result = CliRunner().invoke(cli, ["reconcile", *arguments])
        assert isinstance(result.exception, ShopProblem)
    result = CliRunner().invoke(cli, ["reconcile", "--since", "yesterday"])
    assert "'yesterday' is neither a time nor an age" in result.output


def test_details_are_valid_requests_of_the_function() -> None:
    from chalicelib.storefront_api.reconciliation import Request
    from chassis.parsing import parse_document

    moment = datetime(2026, 11, 1, tzinfo=UTC)
    wanted = Wanted(["ord_1"], moment, moment, 5)
    cursor = {"cursor": "abc", "before": "2026-11-24T00:00:00Z"}
    for detail in wanted.details():
        asked = parse_document(detail | {"fix": True, "reemit": False, "cursor": cursor}, Request)
        assert (asked.orders, asked.since, asked.until) == (["ord_1"], moment, moment)
        assert asked.grace_seconds == 5
