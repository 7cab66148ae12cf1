"""Cancellation of orders whose payment waits for the customer's bank for too long.

The orders are cancelled like by their customers, so that ``payments`` cancels the payment intent
and emails the customer, or refunds the charge if the bank has confirmed meanwhile.
"""

from collections.abc import Callable
from datetime import timedelta

from chassis import clock, log, tracing
from chassis.client import Downstream
from chassis.clock import Clock
from contracts import orders, payments
from contracts.payments import MAX_RETRY_AGE

PAGE = 100
"""Orders read at a time."""

MARGIN = 30.0
"""Seconds that must remain to read another page."""

_MISSED_RUNS = timedelta(days=1)
"""For how long the function may fail without missing an order."""


class IncompleteRunError(Exception):
    """A run had no time to read all orders."""


class Expiry:
    """Cancels orders whose payment has waited for an action for too long.

    Parameters
    ----------
    orders, payments
        Clients of the private services.
    timeout
        How long a payment may wait for an action.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self,
        orders: Downstream,
        payments: Downstream,
        timeout: timedelta,
        now: Clock = clock.now,
    ) -> None:
        self._orders = orders
        self._payments = payments
        self._timeout = timeout
        self._now = now

    def handle(self, remaining: Callable[[], float]) -> dict[str, int]:
        """Cancel the orders whose payment has waited for too long, and return their number.

        Only orders are read that may be paid again, or could be until recently.

        Parameters
        ----------
        remaining
            Returns the seconds left before the function times out.

        Raises
        ------
        IncompleteRunError
            If there was no time to read all orders.
        ProblemError
            If a service does not answer; the next run continues.
        """
        until = self._now() - self._timeout
        since = until - MAX_RETRY_AGE - _MISSED_RUNS
        cancelled, cursor = 0, None
        with tracing.scheduled("cancel_expired", budget=remaining()):
            while True:
                query = orders.OrderQuery(since=since, until=until, limit=PAGE, cursor=cursor)
                page = self._orders.call(orders.LIST, query=query).value
                for order_id in self._expired(page.items):
                    self._orders.call(orders.CANCEL, {"order_id": order_id})
                    log.info("unconfirmed order cancelled", order_id=order_id)
                    cancelled += 1
                cursor = page.next_cursor
                if cursor is None:
                    break
                if remaining() < MARGIN:
                    raise IncompleteRunError(
                        f"{cancelled} orders were cancelled; others may remain"
                    )
            log.metric("toyshop.payments.expired", cancelled)
        return {"cancelled": cancelled}

    def _expired(self, page: list[orders.Order]) -> list[str]:
        placed = [order.id for order in page if order.status == "placed"]
        if not placed:
            return []
        lookup = payments.TransactionLookup(order_ids=placed)
        found = self._payments.call(payments.LOOKUP, body=lookup).value.items
        return [
            transaction.order_id
            for transaction in found
            if transaction.status == "action_required"
            and self._now() - transaction.updated_at >= self._timeout
        ]
