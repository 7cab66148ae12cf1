"""Orders under injected faults: after the faults end, no order violates an invariant."""

import time

import pytest

from support.http import http
from support.running_shop import Shop
from support.soak import records, report
from support.soak.audit import audit
from support.soak.fault_injection import FaultInjector
from support.soak.plan import Plan
from support.soak.queues import Queues
from support.soak.shoppers import Shoppers

_IDLE_CHECKS = 10
"""Successive checks in which nothing may be pending; some hand-overs are visible nowhere."""


def wait_until_idle(shop: Shop, queues: Queues, deadline: float) -> None:
    """Wait until nothing is pending, in the embedded AWS or in a retry queue, or until a deadline.

    Parameters
    ----------
    deadline
        A value of ``time.monotonic``.
    """
    idle = 0
    while idle < _IDLE_CHECKS and time.monotonic() < deadline:
        activity = http("GET", f"{shop.aws}/_toyshop/activity").json
        idle = 0 if any(activity.values()) or queues.waiting() else idle + 1
        time.sleep(0.3)


def test_orders_under_faults_violate_no_invariant(
    shop: Shop, plan: Plan, pytestconfig: pytest.Config
) -> None:
    print(f"\nThe {plan.name} soak test; --seed {plan.seed} repeats its random choices.")
    queues, injector, shoppers = Queues(shop), FaultInjector(shop, plan), Shoppers(shop, plan)
    queues.shorten_visibility()
    # GIVEN orders, cancellations and authentications while faults are injected
    with injector.inject():
        log = shoppers.place_orders()
    # WHEN the faults have ended, and everything pending is delivered
    began = time.monotonic()
    while True:
        wait_until_idle(shop, queues, began + plan.recovery_seconds)
        queues.replay()
        result = audit(records.read(shop), log, injector.crashes())
        if not result.violations or time.monotonic() > began + plan.recovery_seconds:
            break
    # THEN no order violates an invariant
    recovery_seconds = time.monotonic() - began
    lines = report.render(plan, log, injector, queues, result, recovery_seconds)
    print("\n".join(lines))
    assert result.violations == [], "\n".join([f"seed {plan.seed}", *result.violations])
    accepted = len(log.accepted)
    assert accepted >= plan.min_accepted, f"only {accepted} orders were accepted"
    # AND the shop's own reconciliation finds no violation either
    done = shop.run("reconcile", "--grace", "0", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    if pytestconfig.getoption("--write"):
        report.write(lines)
