"""`./shop forget` on the command line."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from shopctl.aws import target as target_module
from shopctl.aws.target import Target
from shopctl.cli.forget import forget_command
from shopctl.operating.forget import run as run_module
from shopctl.operating.forget.customer import Erased
from shopctl.operating.forget.queues import Searched
from shopctl.operating.forget.run import Outcome
from shopctl.operating.records import Records
from shopctl.project.errors import ShopProblem

ID = "7d3b0c52-4d1c-4f0a-9a58-2f6f0e0c9b11"


@pytest.fixture
def outcome() -> Outcome:
    return Outcome(
        customer_id=ID,
        examined=7,
        orders=["ord_1", "ord_2"],
        erased=Erased(["ord_1"], ["ord_1"], ["fil_1"], ["msg_1", "msg_2"], account=True),
        dead_letters=Searched(queues=9, messages=4, found=1, discarded=1),
        local_mail=3,
        expires=[
            {"kind": "log group", "name": "/aws/lambda/x", "until": None},
            {"kind": "temporary table", "name": "z", "until": None},
            {"kind": "retry queue", "name": "y", "until": "2026-12-24T00:00:00Z", "messages": 2},
        ],
    )


@pytest.fixture
def asked(target: Target, outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let the command find the stage and the outcome; return what it asked for."""
    found: list[Any] = []

    def forget(to: Target, name: str, **options: Any) -> Outcome:
        found.append((name, options["dry_run"], options["cancel_unpaid"], sorted(options)))
        return outcome

    monkeypatch.setattr(target_module, "find_target", lambda *_: target)
    monkeypatch.setattr(run_module, "forget", forget)
    return found


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(forget_command, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result


def test_result_says_what_was_examined_erased_and_what_expires(asked: list[Any]) -> None:
    output = run("Zoe@Example.com").output
    for words in (
        "7 orders examined: 2 of zoe@example.com.",
        "orders          1 erased",
        "1 receipts replaced by pseudonymized ones",
        "2 messages erased",
        "account deleted",
        "4 in 9 queues examined, 1 discarded",
        "3 emails deleted",
        "/aws/lambda/x, until it is deleted, for it has no retention period",
        "z, until it is deleted\n",
        "y (2 messages), until 2026-12-24T00:00:00Z",
        f"./shop forget {ID} again",
    ):
        assert words in output, words
    # addresses are compared in lower case; on the embedded AWS, emails are files
    assert asked == [
        ("zoe@example.com", False, False, ["cancel_unpaid", "delete_mail", "dry_run", "say"])
    ]


def test_open_orders_are_named_and_fail_the_command(asked: list[Any], outcome: Outcome) -> None:
    outcome.open = [{"order_id": "ord_2", "open": "the bank disputes its payment"}]
    output = run(ID, status=1).output
    assert "ord_2 is open: the bank disputes its payment.\n" in output
    assert "--cancel-unpaid" in output
    assert "erased\n" not in output
    assert json.loads(run(ID, "--json", status=1).output)["complete"] is False
    assert asked[0][0] == ID


def test_what_is_left_fails_the_command(asked: list[Any], outcome: Outcome) -> None:
    outcome.left = ["2 dead letters could not be discarded."]
    output = run("zoe@example.com", status=1).output
    assert "2 dead letters could not be discarded.\nRun the command again.\n" in output


def test_records_are_listed(asked: list[Any], target: Target) -> None:
    assert run("--list").output == "No data has been erased on this stage.\n"
    records = Records(target, run_module.KIND)
    records.add({"customer_id": ID, "orders": ["ord_1"], "complete": True})
    records.add({"customer_id": "", "orders": [], "complete": False})
    first, second = run("--list").output.splitlines()
    assert f"{ID}, 1 orders, arn:aws:sts::" in first
    assert "no account, 0 orders, not complete, arn:" in second
    assert [each["customer_id"] for each in json.loads(run("--list", "--json").output)] == [
        ID,
        "",
    ]
    assert asked == []


def test_missing_permission_is_reported(asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "DescribeLogGroups")

    monkeypatch.setattr(run_module, "forget", refuse)
    with pytest.raises(ShopProblem, match="DescribeLogGroups") as problem:
        run("zoe@example.com")
    assert "docs/erasure.md" in problem.value.remedy


def test_a_customer_or_list_must_be_given(asked: list[Any]) -> None:
    with pytest.raises(ShopProblem, match="Name a customer"):
        run()
    with pytest.raises(ShopProblem, match="A customer and --list exclude each other"):
        run("zoe@example.com", "--list")


@pytest.mark.parametrize(
    "customer", ["", "   ", "notanemail", "a@b@c", "a@b@c.example", "@example.com", "zoe@localhost"]
)
def test_what_is_neither_an_address_nor_an_id_is_refused(asked: list[Any], customer: str) -> None:
    output = run(customer, status=2).output
    assert f"'{customer}' is neither an email address nor a customer's id" in output
    assert "alice@example.com" in output
    assert asked == []


@pytest.mark.parametrize("customer", [ID, ID.upper(), f" {ID} ", " Zoe@Example.com"])
def test_address_and_id_are_compared_in_lower_case(asked: list[Any], customer: str) -> None:
    run(customer)
    assert asked[0][0] == customer.strip().lower()


@pytest.mark.parametrize(
    ("customer", "known_as", "last"),
    [
        ("nobody@example.com", "", "There is neither an account nor an order.\n"),
        (ID, ID, "There is no order. An account is found only by its email address.\n"),
    ],
)
def test_unknown_customer_is_not_reported_as_erased(
    asked: list[Any], outcome: Outcome, customer: str, known_as: str, last: str
) -> None:
    outcome.customer_id, outcome.orders, outcome.local_mail = known_as, [], 0
    outcome.erased, outcome.dead_letters = Erased(), Searched(queues=9, messages=4)
    output = run(customer).output
    assert "4 in 9 queues examined, 0 discarded" in output
    assert output.endswith(last)
    assert "erased" not in output
