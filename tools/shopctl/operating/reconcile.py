"""Verifies and repairs the invariants of a stage's orders, and re-emits orders.

The storefront's function ``reconcile`` does the work, since the storefront may call all other
services. It is invoked with an event whose detail selects the orders, until it has examined all of
them.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from shopctl.aws.invoke import invoke
from shopctl.aws.target import Target
from shopctl.project.errors import ShopProblem

_SERVICE, _FUNCTION = "storefront-api", "reconcile"
# seconds: a little longer than the function's own timeout
_TIMEOUT = 310
# orders that one invocation accepts by id
_IDS_PER_INVOCATION = 100
_CONFIRM_SECONDS = 60.0


@dataclass(frozen=True)
class Wanted:
    """Which orders to examine: some by id, or all that were placed in a period.

    Attributes
    ----------
    grace_seconds
        How long an order must be unchanged to be checked; by default, the stage's setting.
    """

    orders: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    grace_seconds: int | None = None

    def details(self) -> Iterator[dict[str, Any]]:
        """Yield the details of the events that select these orders."""
        times = {"since": self.since, "until": self.until}
        detail: dict[str, Any] = {
            name: moment.isoformat() for name, moment in times.items() if moment
        }
        if self.grace_seconds is not None:
            detail["grace_seconds"] = self.grace_seconds
        if not self.orders:
            yield detail
        for start in range(0, len(self.orders), _IDS_PER_INVOCATION):
            yield detail | {"orders": list(self.orders[start : start + _IDS_PER_INVOCATION])}


@dataclass
class Outcome:
    """The violations that were found, and what was done about them.

    Attributes
    ----------
    examined
        Number of orders read.
    in_progress
        Number of orders that were not checked because they changed within the grace period.
    violations
        Each with ``order_id``, ``kind``, ``detail`` and ``remedy``; also those that were there only
        after the repair.
    reemitted
        Ids of the orders that were restored or re-emitted, or whose transaction was.
    repaired
        Ids of those orders that had no violation afterwards.
    """

    examined: int = 0
    in_progress: int = 0
    violations: list[dict[str, Any]] = field(default_factory=list)
    reemitted: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)

    @property
    def remaining(self) -> list[dict[str, Any]]:
        """The violations that were not repaired."""
        return [found for found in self.violations if found["order_id"] not in self.repaired]


def reconcile(
    to: Target,
    wanted: Wanted,
    on_violation: Callable[[dict[str, Any]], None] = lambda _: None,
    *,
    fix: bool = False,
) -> Outcome:
    """Verify the invariants of orders; with ``fix``, repair violations and confirm the repair.

    Parameters
    ----------
    to
        The stage.
    wanted
        The orders to examine.
    on_violation
        Called with each violation as soon as it is found.
    fix
        Whether to restore lost orders, and to re-emit orders and transactions where that repairs a
        violation.

    Raises
    ------
    ShopProblem
        If the function does not exist, or a service does not answer it.
    """
    outcome = Outcome()
    for report in _reports(to, wanted, fix=fix):
        outcome.examined += report["examined"]
        outcome.in_progress += report["in_progress"]
        outcome.reemitted += report["reemitted"]
        for found in report["violations"]:
            # two invocations may report the same violation of an older order
            if found not in outcome.violations:
                outcome.violations.append(found)
                on_violation(found)
    if outcome.reemitted:
        confirmed = _confirmed(to, outcome.reemitted)
        violated = {found["order_id"] for found in confirmed}
        outcome.repaired = [each for each in outcome.reemitted if each not in violated]
        known = {(found["order_id"], found["kind"]) for found in outcome.violations}
        for found in confirmed:
            # the detail of a known violation may have changed meanwhile
            if (found["order_id"], found["kind"]) not in known:
                outcome.violations.append(found)
                on_violation(found)
    return outcome


def reemit(to: Target, wanted: Wanted) -> int:
    """Re-emit orders and their transactions without examining them; return the number of orders.

    Raises
    ------
    ShopProblem
        If the function does not exist, a service does not answer it, or nothing limits ``wanted``.
    """
    return sum(len(report["reemitted"]) for report in _reports(to, wanted, reemit=True))


def _reports(
    to: Target, wanted: Wanted, *, fix: bool = False, reemit: bool = False
) -> Iterator[dict[str, Any]]:
    for detail in wanted.details():
        cursor = None
        while True:
            report = _invoke(to, detail | {"fix": fix, "reemit": reemit, "cursor": cursor})
            yield report
            cursor = report["cursor"]
            if cursor is None:
                break


def _confirmed(to: Target, order_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Wait until re-emitted orders have no violation, and return those that they still have.

    Each poll examines all of these orders, so that the last one holds for every order.
    """
    wanted = Wanted(orders=order_ids, grace_seconds=0)
    deadline = time.monotonic() + _CONFIRM_SECONDS
    while True:
        time.sleep(max(1.0, to.cloud.poll_seconds))
        found = [each for report in _reports(to, wanted) for each in report["violations"]]
        if all(each["remedy"] == "manual" for each in found) or time.monotonic() >= deadline:
            return found


def _invoke(to: Target, detail: dict[str, Any]) -> dict[str, Any]:
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Reconcile",
        "source": "toyshop.shopctl",
        "account": to.stage.account,
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": to.stage.region,
        "resources": [],
        "detail": detail,
    }
    report = invoke(to, _SERVICE, _FUNCTION, event, _TIMEOUT)
    if "problem" in report:
        raise ShopProblem(report["problem"], _remedy(report.get("status", 503)))
    return report


def _remedy(status: int) -> str:
    """Return what to do about a problem with this HTTP status."""
    kept = "Repairs made so far are kept."
    if status == HTTPStatus.NOT_FOUND:
        return f"Check the id; an order that was lost is found with --since. {kept}"
    return kept if status < HTTPStatus.INTERNAL_SERVER_ERROR else f"{kept} Run it again."
