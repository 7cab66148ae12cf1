"""Reconciliation: which calls it makes, where it stops, what it repairs."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import convert, to_builtins
from msgspec.structs import replace

from chalicelib.storefront_api.invariants import Evidence
from chalicelib.storefront_api.reconciliation import IncompleteRunError, Reconciliation
from chassis import log
from chassis.problems import NotFound, ServiceUnavailable, Unprocessable
from contracts.files import FileLookupAnswer
from contracts.money import Money
from contracts.notifications import MessageLookupAnswer
from contracts.orders import LostOrder, Order, OrderLine, OrderPage
from contracts.payments import (
    GatewayCharge,
    RecordedOrder,
    TransactionAuditAnswer,
    TransactionLookupAnswer,
)
from support.downstream import Call, FakeDownstream
from support.exported import metrics_in
from support.order_evidence import (
    CANCELLED,
    ORDER,
    OWN,
    SECOND,
    evidence,
    without_transaction,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def hours_ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


PRICE = Money(amount=1250, currency="AUD")
LINES = [
    OrderLine(toy_id="toy_1", name="Kite", quantity=1, unit_price=PRICE, line_total=PRICE),
]


def renamed(given: Evidence, number: int) -> Evidence:
    """Return the evidence for order ``ord_<number>``, placed ``number`` hours ago."""
    name, placed = f"ord_{number}", hours_ago(number)
    order = replace(given.order, id=name, placed_at=placed, updated_at=placed)
    item = given.audited
    transaction = item.transaction and replace(
        item.transaction, id=f"txn_{number}", order_id=name, updated_at=placed
    )
    audited = replace(
        item,
        order_id=name,
        transaction=transaction,
        receipt_file_id=item.receipt_file_id and f"fil_{number}",
        messages=[replace(each, id=f"msg_{number}_{each.template}") for each in item.messages],
        charges=[replace(charge, order_id=name, created_at=placed) for charge in item.charges],
    )
    return Evidence(
        order=order,
        audited=audited,
        receipt=given.receipt and replace(given.receipt, id=f"fil_{number}"),
        messages={
            f"msg_{number}_{each.template}": replace(each, id=f"msg_{number}_{each.template}")
            for each in given.messages.values()
        },
    )


class Shop:
    """The private services with some orders, newest first: ``ord_2``, ``ord_3``, …"""

    def __init__(self, *given: Evidence, page: int = 100, **settings: Any) -> None:
        self.given = {
            each.order.id: each
            for each in (renamed(item, number) for number, item in enumerate(given, 2))
        }
        self.page = page
        self.unrecorded: list[GatewayCharge] = []
        self.further: list[GatewayCharge] = []
        self.recorded: set[str] = set()
        self.refused: set[str] = set()
        self.orders = FakeDownstream(
            listOrders=self._list,
            getOrder=self._get,
            reemitOrder=lambda _: None,
            restoreOrder=self._restore,
        )
        self.payments = FakeDownstream(
            auditTransactions=self._audit,
            lookUpTransactions=self._look_up,
            reemitTransaction=lambda _: None,
            getRecordedOrder=self._recorded,
        )
        self.files = FakeDownstream(lookUpFiles=self._files)
        self.notifications = FakeDownstream(lookUpMessages=self._messages)
        self.reconciliation = Reconciliation(
            self.orders,
            self.payments,
            self.files,
            self.notifications,
            window=timedelta(hours=settings.pop("window_hours", 1000)),
            grace=timedelta(hours=1),
            now=lambda: NOW,
            **settings,
        )

    def run(self, left: Callable[[], float] = lambda: 300, **detail: Any) -> dict[str, Any]:
        return self.reconciliation.handle(json.loads(json.dumps(detail, default=str)), left)

    def calls(self) -> list[Call]:
        services = (self.orders, self.payments, self.files, self.notifications)
        return [call for service in services for call in service.calls]

    def reemitted(self) -> list[str]:
        parameters = {"reemitOrder": "order_id", "reemitTransaction": "transaction_id"}
        return [
            call.path[parameters[call.operation]]
            for call in self.calls()
            if call.operation in parameters
        ]

    def _list(self, call: Call) -> OrderPage:
        assert call.query.limit == 100
        orders = [
            each.order
            for each in self.given.values()
            if (call.query.since is None or each.order.placed_at >= call.query.since)
            and (call.query.until is None or each.order.placed_at < call.query.until)
        ]
        start = int(call.query.cursor or 0)
        end = start + self.page
        following = str(end) if end < len(orders) else None
        return OrderPage(items=orders[start:end], next_cursor=following)

    def _get(self, call: Call) -> Order:
        found = self.given.get(call.path["order_id"])
        if found is None:
            raise NotFound("There is no such order.")
        return found.order

    def _audit(self, call: Call) -> TransactionAuditAnswer:
        return TransactionAuditAnswer(
            items=[self.given[order_id].audited for order_id in call.body.order_ids],
            unrecorded=[
                charge
                for charge in self.unrecorded
                if charge.order_id not in call.body.order_ids
                and call.body.since <= charge.created_at < call.body.until
            ],
            further=[one for one in self.further if one.order_id not in call.body.order_ids],
        )

    def _recorded(self, call: Call) -> RecordedOrder:
        if call.path["order_id"] not in self.recorded:
            raise NotFound("The order's transaction has no shipping address.")
        return RecordedOrder(
            order_id=call.path["order_id"],
            customer_id=ORDER.customer_id,
            contact=ORDER.contact,
            lines=LINES,
            shipping_address=ORDER.shipping_address,
            payment_method=ORDER.payment_method,
            placed_at=ORDER.placed_at,
            cancelled_at=ORDER.updated_at if call.path["order_id"] == "ord_lost" else None,
        )

    def _restore(self, call: Call) -> Order:
        if call.path["order_id"] in self.refused:
            raise Unprocessable("The order cannot be restored.")
        return ORDER

    def _look_up(self, call: Call) -> TransactionLookupAnswer:
        found = (self.given[order_id].audited.transaction for order_id in call.body.order_ids)
        return TransactionLookupAnswer(items=[each for each in found if each])

    def _files(self, call: Call) -> FileLookupAnswer:
        assert 0 < len(call.body.ids) <= 100
        receipts = (each.receipt for each in self.given.values())
        return FileLookupAnswer(items=[file for file in receipts if file])

    def _messages(self, call: Call) -> MessageLookupAnswer:
        assert 0 < len(call.body.ids) <= 100
        found = {name: m for each in self.given.values() for name, m in each.messages.items()}
        return MessageLookupAnswer(items=[found[name] for name in call.body.ids if name in found])


def kinds(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["order_id"], each["kind"]) for each in report["violations"]]


def test_page_of_100_paid_orders_takes_four_calls() -> None:
    shop = Shop(*[evidence() for _ in range(100)])
    report = shop.run(fix=True)
    assert (report["examined"], report["violations"]) == (100, [])
    assert [call.operation for call in shop.calls()] == [
        "listOrders", "auditTransactions", "lookUpFiles", "lookUpMessages",
    ]  # fmt: skip


def test_fix_reemits_each_repairable_order_once() -> None:
    shop = Shop(
        evidence(),
        without_transaction(ORDER, []),
        evidence("succeeded", CANCELLED),
        evidence(receipt=None),
        evidence(messages={}),
        evidence(charges=[OWN, SECOND]),
        evidence(charges=[OWN, SECOND], receipt=None),
    )
    expected = [
        ("ord_3", "transaction_missing"),
        ("ord_4", "refund_not_started"),
        ("ord_5", "receipt_missing"),
        ("ord_6", "email_missing"),
        ("ord_7", "charged_twice"),
        ("ord_8", "charged_twice"),
        ("ord_8", "receipt_missing"),
    ]
    # without fix, nothing is re-emitted
    for request in ({"fix": False}, {"until": NOW}):
        report = shop.run(**request)
        assert (kinds(report), report["reemitted"], shop.reemitted()) == (expected, [], [])
    # with fix, each repairable order is re-emitted once
    report = shop.run(fix=True)
    assert kinds(report) == expected
    assert report["reemitted"] == ["ord_3", "ord_4", "ord_5", "ord_6", "ord_8"]
    assert sorted(shop.reemitted()) == ["ord_3", "ord_4", "txn_5", "txn_6", "txn_8"]


def test_orders_in_progress_are_not_checked() -> None:
    shop = Shop(without_transaction(ORDER, []))
    assert shop.run(grace_seconds=3 * 3600)["in_progress"] == 1
    assert shop.run(grace_seconds=3 * 3600)["violations"] == []
    assert kinds(shop.run(fix=False)) == [("ord_2", "transaction_missing")]


def test_audited_periods_are_contiguous_and_do_not_overlap() -> None:
    shop = Shop(*[evidence() for _ in range(7)], page=3)
    since = hours_ago(100)
    report = shop.run(since=since)
    assert report["examined"] == 7
    windows = [
        (call.body.since, call.body.until)
        for call in shop.payments.calls
        if call.operation == "auditTransactions"
    ]
    assert windows == [
        (hours_ago(4), NOW),
        (hours_ago(7), hours_ago(4)),
        (since, hours_ago(7)),
    ]
    # and only the requested period
    shop.payments.calls.clear()
    report = shop.run(since=hours_ago(5), until=hours_ago(2))
    assert report["examined"] == 3
    (call,) = shop.payments.calls
    assert (call.body.since, call.body.until) == (hours_ago(5), hours_ago(2))
    assert Shop().run(since=since)["examined"] == 0


def test_run_stops_before_the_timeout_and_continues_from_its_cursor() -> None:
    shop = Shop(*[without_transaction(ORDER, []) for _ in range(7)], page=3)
    reports: list[dict[str, Any]] = []
    cursor: Any = None
    while True:
        reports.append(shop.run(left=lambda: 44.0, fix=True, cursor=cursor))
        cursor = reports[-1]["cursor"]
        if cursor is None:
            break
    assert [report["examined"] for report in reports] == [3, 3, 1]
    assert shop.reemitted() == [f"ord_{number}" for number in range(2, 9)]
    audits = [c.body for c in shop.payments.calls if c.operation == "auditTransactions"]
    assert [audit.until for audit in audits] == [NOW, hours_ago(4), hours_ago(7)]
    assert shop.run(left=lambda: 45.0)["cursor"] is None


def test_charge_without_transaction_is_found_outside_the_requested_period() -> None:
    # GIVEN an old order without a transaction that was charged recently, and a charge of no order
    shop = Shop(evidence(), *[evidence()] * 8, without_transaction(ORDER, [OWN]))
    lately = replace(OWN, order_id="ord_11", created_at=hours_ago(3))
    shop.unrecorded = [
        lately,
        replace(lately, intent_id="pi_3", order_id="ord_none"),
        replace(lately, intent_id="pi_4", order_id="ord_none", created_at=hours_ago(0.5)),
        # the grace period has ended just now
        replace(lately, intent_id="pi_5", order_id="ord_gone", created_at=hours_ago(1)),
    ]
    # WHEN only the last hours are examined
    report = shop.run(since=hours_ago(4), fix=True)
    # THEN both are found, and a charge within the grace period is not reported
    assert kinds(report) == [
        ("ord_none", "charge_unrecorded"),
        ("ord_gone", "charge_unrecorded"),
        ("ord_11", "transaction_missing"),
    ]
    assert shop.reemitted() == ["ord_11"]
    assert report["examined"] == 3
    # AND a run over all orders reports it once
    assert kinds(shop.run(fix=False)).count(("ord_11", "transaction_missing")) == 1


def test_lost_order_is_found_by_its_charge() -> None:
    # GIVEN charges with transactions: of an order that exists, of lost ones, and of a recent one
    shop = Shop(evidence(), evidence())
    lost = replace(OWN, order_id="ord_lost", intent_id="pi_2", created_at=hours_ago(1))
    shop.further = [
        replace(OWN, order_id="ord_3", created_at=hours_ago(3)),
        lost,
        replace(lost, order_id="ord_new", intent_id="pi_3", created_at=hours_ago(0.5)),
    ]
    # WHEN all orders are examined, THEN the lost one is reported
    report = shop.run(since=hours_ago(2.5))
    assert kinds(report) == [("ord_lost", "order_missing")]
    assert "pi_2" in report["violations"][0]["detail"]
    assert not restored(shop)
    # AND not by a run over requested orders, which has not read the orders around them
    assert kinds(shop.run(orders=["ord_2"], fix=True)) == []


def restored(shop: Shop) -> dict[str, LostOrder]:
    return {
        call.path["order_id"]: call.body
        for call in shop.orders.calls
        if call.operation == "restoreOrder"
    }


def test_fix_restores_lost_orders_from_their_transactions() -> None:
    # GIVEN lost orders: recorded, without an address, refused by orders, and not paid
    shop = Shop(evidence())
    lost = replace(OWN, created_at=hours_ago(1))
    shop.further = [
        replace(lost, order_id="ord_old", intent_id="pi_2"),
        replace(lost, order_id="ord_refused", intent_id="pi_3"),
        replace(lost, order_id="ord_lost", intent_id="pi_4"),
        replace(lost, order_id="ord_declined", intent_id="pi_5", status="declined"),
        # a declined payment, whose order was cancelled
        replace(lost, order_id="ord_cancelled", intent_id="pi_6", status="cancelled"),
    ]
    shop.recorded = {"ord_refused", "ord_lost", "ord_declined", "ord_cancelled"}
    shop.refused = {"ord_refused"}
    # WHEN all orders are examined with --fix
    report = shop.run(fix=True)
    # THEN all are reported, and those that can be are restored as they were
    assert {order_id for order_id, _ in kinds(report)} == {
        "ord_old", "ord_refused", "ord_lost", "ord_declined", "ord_cancelled",
    }  # fmt: skip
    assert report["reemitted"] == ["ord_lost", "ord_declined", "ord_cancelled"]
    sent = restored(shop)
    assert set(sent) == shop.recorded
    assert sent["ord_declined"].cancelled_at is None
    assert sent["ord_cancelled"].cancelled_at == NOW
    order = sent["ord_lost"]
    # in a form that orders accepts
    assert convert(to_builtins(order), LostOrder) == order
    assert order.contact.email == ORDER.contact.email
    assert order.shipping_address.city == ORDER.shipping_address.city
    assert [line.unit_price.amount for line in order.lines] == [
        line.unit_price.amount for line in LINES
    ]
    assert (order.customer_id, order.payment_method, order.placed_at, order.cancelled_at) == (
        ORDER.customer_id, ORDER.payment_method, ORDER.placed_at, ORDER.updated_at,
    )  # fmt: skip


def test_requested_orders_placed_within_an_hour_are_audited_together() -> None:
    shop = Shop(*[evidence() for _ in range(4)])
    moved = replace(shop.given["ord_3"].order, placed_at=hours_ago(2.5))
    shop.given["ord_3"] = replace(shop.given["ord_3"], order=moved)
    report = shop.run(orders=["ord_2", "ord_3", "ord_5", "ord_2"])
    assert report["examined"] == 3
    audits = [call.body for call in shop.payments.calls]
    assert [audit.order_ids for audit in audits] == [["ord_5"], ["ord_3", "ord_2"]]
    assert (audits[1].since, audits[1].until) == (hours_ago(2.5), hours_ago(1.5))


def test_reemit_covers_all_selected_orders_without_checking_them() -> None:
    shop = Shop(evidence(), without_transaction(ORDER, []), evidence())
    report = shop.run(reemit=True, since=hours_ago(3.5))
    assert (report["examined"], report["reemitted"]) == (2, ["ord_2", "ord_3"])
    assert sorted(shop.reemitted()) == ["ord_2", "ord_3", "txn_2"]
    assert shop.run(reemit=True, orders=["ord_4"])["reemitted"] == ["ord_4"]
    assert shop.run(reemit=True, since=hours_ago(1))["reemitted"] == []
    assert shop.run(reemit=True, until=hours_ago(3.5))["reemitted"] == ["ord_4"]


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"reemit": True}, "Name the orders to re-emit"),
        ({"orders": ["ord_2", "ord_none"]}, "There is no order ord_none."),
        ({"orders": []}, ""),
        ({"color": "red"}, ""),
        ({"since": "yesterday"}, ""),
    ],
)
def test_invalid_request_returns_a_problem(detail: dict[str, Any], said: str) -> None:
    shop = Shop(evidence())
    answer = shop.run(**detail)
    assert said in answer["problem"]
    assert 400 <= answer["status"] < 500
    assert shop.reemitted() == []


def test_unavailable_service_stops_a_run() -> None:
    shop = Shop(evidence())
    shop.payments.answers["auditTransactions"] = ServiceUnavailable("payments does not answer.")
    assert shop.run(fix=True) == {"problem": "payments does not answer.", "status": 503}
    with pytest.raises(ServiceUnavailable):
        shop.run()


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    out = io.StringIO()
    log.configure("storefront_api", "test", out=out)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    log.configure("storefront_api", "test")


def test_scheduled_run_covers_its_window_and_emits_the_metric(
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    shop = Shop(
        evidence(charges=[OWN, SECOND], receipt=None), evidence(), evidence(receipt=None),
        window_hours=3.5,
    )  # fmt: skip
    report = shop.run()
    assert report["examined"] == 2
    lines = logged()
    (metric,) = [metric for line in lines for metric in metrics_in(line)]
    assert metric.name == "toyshop.invariant.violations"
    assert metric.value == 1  # counts orders, not violations
    assert sorted(metric.dimensions) == ["service", "stage"]
    named = [line["kind"] for line in lines if line.get("message") == "order invariant violated"]
    assert named == ["charged_twice", "receipt_missing"]
    found = [line for line in lines if line.get("message") == "order invariant violated"]
    assert [line["reason"] for line in found] == [one["detail"] for one in report["violations"]]
    assert [line["order_id"] for line in found] == [one["order_id"] for one in report["violations"]]
    assert all(line["reason"] for line in found)
    assert shop.reemitted() == []
    # a requested run emits no metric
    shop.run(fix=False)
    assert sum(1 for line in logged() for _ in metrics_in(line)) == 1


def test_scheduled_run_repairs_if_configured() -> None:
    shop = Shop(evidence(receipt=None), fix=True)
    assert shop.run()["reemitted"] == ["ord_2"]
    assert shop.reemitted() == ["txn_2"]


def test_incomplete_scheduled_run_fails(
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    shop = Shop(*[evidence() for _ in range(7)], page=3)
    with pytest.raises(IncompleteRunError, match="RECONCILE_WINDOW_HOURS"):
        shop.run(left=lambda: 10.0)
    assert [metric for line in logged() for metric in metrics_in(line)]
