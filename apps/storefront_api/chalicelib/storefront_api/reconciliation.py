"""The walk along all orders that holds each against what it was promised, and mends what it can.

Of a page of orders, all that is asked of a neighbour is asked in one call. Nothing is written
here: what mends is that ``orders`` or ``payments`` tells of an entity again, which every consumer
takes as a redelivery.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct, field, to_builtins

from chalicelib.storefront_api import promise
from chalicelib.storefront_api.promise import Break, Evidence
from chassis import clock, context, log
from chassis.client import Downstream
from chassis.clock import Clock
from chassis.parsing import parse_document
from chassis.problems import BadRequest, NotFound, ProblemError
from contracts import files, notifications, orders, payments
from contracts.orders import Order
from contracts.payments import AuditedOrder, GatewayCharge
from contracts.schema import Input, Timestamp

PAGE = 100
MARGIN = 45.0
"""Seconds that must be left for one more page."""
_NEIGHBOURS = timedelta(hours=1)
"""Orders named one by one that were placed within this time are audited together."""


class Position(Input):
    """Where a walk has stopped: the cursor of ``orders``, and the time that it has come back to."""

    cursor: str
    before: Timestamp


class Request(Input):
    """What to walk along: some orders, or all that were placed within a time.

    Attributes
    ----------
    fix
        Whether to mend what re-emitting mends.
    reemit
        Whether to re-emit everything instead, whole or broken.
    grace_seconds
        How long an order must have been left alone to be judged; the service's own unless told.
    cursor
        Where the last call has stopped; all else is as it was then.
    """

    fix: bool = False
    reemit: bool = False
    orders: Annotated[list[str], Meta(min_length=1, max_length=PAGE)] | None = None
    since: Timestamp | None = None
    until: Timestamp | None = None
    grace_seconds: Annotated[int, Meta(ge=0)] | None = None
    cursor: Position | None = None


class Report(Struct, kw_only=True):
    """What a walk has found.

    Attributes
    ----------
    under_way
        How many orders were left alone, since something has happened to them lately.
    told_again
        The orders that were re-emitted, or whose transaction was.
    cursor
        Where to go on; ``None`` if the walk has come to its end.
    """

    examined: int = 0
    under_way: int = 0
    broken: list[Break] = field(default_factory=list)
    told_again: list[str] = field(default_factory=list)
    cursor: Position | None = None


class UnfinishedError(Exception):
    """The time was up before the walk was at its end."""


class _Page(Struct, frozen=True):
    """Some orders, the time in which their charges were begun, and where to go on after them."""

    orders: list[Order]
    since: datetime
    until: datetime
    following: Position | None = None


class Reconciliation:
    """Walks along orders.

    Parameters
    ----------
    orders, payments, file_manager, notifications
        Those who know what became of them.
    window
        How far back the schedule's own walk goes.
    grace
        How long an order must have been left alone to be judged.
    fix
        Whether the schedule's own walk mends.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self,
        orders: Downstream,
        payments: Downstream,
        file_manager: Downstream,
        notifications: Downstream,
        window: timedelta,
        grace: timedelta,
        *,
        fix: bool = False,
        now: Clock = clock.now,
    ) -> None:
        self._orders = orders
        self._payments = payments
        self._file_manager = file_manager
        self._notifications = notifications
        self._window = window
        self._grace = grace
        self._fix = fix
        self._now = now

    def handle(self, detail: dict[str, Any], remaining: Callable[[], float]) -> dict[str, Any]:
        """Walk as a person asks in the event's detail, or as the schedule does, which asks nothing.

        Parameters
        ----------
        remaining
            Tells how many seconds are left.

        Returns
        -------
        dict
            A ``Report``; or the ``problem`` that kept a person's walk from its end.

        Raises
        ------
        UnfinishedError
            If the schedule's walk did not come to its end.
        ProblemError
            If a service did not answer it.
        """
        with context.entered({}, budget=remaining()):
            if not detail:
                report = self._by_schedule(remaining)
            else:
                try:
                    report = self.walk(parse_document(detail, Request), remaining)
                except ProblemError as error:
                    return {"problem": error.detail}
        answer: dict[str, Any] = to_builtins(report)
        return answer

    def _by_schedule(self, remaining: Callable[[], float]) -> Report:
        since = self._now() - self._window
        report = self.walk(Request(since=since, fix=self._fix), remaining)
        for found in report.broken:
            log.warning("promise broken", order=found.order_id, kind=found.kind, why=found.detail)
        log.metric("Drift", len({found.order_id for found in report.broken}))
        if report.cursor:
            raise UnfinishedError(
                f"{report.examined} orders back to {report.cursor.before} were examined; a shorter"
                " RECONCILE_WINDOW_HOURS, or more time, is needed"
            )
        return report

    def walk(self, request: Request, remaining: Callable[[], float]) -> Report:
        """Walk as far as time allows.

        Raises
        ------
        BadRequest
            If nothing bounds what shall be re-emitted.
        ProblemError
            If there is no such order, or a service does not answer.
        """
        if request.reemit and not (request.orders or request.since or request.until):
            raise BadRequest("Say which orders to re-emit, or of what time.")
        report = Report()
        pages = self._named(request.orders) if request.orders else self._pages(request)
        for page in pages:
            if request.reemit:
                self._reemit_all(page, report)
            else:
                self._examine(page, request, report)
            if page.following and remaining() < MARGIN:
                report.cursor = page.following
                break
        return report

    def _pages(self, request: Request) -> Iterator[_Page]:
        now = self._now()
        before = min(request.until or now, now)
        cursor = None
        if request.cursor:
            cursor, before = request.cursor.cursor, request.cursor.before
        while True:
            query = orders.OrderQuery(
                since=request.since, until=request.until, limit=PAGE, cursor=cursor
            )
            page = self._orders.call(orders.LIST, query=query).value
            oldest = page.items[-1].placed_at if page.items else before
            cursor = page.next_cursor
            if cursor is None:
                since = min(request.since or oldest, before)
                yield _Page(page.items, since, before)
                return
            yield _Page(page.items, oldest, before, Position(cursor=cursor, before=oldest))
            before = oldest

    def _named(self, order_ids: Sequence[str]) -> Iterator[_Page]:
        """Yield named orders, those placed at about one time together: one look at the gateway."""
        named = [
            self._orders.call(orders.GET, {"order_id": order_id}).value
            for order_id in dict.fromkeys(order_ids)
        ]
        named.sort(key=lambda order: order.placed_at)
        while named:
            end = named[0].placed_at + _NEIGHBOURS
            group = [order for order in named if order.placed_at < end]
            named = named[len(group) :]
            yield _Page(group, group[0].placed_at, end)

    def _reemit_all(self, page: _Page, report: Report) -> None:
        if not page.orders:
            return
        order_ids = [order.id for order in page.orders]
        lookup = payments.TransactionLookup(order_ids=order_ids)
        found = self._payments.call(payments.LOOKUP, body=lookup).value.items
        for order_id in order_ids:
            self._reemit_order(order_id)
        for transaction in found:
            self._reemit_transaction(transaction.id)
        report.examined += len(order_ids)
        report.told_again += order_ids

    def _examine(self, page: _Page, request: Request, report: Report) -> None:
        grace = self._grace
        if request.grace_seconds is not None:
            grace = timedelta(seconds=request.grace_seconds)
        now = self._now()
        audit = self._audit(page.orders, page)
        found = _paired(page.orders, audit.items)
        report.examined += len(found)
        broken: list[Break] = []
        # Money that no transaction accounts for may be an older order's.
        older: list[Order] = []
        for charge in audit.unrecorded:
            if now - charge.created_at < grace:
                continue
            order = self._order_of(charge)
            if order is None:
                broken.append(promise.unaccounted(charge))
            elif order not in older:
                older.append(order)
        if older:
            found += _paired(older, self._audit(older, page).items)
        settled = []
        for order, audited in found:
            if promise.is_under_way(order, audited.transaction, grace, now):
                report.under_way += 1
            else:
                settled.append((order, audited))
        for evidence in self._evidence(settled):
            broken += promise.breaks_of(evidence)
        report.broken += [each for each in broken if each not in report.broken]
        if request.fix:
            for order, audited in settled:
                self._mend(order, audited, [b for b in broken if b.order_id == order.id], report)

    def _audit(self, found: list[Order], page: _Page) -> payments.TransactionAuditAnswer:
        request = payments.TransactionAudit(
            order_ids=[order.id for order in found], since=page.since, until=page.until
        )
        return self._payments.call(payments.AUDIT, body=request).value

    def _order_of(self, charge: GatewayCharge) -> Order | None:
        try:
            return self._orders.call(orders.GET, {"order_id": charge.order_id}).value
        except NotFound:
            return None

    def _evidence(self, settled: list[tuple[Order, AuditedOrder]]) -> Iterator[Evidence]:
        receipts = self._receipts([item.receipt_file_id for _, item in settled])
        messages = self._messages([each.id for _, item in settled for each in item.messages])
        for order, audited in settled:
            yield Evidence(
                order=order,
                audited=audited,
                receipt=receipts.get(audited.receipt_file_id or ""),
                messages=messages,
            )

    def _receipts(self, expected: list[str | None]) -> dict[str, files.File]:
        found: list[files.File] = []
        for ids in _batches([file_id for file_id in expected if file_id]):
            lookup = files.FileLookup(ids=ids)
            found += self._file_manager.call(files.LOOKUP, body=lookup).value.items
        return {file.id: file for file in found}

    def _messages(self, expected: list[str]) -> dict[str, notifications.Message]:
        found: list[notifications.Message] = []
        for ids in _batches(expected):
            lookup = notifications.MessageLookup(ids=ids)
            found += self._notifications.call(notifications.LOOKUP, body=lookup).value.items
        return {message.id: message for message in found}

    def _mend(
        self, order: Order, audited: AuditedOrder, broken: list[Break], report: Report
    ) -> None:
        remedies = {each.remedy for each in broken}
        if "reemit_order" in remedies:
            self._reemit_order(order.id)
        if "reemit_transaction" in remedies and audited.transaction is not None:
            self._reemit_transaction(audited.transaction.id)
        if remedies - {"person"} and order.id not in report.told_again:
            report.told_again.append(order.id)

    def _reemit_order(self, order_id: str) -> None:
        self._orders.call(orders.REEMIT, {"order_id": order_id})

    def _reemit_transaction(self, transaction_id: str) -> None:
        self._payments.call(payments.REEMIT, {"transaction_id": transaction_id})


def _paired(
    found: Sequence[Order], audited: Sequence[AuditedOrder]
) -> list[tuple[Order, AuditedOrder]]:
    by_id = {item.order_id: item for item in audited}
    return [(order, by_id[order.id]) for order in found]


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), PAGE):
        yield ids[start : start + PAGE]
