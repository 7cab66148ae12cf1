"""`./shop replay` on the command line."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from shopctl.aws import target as target_module
from shopctl.aws.target import Target
from shopctl.cli.main import cli
from shopctl.operating import reconcile
from shopctl.operating.replay import discarding
from shopctl.project.errors import ShopProblem
from support.dead_letter_queues import ORDER, OTHER, DeadLetterQueues, Functions


@pytest.fixture
def stages(target: Target, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the command find the stage; return the names that it asked for."""
    asked: list[str] = []

    def find(layout: Any, stage: str) -> Target:
        asked.append(stage)
        return target

    monkeypatch.setattr(target_module, "find_target", find)
    return asked


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["replay", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result


def test_without_arguments_it_lists_the_local_shop(
    queues: DeadLetterQueues, stages: list[str]
) -> None:
    queues.park()
    output = run().output
    assert stages == ["local"]
    assert "toyshop-local-payments-charge-dead-letters: 1" in output
    assert "1 x   shop.order.placed.v1" in output
    assert "1 x   permanent: no" in output
    assert "toyshop-local-toys-images-dead-letters: 0" in output
    (content,) = json.loads(run("list", "--json", "--queue", "payments-charge-dead-letters").output)
    assert content["messages"] == 1


def test_help_shows_every_action(queues: DeadLetterQueues, stages: list[str]) -> None:
    output = run("--help").output
    for words in (
        "inspect",
        "redrive --dry-run",
        "redrive --all",
        "discard --order",
        "docs/runbooks/dead-letters.md",
    ):
        assert words in output


def test_inspect_shows_a_message_in_full(queues: DeadLetterQueues, stages: list[str]) -> None:
    message = queues.park()
    queues.park(OTHER)
    output = run("inspect", "--message", message).output
    for words in (message, "permanent: no", ORDER, "a" * 32, '"specversion": "1.0"'):
        assert words in output
    assert OTHER not in output
    assert "No dead letter matches." in run("inspect", "--order", "ord_x").output


def test_redriving_everything_needs_all(
    queues: DeadLetterQueues, stages: list[str], functions: Functions
) -> None:
    queues.park()
    with pytest.raises(ShopProblem, match="No messages were selected"):
        run("redrive")
    with pytest.raises(ShopProblem, match="cannot be combined"):
        run("redrive", "--all", "--service", "payments")
    assert "would redeliver shop.order.placed.v1" in run("redrive", "--dry-run").output
    assert (functions.invoked, queues.counts()) == ([], (1, 0))
    output = run("redrive", "--all", "--stage", "prod").output
    assert stages[-1] == "prod"
    assert f"handled  shop.order.placed.v1 {ORDER}" in output
    assert output.endswith("1 handled.\n")
    assert "No dead letter matches." in run("redrive", "--all").output


def test_discarding_needs_a_selection_and_a_reason(
    queues: DeadLetterQueues, stages: list[str]
) -> None:
    message = queues.park()
    for arguments, said in (
        (("discard", "--reason", "a test"), "No messages were selected"),
        (("discard", "--all"), "only for a reason"),
        (("discard", "--all", "--reason", "x" * 1001), "1001 characters"),
        (("redrive", "--all", "--reason", "a test"), "--reason belongs to discard"),
        (("discard", "--from-table", "--order", ORDER, "--reason", "x"), "cannot be combined"),
    ):
        with pytest.raises(ShopProblem, match=said):
            run(*arguments)
    with pytest.raises(ShopProblem, match="only for a reason"):
        discarding.checked_reason(" ")
    assert "--reason" in run("discard", "--all", "--reason", " ", status=2).output
    output = run("discard", "--dry-run").output
    assert f"would discard shop.order.placed.v1 {ORDER} ({message} of" in output
    assert (queues.counts(), run("discarded").output) == ((1, 0), "No record matches.\n")


def test_discarded_messages_are_listed_with_the_reason(
    queues: DeadLetterQueues, stages: list[str], functions: Functions
) -> None:
    message = queues.park()
    output = run("discard", "--message", message, "--reason", "a test  order").output
    assert f"discarded shop.order.placed.v1 {ORDER} ({message} deleted)\n" in output
    assert "1 discarded.\n" in output
    assert (queues.counts(), functions.invoked) == ((0, 0), [])
    shown = run("discarded", "--service", "payments", "--order", ORDER).output
    for words in (message, "permanent: no", "because   a test order", ORDER):
        assert words in shown
    assert json.loads(run("discarded", "--service", "toys", "--json").output) == []
    answer = json.loads(run("discard", "--all", "--reason", "x", "--json").output)
    assert answer == {"dry_run": False, "messages": [], "unmatched": [], "in_flight": 0}


def test_kept_message_is_reported_and_fails_the_command(
    queues: DeadLetterQueues, stages: list[str], functions: Functions
) -> None:
    message = queues.park()
    functions.error = {"errorType": "ReplayRejected", "errorMessage": "permanent: still no"}
    output = run("redrive", "--order", ORDER, status=1).output
    assert f"({message} kept): permanent: still no" in output
    answer = json.loads(run("redrive", "--all", "--json", status=1).output)
    assert answer["dry_run"] is False
    assert [each["outcome"] for each in answer["messages"]] == ["rejected"]


@pytest.mark.parametrize("action", [("redrive",), ("discard", "--reason", "a test")])
@pytest.mark.parametrize("named", [("--message", "nosuch"), ("--order", "ord_NOPE")])
@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--queue", "payments-charge-dead-letters")])
def test_message_or_order_that_matches_nothing_fails_the_command(
    queues: DeadLetterQueues,
    stages: list[str],
    action: tuple[str, ...],
    named: tuple[str, ...],
    more: tuple[str, ...],
) -> None:
    queues.park()
    assert run(*action, *named, *more, status=1).output == "No dead letter matches.\n"
    assert json.loads(run(*action, *named, *more, "--json", status=1).output)["messages"] == []
    assert queues.counts() == (1, 0)


@pytest.mark.parametrize(
    ("named", "missing"),
    [(("--order", "ord_NOPE"), "ord_NOPE"), (("--message", "nosuch"), "nosuch")],
)
def test_one_of_several_that_matches_nothing_is_named(
    queues: DeadLetterQueues, stages: list[str], named: tuple[str, str], missing: str
) -> None:
    message = queues.park()
    match = ("--order", ORDER) if named[0] == "--order" else ("--message", message)
    discard = ("discard", *match, *named, "--reason", "a test")
    answer = json.loads(run(*discard, "--dry-run", "--json", status=1).output)
    assert (answer["unmatched"], len(answer["messages"])) == ([missing], 1)
    output = run(*discard, status=1).output
    assert f"No dead letter matches {missing}.\n1 discarded.\n" in output
    assert queues.counts() == (0, 0)


def test_message_that_was_not_looked_at_is_not_said_to_be_missing(
    queues: DeadLetterQueues, stages: list[str], functions: Functions
) -> None:
    # GIVEN two messages, and a function of which the first delivery has an unknown result
    named = [queues.park(), queues.park(OTHER)]
    functions.answer = lambda _: None
    functions.during = queues.park
    # WHEN both are redelivered by name
    done = run("redrive", "--message", named[0], "--message", named[1], "--json", status=1)
    # THEN one was delivered, and nothing is said about the other
    answer = json.loads(done.output)
    assert [each["outcome"] for each in answer["messages"]] == ["unknown"]
    assert answer["unmatched"] is None


def test_empty_queue_and_messages_in_flight_do_not_fail_the_command(
    queues: DeadLetterQueues, stages: list[str]
) -> None:
    queue = ("--queue", "payments-charge-dead-letters")
    for selected in (("--all",), queue, ("--since", "1h")):
        assert run("redrive", *selected).output == "No dead letter matches.\n"
    queues.park()
    url = queues.sqs.get_queue_url(QueueName="toyshop-local-payments-charge-dead-letters")
    queues.sqs.receive_message(QueueUrl=url["QueueUrl"], VisibilityTimeout=60)
    # the message in flight may be the one that is named
    output = run("redrive", "--order", ORDER).output
    assert output == "No dead letter matches. 1 more are in flight. Look again in two minutes.\n"
    answer = json.loads(run("redrive", "--order", ORDER, "--json").output)
    assert (answer["unmatched"], answer["in_flight"]) == (None, 1)


def test_time_range(queues: DeadLetterQueues, stages: list[str]) -> None:
    queues.park()
    queue = ("--queue", "payments-charge-dead-letters", "--json")
    for bounds, count in (
        (("--since", "1h"), 1),
        (("--until", "1h"), 0),
        (("--since", "2h", "--until", "2999-01-01T00:00:00Z"), 1),
    ):
        (content,) = json.loads(run(*bounds, *queue).output)
        assert content["messages"] == count, bounds


@pytest.mark.parametrize(
    "arguments",
    [
        ("--since", "2h", "--until", "3h"),
        ("--since", "2h", "--until", "120m"),
        ("--since", "2026-11-24", "--until", "2026-11-24"),
        ("redrive", "--since", "2h", "--until", "3h"),
        ("discarded", "--since", "2h", "--until", "3h"),
        ("--from-table", "--since", "2h", "--until", "3h", "--dry-run"),
    ],
)
def test_range_that_ends_before_it_begins_is_refused(
    stages: list[str], arguments: tuple[str, ...]
) -> None:
    with pytest.raises(ShopProblem, match="--since must be before --until"):
        run(*arguments)
    assert stages == []


@pytest.mark.parametrize("arguments", [(), ("list",), ("inspect",), ("discarded",)])
def test_dry_run_of_an_action_that_changes_nothing_is_refused(
    stages: list[str], arguments: tuple[str, ...]
) -> None:
    with pytest.raises(ShopProblem, match="--dry-run belongs to redrive, discard and"):
        run(*arguments, "--dry-run")
    assert stages == []


@pytest.mark.parametrize("option", ["--order", "--message", "--type", "--queue", "--service"])
def test_empty_value_is_a_usage_error(stages: list[str], option: str) -> None:
    assert "it is empty." in run(option, "", status=2).output
    assert stages == []


def test_missing_permission_is_reported(
    queues: DeadLetterQueues, stages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "ReceiveMessage")

    monkeypatch.setattr(queues.sqs, "receive_message", refuse)
    with pytest.raises(ShopProblem) as problem:
        run()
    assert "ReceiveMessage" in problem.value.what
    assert "docs/runbooks/dead-letters.md" in problem.value.remedy


def test_from_table_reemits_orders_and_payments(
    stages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[reconcile.Wanted] = []

    def reemit(to: Target, wanted: reconcile.Wanted) -> int:
        asked.append(wanted)
        return 3

    def repair(to: Target, wanted: reconcile.Wanted) -> reconcile.Outcome:
        return reconcile.Outcome(examined=7)

    monkeypatch.setattr(reconcile, "reemit", reemit)
    monkeypatch.setattr(reconcile, "reconcile", repair)
    # WHEN it is a dry run, THEN nothing is re-emitted
    output = run("--from-table", "--since", "2026-11-24T02:00:00Z", "--dry-run").output
    assert (output, asked) == ("7 orders would be re-emitted.\n", [])
    # AND otherwise by order, or by time
    assert run("--from-table", "--order", ORDER).output == "3 orders were re-emitted.\n"
    assert asked[0].orders == (ORDER,)
    answer = run("--from-table", "--since", "2h", "--until", "1h", "--json").output
    assert json.loads(answer) == {"dry_run": False, "reemitted": 3}
    assert asked[1].since
    assert asked[1].until
    assert asked[1].since < asked[1].until


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "No orders were selected"),
        (["--all"], "--from-table selects orders"),
        (["--queue", "payments-charge-dead-letters"], "--from-table selects orders"),
        (["--order", ORDER, "--since", "2h"], "No orders were selected"),
    ],
)
def test_from_table_refuses_options_that_do_not_select_orders(
    stages: list[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(ShopProblem, match=said):
        run("--from-table", *arguments)
    assert stages == []
