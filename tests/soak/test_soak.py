"""Orders in bad weather; when it is over, every one of them is as promised."""

import time

import pytest

from support.http import http
from support.running_shop import Shop
from support.soak import report
from support.soak.audit import audit, read
from support.soak.plan import Plan
from support.soak.queues import Queues
from support.soak.shoppers import Shoppers
from support.soak.weather import Weather

_LOOKS = 10


def wait_until_quiet(shop: Shop, queues: Queues, deadline: float) -> None:
    """Wait until nothing is on its way, nor waits for another try; or the time is over."""
    looks = 0
    while looks < _LOOKS and time.monotonic() < deadline:
        activity = http("GET", f"{shop.aws}/_toyshop/activity").json
        looks = 0 if any(activity.values()) or queues.waiting() else looks + 1
        time.sleep(0.3)


def test_nothing_is_lost_and_nothing_happens_twice(
    shop: Shop, plan: Plan, pytestconfig: pytest.Config
) -> None:
    print(f"\nThe {plan.name} soak, seed {plan.seed}: --seed {plan.seed} throws the same dice.")
    queues, weather, shoppers = Queues(shop), Weather(shop, plan), Shoppers(shop, plan)
    queues.shorten_visibility()
    # GIVEN orders, cancellations and confirmations while everything goes wrong
    with weather.bad():
        sales = shoppers.order()
    # WHEN nothing goes wrong any more, and all that was on its way has arrived
    began = time.monotonic()
    while True:
        wait_until_quiet(shop, queues, began + plan.quiet_seconds)
        queues.replay()
        result = audit(read(shop), sales, weather.deaths())
        if not result.breaches or time.monotonic() > began + plan.quiet_seconds:
            break
    # THEN each order is as promised
    quiet = time.monotonic() - began
    lines = report.lines_of(plan, sales, weather, queues, result, quiet)
    print("\n".join(lines))
    assert result.breaches == [], "\n".join([f"seed {plan.seed}", *result.breaches])
    assert len(sales.accepted) >= plan.least, f"only {len(sales.accepted)} orders were accepted"
    # AND the shop finds nothing to mend either
    walked = shop.run("reconcile", "--grace", "0", "--json")
    assert walked.returncode == 0, walked.stdout + walked.stderr
    if pytestconfig.getoption("--write"):
        report.write(lines)
