"""The journeys of orders, for staff."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from chalicelib.storefront_api.evidence import LOOKUP_LIMIT
from chalicelib.storefront_api.ordering import Ordering
from chassis import clock
from chassis.client import Downstream
from chassis.clock import Clock
from chassis.problems import ServiceUnavailable
from contracts import notifications
from contracts.journeys import Journey, JourneyEmail, Missing

KEPT = timedelta(days=30)
"""How long X-Ray keeps traces."""
_BEFORE = timedelta(minutes=1)
_AFTER = timedelta(hours=6)
"""How long after the last change of an order its emails may be sent and retried."""


class Journeys:
    """Draws the journeys of orders from their traces.

    Parameters
    ----------
    ordering
        Finds the orders.
    notifications
        Client of the service that sends the emails.
    xray
        Returns a client of X-Ray; called when traces are read.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self,
        ordering: Ordering,
        notifications: Downstream,
        xray: Callable[[], Any],
        now: Clock = clock.now,
    ) -> None:
        self._ordering = ordering
        self._notifications = notifications
        self._xray = xray
        self._now = now

    def of_order(self, order_id: str) -> Journey:
        """Return the journey of an order; without hops if its traces cannot be read.

        Raises
        ------
        NotFound
            If there is no such order.
        ServiceUnavailable
            If ``orders`` does not answer.
        """
        # imported here: they would slow the first request of every other route
        from chalicelib.storefront_api import traces
        from chalicelib.storefront_api.hops import drawn

        placed_at, changed_at, has_receipt = self._ordering.times_of(order_id)
        now = self._now()
        since = max(placed_at - _BEFORE, now - KEPT)
        until = min((changed_at or now) + _AFTER, now)
        try:
            found = traces.TraceReader(self._xray).of_order(order_id, since, until)
        except traces.TracesUnavailableError:
            return _empty(order_id, "unavailable", receipt=has_receipt)
        drawing = drawn(order_id, found.spans)
        if not drawing.hops and not found.complete:
            return _empty(order_id, "unavailable", receipt=has_receipt)
        if not drawing.hops:
            expired = placed_at < now - KEPT
            return _empty(order_id, "expired" if expired else "not_recorded", receipt=has_receipt)
        return Journey(
            order_id=order_id,
            started_at=drawing.started_at,
            duration=drawing.duration,
            hops=drawing.hops,
            messages=drawing.messages,
            emails=self._emails(drawing.emails),
            receipt=has_receipt,
            complete=found.complete,
            missing=None,
        )

    def _emails(self, sent: Mapping[str, str]) -> list[JourneyEmail]:
        """Return the emails that hops sent; none while ``notifications`` does not answer."""
        if not sent:
            return []
        lookup = notifications.MessageLookup(ids=list(sent)[:LOOKUP_LIMIT], texts=True)
        try:
            found = self._notifications.call(notifications.LOOKUP, body=lookup).value.items
        except ServiceUnavailable:
            return []
        emails = [
            JourneyEmail(
                id=one.id,
                hop=sent[one.id],
                to=one.to,
                template=one.template,
                status=one.status,
                sent_at=one.sent_at,
                content=one.content,
            )
            for one in found
        ]
        order = list(sent)
        return sorted(emails, key=lambda email: order.index(email.id))


def _empty(order_id: str, missing: Missing, *, receipt: bool) -> Journey:
    return Journey(
        order_id=order_id,
        started_at=None,
        duration=0.0,
        hops=[],
        messages=[],
        emails=[],
        receipt=receipt,
        complete=missing != "unavailable",
        missing=missing,
    )
