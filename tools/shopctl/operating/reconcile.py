"""Has a stage's orders held against what they were promised, mended, or told of again.

The walk is a function of the storefront's, which is the one that may ask all the others. Here it is
invoked as the schedule does it, with an event whose detail says what is wanted, until it has come
to its end.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from shopctl.aws.invoke import invoke
from shopctl.deploying.deploy import Target
from shopctl.project.errors import ShopProblem

_SERVICE, _FUNCTION = "storefront-api", "reconcile"
# as long as the function itself may take
_PATIENCE = 310
# orders that one invocation takes by name
_NAMED = 100
_CONFIRM_SECONDS = 60.0


@dataclass(frozen=True)
class Wanted:
    """Which orders: some by name, or all that were placed within a time.

    Attributes
    ----------
    grace_seconds
        How long an order must have been left alone to be judged; the stage's own unless told.
    """

    orders: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    grace_seconds: int | None = None

    def details(self) -> Iterator[dict[str, Any]]:
        """Yield what to ask, in as many questions as it takes."""
        times = {"since": self.since, "until": self.until}
        detail: dict[str, Any] = {
            name: moment.isoformat() for name, moment in times.items() if moment
        }
        if self.grace_seconds is not None:
            detail["grace_seconds"] = self.grace_seconds
        if not self.orders:
            yield detail
        for start in range(0, len(self.orders), _NAMED):
            yield detail | {"orders": list(self.orders[start : start + _NAMED])}


@dataclass
class Outcome:
    """What a walk has found, and what became of it.

    Attributes
    ----------
    broken
        Each promise that was broken: ``order_id``, ``kind``, ``detail``, ``remedy``.
    told_again
        Orders that were told of again, or whose transaction was.
    mended
        Those of them that were seen whole afterwards.
    """

    examined: int = 0
    under_way: int = 0
    broken: list[dict[str, Any]] = field(default_factory=list)
    told_again: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)

    @property
    def unmended(self) -> list[dict[str, Any]]:
        """What is broken still."""
        return [found for found in self.broken if found["order_id"] not in self.mended]


def reconcile(
    to: Target,
    wanted: Wanted,
    say: Callable[[dict[str, Any]], None] = lambda _: None,
    *,
    fix: bool = False,
) -> Outcome:
    """Walk along orders; mend what telling of them again mends, and see that it did.

    Parameters
    ----------
    say
        Told of each promise that is broken, as it is found.

    Raises
    ------
    ShopProblem
        If the function is not there, or a service does not answer it.
    """
    outcome = Outcome()
    for report in _walk(to, wanted, fix=fix):
        outcome.examined += report["examined"]
        outcome.under_way += report["under_way"]
        outcome.told_again += report["told_again"]
        for found in report["broken"]:
            # what an earlier invocation saw of an older order
            if found not in outcome.broken:
                outcome.broken.append(found)
                say(found)
    if outcome.told_again:
        outcome.mended = _confirmed(to, outcome.told_again)
    return outcome


def reemit(to: Target, wanted: Wanted) -> int:
    """Have orders and their transactions told of again, whole or broken; return how many.

    Raises
    ------
    ShopProblem
        As ``reconcile``; and if nothing bounds what is wanted.
    """
    return sum(len(report["told_again"]) for report in _walk(to, wanted, reemit=True))


def _walk(
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


def _confirmed(to: Target, order_ids: Sequence[str]) -> list[str]:
    """Wait until orders are whole again, and return those that are."""
    wanted, broken = Wanted(orders=order_ids, grace_seconds=0), set(order_ids)
    deadline = time.monotonic() + _CONFIRM_SECONDS
    while broken and time.monotonic() < deadline:
        time.sleep(max(1.0, to.cloud.poll_seconds))
        found = [each for report in _walk(to, wanted) for each in report["broken"]]
        broken = {each["order_id"] for each in found}
        waiting = [each["order_id"] for each in found if each["remedy"] != "person"]
        wanted = replace(wanted, orders=tuple(dict.fromkeys(waiting)))
        if not waiting:
            break
    return [order_id for order_id in order_ids if order_id not in broken]


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
    report = invoke(to, _SERVICE, _FUNCTION, event, _PATIENCE)
    if "problem" in report:
        raise ShopProblem(report["problem"], "What was mended so far stays; run it again.")
    return report
