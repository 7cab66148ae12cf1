"""The whole erasure: finds, refuses or erases, proves, and records."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from shopctl.aws.target import Target
from shopctl.operating.forget import queues, retention
from shopctl.operating.forget.customer import Customer, Erased, Found, step_on
from shopctl.operating.forget.queues import Searched
from shopctl.operating.records import Records

KIND = "erasures"
"""The kind of the records of erasures."""

_ROUNDS = 3
"""Attempts to erase what appears meanwhile, such as an order that was being placed."""
_CANCEL_SECONDS = 60.0
_LAG_SECONDS = 1.0

Json = dict[str, Any]


@dataclass
class Outcome:
    """What was examined, erased and left.

    Attributes
    ----------
    customer_id
        The id of the customer's account, or the id that was asked for; empty if there is none.
    dry_run
        Whether nothing was changed.
    examined
        Number of orders read.
    orders
        Ids of the customer's orders.
    open
        The orders because of which nothing was erased: ``order_id`` and why they are ``open``.
    erased
        What had data of the customer until now, by id; of a dry run, what would be erased.
    dead_letters
        The search in the dead-letter queues.
    local_mail
        Number of emails that were deleted from the local shop's files.
    left
        Sentences about what is still there and has to be erased by another run.
    expires
        What may have data of the customer until it expires.
    """

    customer_id: str = ""
    dry_run: bool = False
    examined: int = 0
    orders: list[str] = field(default_factory=list)
    open: list[Json] = field(default_factory=list)
    erased: Erased = field(default_factory=Erased)
    dead_letters: Searched = field(default_factory=Searched)
    local_mail: int = 0
    left: list[str] = field(default_factory=list)
    expires: list[Json] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether nothing of the customer is left but what expires."""
        return not self.open and not self.left

    def to_json(self) -> Json:
        """Return the outcome as JSON."""
        return asdict(self) | {"complete": self.is_complete}


def forget(
    target: Target,
    name: str,
    *,
    dry_run: bool = False,
    cancel_unpaid: bool = False,
    delete_mail: Callable[[str], int] = lambda _: 0,
    say: Callable[[str], object] = lambda _: None,
) -> Outcome:
    """Erase a customer's data on a stage; it can be stopped at any point and run again.

    Nothing is erased as long as one of the customer's orders is open.

    Parameters
    ----------
    target
        The stage and its services.
    name
        The customer's email address, or id.
    dry_run
        Change nothing.
    cancel_unpaid
        Whether to cancel orders first that wait for a payment.
    delete_mail
        Deletes the emails to an address, and returns their number: on a laptop, those that the
        simulated mail provider keeps instead of the customer's mailbox.
    say
        Called with a sentence about each part that is done.

    Raises
    ------
    ShopProblem
        If a service does not answer.
    """
    customer = Customer(name, step_on(target))
    found = customer.find()
    if cancel_unpaid and not dry_run:
        found = _without_unpaid(customer, found, target.cloud.poll_seconds, say)
    outcome = Outcome(found.customer_id, dry_run, found.examined, _ids_of(found.orders), found.open)
    if outcome.open:
        return outcome
    if dry_run:
        outcome.erased = _planned(found)
        outcome.dead_letters = queues.search(target, customer.email, outcome.orders, dry_run=True)
    else:
        _erase(target, customer, found, outcome, say)
        if customer.email:
            outcome.local_mail = delete_mail(customer.email)
    outcome.expires = retention.remaining(target)
    return outcome


def erase_orders(
    customer: Customer,
    found: Found,
    erased: Erased,
    say: Callable[[str], object] = lambda _: None,
    pause: Callable[[float], object] = time.sleep,
) -> Found:
    """Lock the account, erase the data of the customer's orders, and look again.

    Parameters
    ----------
    found
        The customer's orders, none of which is open.
    erased
        Gets what had data of the customer until now.
    say
        Called with a sentence about each part that is done.
    pause
        Waits for some seconds.

    Returns
    -------
    Found
        What the services know afterwards.
    """
    if customer.email and customer.lock():
        say("The account is locked and signed out.")
    # at first also those that look erased: a restored bucket has their receipts as they were
    remaining = found.orders
    for _ in range(_ROUNDS):
        customer.erase(_ids_of(remaining), erased)
        if remaining:
            say(f"{len(remaining)} orders are erased in all services.")
        # An order may have been placed until the account was locked, and reads may lag behind.
        pause(_LAG_SECONDS)
        found = customer.find()
        remaining = found.personal
        if found.open or not remaining:
            break
    return found


def _erase(
    target: Target,
    customer: Customer,
    found: Found,
    outcome: Outcome,
    say: Callable[[str], object],
) -> None:
    found = erase_orders(customer, found, outcome.erased, say)
    outcome.orders = _ids_of(found.orders) or outcome.orders
    outcome.open = found.open
    outcome.left += [f"The order {each['order_id']} is not erased." for each in found.personal]
    outcome.dead_letters = queues.search(target, customer.email, outcome.orders)
    kept = outcome.dead_letters.found - outcome.dead_letters.discarded
    if kept:
        outcome.left.append(f"{kept} dead letters could not be discarded.")
    if outcome.dead_letters.in_flight:
        count = outcome.dead_letters.in_flight
        outcome.left.append(f"{count} dead letters are in flight. Look again in two minutes.")
    # last, because the account leads to the orders
    if outcome.is_complete and customer.email:
        outcome.erased.account = customer.delete_account()
    if outcome.orders or outcome.erased.account:
        Records(target, KIND).add(
            {
                "customer_id": outcome.customer_id,
                "orders": outcome.orders,
                "complete": outcome.is_complete,
            }
        )


def _without_unpaid(
    customer: Customer, found: Found, poll_seconds: float, say: Callable[[str], object]
) -> Found:
    """Cancel orders that wait for a payment, and wait until none of them is open any more."""
    unpaid = [order["order_id"] for order in found.open if order["cancellable"]]
    if not unpaid:
        return found
    cancelled = customer.cancel(unpaid)
    say(f"{len(cancelled)} orders that were not paid are cancelled.")
    deadline = time.monotonic() + _CANCEL_SECONDS
    while True:
        found = customer.find()
        waiting = {order["order_id"] for order in found.open} & set(cancelled)
        if not waiting or time.monotonic() >= deadline:
            return found
        time.sleep(max(1.0, poll_seconds))


def _planned(found: Found) -> Erased:
    """Return what an erasure would erase; emails have no ids before it."""
    ids = _ids_of(found.personal)
    return Erased(
        orders=ids,
        transactions=ids,
        receipts=[order["order_id"] for order in found.personal if order["receipt"]],
        messages=[order["order_id"] for order in found.personal for _ in range(order["messages"])],
        account=bool(found.customer_id),
    )


def _ids_of(orders: list[Json]) -> list[str]:
    return [order["order_id"] for order in orders]
