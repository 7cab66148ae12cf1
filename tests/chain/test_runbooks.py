"""The commands of the runbooks that change nothing run as written."""

import json
import shlex

import pytest

from support.paths import DOCS
from support.runbooks import commands
from support.running_shop import Shop, wait_until_idle

PAGES = sorted((DOCS / "runbooks").glob("*.md"))
CHANGES = ("--fix", "--all", "discard ", "--from-table", "rollback", "deploy", "gameday")


@pytest.fixture(scope="module")
def order(shop: Shop, alice: str) -> str:
    """Place an order and wait until it is paid and mailed; return its id."""
    order_id: str = shop.place(alice)["id"]
    shop.wait_for_payment(order_id, alice, "succeeded")
    shop.wait_for_emails(order_id, 1)
    wait_until_idle(shop)
    return order_id


def reading() -> list[str]:
    """Return the commands for the local shop that change nothing, each once."""
    found = [line for page in PAGES for line in commands(page.read_text()) if is_reading(line)]
    return list(dict.fromkeys(found))


def is_reading(line: str) -> bool:
    if "--stage" in line or any(word in line for word in CHANGES):
        return False
    return "redrive" not in line or "--dry-run" in line


@pytest.mark.parametrize("line", reading())
def test_command_of_a_runbook_runs(shop: Shop, order: str, line: str) -> None:
    words = [order if word == "x" else word for word in shlex.split(line)[1:]]
    result = shop.run(*words)
    if words[0] == "metrics" and result.returncode:
        # nothing has failed yet that this metric counts
        assert result.stderr.startswith("No metric has a name like ")
        return
    # other tests leave orders that violate an invariant
    accepted = (0, 1) if words[0] == "reconcile" else (0,)
    assert result.returncode in accepted, result.stderr
    assert result.stdout or words[0] in ("replay", "logs")


def test_alarms_of_the_running_shop_are_evaluated(shop: Shop, order: str) -> None:
    result = shop.run("alarms", "--all", "--json")
    found = {alarm["name"]: alarm for alarm in json.loads(result.stdout)}
    assert len(found) > 60
    assert found["toyshop-local-payments-orders-unsettled"]["state"] == "OK"
    assert found["toyshop-local-orders-outbox-lag"]["state"] == "OK"
    assert found["toyshop-local-payments-paid-late"]["runbook"] == (
        "docs/runbooks/orders.md#paid-late"
    )
    assert {alarm["state"] for alarm in found.values()} <= {"OK", "ALARM", "INSUFFICIENT_DATA"}
