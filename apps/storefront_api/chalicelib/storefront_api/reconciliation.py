"""Reconciliation: verify the invariants of all orders page by page, and repair what it can.

Nothing is written here. The repair is that ``orders`` or ``payments`` re-emits an entity's events,
which every consumer treats as a redelivery, or that ``orders`` restores a lost order from what its
transaction has recorded.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct, field, to_builtins
from msgspec.structs import asdict, replace

from chalicelib.storefront_api import invariants
from chalicelib.storefront_api.evidence import EvidenceReader
from chalicelib.storefront_api.invariants import Violation
from chassis import clock, log, tracing
from chassis.client import Downstream
from chassis.clock import Clock
from chassis.parsing import parse_document
from chassis.problems import BadRequest, NotFound, ProblemError, Unprocessable
from contracts import orders, payments
from contracts.money import NewMoney
from contracts.orders import LostAddress, LostContact, LostOrder, Order, PricedLine
from contracts.payments import AuditedOrder, GatewayCharge, RecordedOrder
from contracts.schema import Input, Timestamp

PAGE = 100
"""Orders examined at a time."""

MARGIN = 45.0
"""Seconds that must remain to start another page."""

_GROUP_SPAN = timedelta(hours=1)
"""Orders requested by id are audited together if they were placed within this time."""


class Position(Input):
    """Where a run stopped: the cursor of ``orders``, and the oldest order examined so far."""

    cursor: str
    before: Timestamp


class Request(Input):
    """Which orders to examine: some by id, or all that were placed in a period.

    Attributes
    ----------
    fix
        Whether to restore lost orders, and to re-emit orders and transactions where that repairs a
        violation.
    reemit
        Whether to re-emit all selected orders and their transactions without examining them.
    grace_seconds
        How long an order must be unchanged to be examined; by default, the service's setting.
    cursor
        Where the previous run stopped; repeat the other fields of its request.
    """

    fix: bool = False
    reemit: bool = False
    orders: Annotated[list[str], Meta(min_length=1, max_length=PAGE)] | None = None
    since: Timestamp | None = None
    until: Timestamp | None = None
    grace_seconds: Annotated[int, Meta(ge=0)] | None = None
    cursor: Position | None = None


class Report(Struct, kw_only=True):
    """The result of a run.

    Attributes
    ----------
    examined
        Number of orders read, those in progress included.
    in_progress
        Number of orders that were not checked because they changed within the grace period.
    violations
        The violated invariants.
    reemitted
        Ids of the orders that were restored or re-emitted, or whose transaction was.
    cursor
        Where to continue; ``None`` if the run is complete.
    """

    examined: int = 0
    in_progress: int = 0
    violations: list[Violation] = field(default_factory=list)
    reemitted: list[str] = field(default_factory=list)
    cursor: Position | None = None


class IncompleteRunError(Exception):
    """A scheduled run had no time to examine its whole window."""


class _Page(Struct, frozen=True):
    """Some orders, the period in which they were placed, and the position after them."""

    orders: list[Order]
    since: datetime
    until: datetime
    following: Position | None = None


class Reconciliation:
    """Verifies the invariants of orders.

    Parameters
    ----------
    orders, payments, file_manager, notifications
        Clients of the private services.
    window
        How far back a scheduled run goes.
    grace
        How long an order must be unchanged to be checked.
    fix
        Whether a scheduled run repairs violations.
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
        self._reader = EvidenceReader(orders, payments, file_manager, notifications)
        self._window = window
        self._grace = grace
        self._fix = fix
        self._now = now

    def handle(self, detail: dict[str, Any], remaining: Callable[[], float]) -> dict[str, Any]:
        """Examine the orders that an event selects; an empty event is the scheduled run.

        Parameters
        ----------
        detail
            The event's detail: a ``Request``, or empty.
        remaining
            Returns the seconds left before the function times out.

        Returns
        -------
        dict
            A ``Report``, or the ``problem`` that stopped a requested run and its HTTP ``status``.

        Raises
        ------
        IncompleteRunError
            If a scheduled run had no time to examine its whole window.
        ProblemError
            If a service did not answer a scheduled run.
        """
        with tracing.scheduled("reconcile", budget=remaining()):
            if not detail:
                report = self._scheduled(remaining)
            else:
                try:
                    report = self.run(parse_document(detail, Request), remaining)
                except ProblemError as error:
                    return {"problem": error.detail, "status": error.status.value}
        answer: dict[str, Any] = to_builtins(report)
        return answer

    def _scheduled(self, remaining: Callable[[], float]) -> Report:
        since = self._now() - self._window
        report = self.run(Request(since=since, fix=self._fix), remaining)
        for found in report.violations:
            log.warning(
                "order invariant violated",
                order_id=found.order_id,
                kind=found.kind,
                reason=found.detail,
            )
        log.metric(
            "toyshop.invariant.violations", len({found.order_id for found in report.violations})
        )
        if report.cursor:
            raise IncompleteRunError(
                f"{report.examined} orders were examined, back to {report.cursor.before}. Shorten"
                " RECONCILE_WINDOW_HOURS or raise the function's timeout."
            )
        return report

    def run(self, request: Request, remaining: Callable[[], float]) -> Report:
        """Examine orders until they are done or the time is up.

        Parameters
        ----------
        remaining
            Returns the seconds left before the function times out.

        Raises
        ------
        BadRequest
            If nothing limits which orders to re-emit.
        ProblemError
            If a requested order does not exist, or a service does not answer.
        """
        if request.reemit and not (request.orders or request.since or request.until):
            raise BadRequest("Name the orders to re-emit, or the period in which they were placed.")
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
        """Yield requested orders, grouped by time so that one audit covers each group."""
        named = [self._existing(order_id) for order_id in dict.fromkeys(order_ids)]
        named.sort(key=lambda order: order.placed_at)
        while named:
            end = named[0].placed_at + _GROUP_SPAN
            group = [order for order in named if order.placed_at < end]
            named = named[len(group) :]
            yield _Page(group, group[0].placed_at, end)

    def _existing(self, order_id: str) -> Order:
        order = self._reader.find_order(order_id)
        if order is None:
            raise NotFound(f"There is no order {order_id}.")
        return order

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
        report.reemitted += order_ids

    def _examine(self, page: _Page, request: Request, report: Report) -> None:
        grace = self._grace
        if request.grace_seconds is not None:
            grace = timedelta(seconds=request.grace_seconds)
        now = self._now()
        audit = self._reader.audit(page.orders, page.since, page.until)
        found = _paired(page.orders, audit.items)
        report.examined += len(found)
        violations: list[Violation] = []
        # A charge that no transaction accounts for may belong to an older order.
        older: list[Order] = []
        for charge in audit.unrecorded:
            if now - charge.created_at < grace:
                continue
            order = self._reader.find_order(charge.order_id)
            if order is None:
                violations.append(invariants.charge_without_order(charge))
            elif order not in older:
                older.append(order)
        if older:
            found += _paired(older, self._reader.audit(older, page.since, page.until).items)
        # an order requested by id says nothing about others of its time
        for charge in audit.further if request.orders is None else ():
            if now - charge.created_at >= grace and not self._reader.find_order(charge.order_id):
                violations.append(invariants.order_missing(charge))
                if request.fix:
                    self._restore(charge, report)
        settled = []
        for order, audited in found:
            if invariants.is_in_progress(order, audited.transaction, grace, now):
                report.in_progress += 1
            else:
                settled.append((order, audited))
        for evidence in self._reader.evidence(settled):
            violations += invariants.violations_of(evidence)
        report.violations += [each for each in violations if each not in report.violations]
        if request.fix:
            for order, audited in settled:
                own = [each for each in violations if each.order_id == order.id]
                self._repair(order, audited, own, report)

    def _repair(
        self, order: Order, audited: AuditedOrder, violations: list[Violation], report: Report
    ) -> None:
        remedies = {each.remedy for each in violations}
        if "reemit_order" in remedies:
            self._reemit_order(order.id)
        if "reemit_transaction" in remedies and audited.transaction is not None:
            self._reemit_transaction(audited.transaction.id)
        if remedies - {"manual"} and order.id not in report.reemitted:
            report.reemitted.append(order.id)

    def _restore(self, charge: GatewayCharge, report: Report) -> None:
        path = {"order_id": charge.order_id}
        try:
            lost = lost_order(self._payments.call(payments.RECORDED_ORDER, path).value)
            if lost.cancelled_at is None and charge.status == "cancelled":
                # a declined payment stays declined when its order is cancelled
                lost = replace(lost, cancelled_at=self._now())
            self._orders.call(orders.RESTORE, path, body=lost)
        except (NotFound, Unprocessable) as error:
            log.warning("order not restored", order_id=charge.order_id, reason=error.detail)
            return
        if charge.order_id not in report.reemitted:
            report.reemitted.append(charge.order_id)

    def _reemit_order(self, order_id: str) -> None:
        self._orders.call(orders.REEMIT, {"order_id": order_id})

    def _reemit_transaction(self, transaction_id: str) -> None:
        self._payments.call(payments.REEMIT, {"transaction_id": transaction_id})


def _paired(
    found: Sequence[Order], audited: Sequence[AuditedOrder]
) -> list[tuple[Order, AuditedOrder]]:
    by_id = {item.order_id: item for item in audited}
    return [(order, by_id[order.id]) for order in found]


def lost_order(recorded: RecordedOrder) -> LostOrder:
    """Return what restores an order that its transaction has recorded."""
    return LostOrder(
        customer_id=recorded.customer_id,
        contact=LostContact(**asdict(recorded.contact)),
        lines=[
            PricedLine(
                toy_id=line.toy_id,
                name=line.name,
                quantity=line.quantity,
                unit_price=NewMoney(**asdict(line.unit_price)),
            )
            for line in recorded.lines
        ],
        shipping_address=LostAddress(**asdict(recorded.shipping_address)),
        payment_method=recorded.payment_method,
        placed_at=recorded.placed_at,
        cancelled_at=recorded.cancelled_at,
    )
