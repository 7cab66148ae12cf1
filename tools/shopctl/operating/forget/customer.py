"""A customer's orders and account, erased by steps of the storefront's function ``forget``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from shopctl.aws.invoke import invoke
from shopctl.aws.target import Target
from shopctl.project.errors import ShopProblem

Json = dict[str, Any]
Step = Callable[[Json], Json]
"""Takes a step of the function ``forget`` and returns its report."""

_SERVICE, _FUNCTION = "storefront-api", "forget"
# seconds: a little longer than the function's own timeout
_TIMEOUT = 310
AT_ONCE = 10
"""Orders that one step erases or cancels."""


def step_on(target: Target) -> Step:
    """Return the steps of a stage's function."""

    def step(request: Json) -> Json:
        report = invoke(target, _SERVICE, _FUNCTION, request, _TIMEOUT)
        if "problem" in report:
            raise ShopProblem(
                report["problem"], "What was erased so far remains erased. Run it again."
            )
        return report

    return step


@dataclass
class Found:
    """What the services know about a customer.

    Attributes
    ----------
    customer_id
        The id of the account; empty if there is none.
    examined
        Number of orders read.
    orders
        The customer's orders, as the function reports them.
    """

    customer_id: str = ""
    examined: int = 0
    orders: list[Json] = field(default_factory=list)

    @property
    def open(self) -> list[Json]:
        """The orders whose data are still needed."""
        return [order for order in self.orders if order["open"]]

    @property
    def personal(self) -> list[Json]:
        """The orders with data of the customer in any service."""
        return [order for order in self.orders if not order["erased"]]


@dataclass
class Erased:
    """What had data of the customer until now, by id."""

    orders: list[str] = field(default_factory=list)
    transactions: list[str] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    account: bool = False


class Customer:
    """A customer, whose data are to be erased.

    Parameters
    ----------
    name
        An email address, or the id of a customer.
    step
        Takes a step of the function ``forget``.
    """

    def __init__(self, name: str, step: Step) -> None:
        self.email = name if "@" in name else ""
        self._who = {"email": name} if self.email else {"customer_id": name}
        self._step = step

    def find(self) -> Found:
        """Read all orders, and return the customer's."""
        found, cursor = Found(), None
        while True:
            report = self._take("find", cursor=cursor)
            found.customer_id = report["customer_id"] or found.customer_id
            # an account is looked up at each step, and is gone in the end
            self._who.setdefault("customer_id", found.customer_id)
            found.examined += report["examined"]
            found.orders += report["orders"]
            cursor = report["cursor"]
            if cursor is None:
                return found

    def cancel(self, order_ids: Sequence[str]) -> list[str]:
        """Cancel those of the orders that are not paid, and return their ids."""
        reports = (self._take("cancel", order_ids=ids) for ids in _chunks(order_ids))
        return [order["order_id"] for report in reports for order in report["orders"]]

    def erase(self, order_ids: Sequence[str], erased: Erased) -> None:
        """Erase the customer's data of orders, and add to ``erased`` what had any."""
        for ids in _chunks(order_ids):
            report = self._take("erase", order_ids=ids)
            erased.orders += report["erased_orders"]
            erased.transactions += report["erased_transactions"]
            erased.receipts += report["replaced_receipts"]
            erased.messages += report["erased_messages"]

    def lock(self) -> bool:
        """Keep the customer from ordering; return whether there is an account."""
        return bool(self._take("lock")["account"])

    def delete_account(self) -> bool:
        """Delete the account; return whether there was one."""
        return bool(self._take("delete")["account"])

    def _take(self, step: str, **more: Any) -> Json:
        return self._step({"step": step} | {k: v for k, v in self._who.items() if v} | more)


def _chunks(order_ids: Sequence[str]) -> list[list[str]]:
    return [list(order_ids[at : at + AT_ONCE]) for at in range(0, len(order_ids), AT_ONCE)]
