"""The walk along all orders: what it asks, where it stops, what it mends."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from unit.storefront_api.test_promise import (
    CANCELLED,
    ORDER,
    OWN,
    SECOND,
    evidence,
    without_transaction,
)

from chalicelib.storefront_api.promise import Evidence
from chalicelib.storefront_api.reconciliation import Reconciliation, UnfinishedError
from chassis import log
from chassis.problems import NotFound, ServiceUnavailable
from contracts.files import FileLookupAnswer
from contracts.notifications import MessageLookupAnswer
from contracts.orders import Order, OrderPage
from contracts.payments import GatewayCharge, TransactionAuditAnswer, TransactionLookupAnswer
from support.downstream import Call, FakeDownstream

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def hours_ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def renamed(given: Evidence, number: int) -> Evidence:
    """Return the evidence of another order: its own ids, placed so many hours ago."""
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
    """The services as they would answer of some orders, the newest first."""

    def __init__(self, *given: Evidence, page: int = 100, **settings: Any) -> None:
        self.given = {
            each.order.id: each
            for each in (renamed(item, number) for number, item in enumerate(given, 2))
        }
        self.page = page
        self.unrecorded: list[GatewayCharge] = []
        self.orders = FakeDownstream(
            listOrders=self._list,
            getOrder=self._get,
            reemitOrder=lambda _: None,
        )
        self.payments = FakeDownstream(
            auditTransactions=self._audit,
            lookUpTransactions=self._look_up,
            reemitTransaction=lambda _: None,
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

    def told_again(self) -> list[str]:
        return [
            value
            for call in self.calls()
            if call.operation.startswith("reemit")
            for value in call.path.values()
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
        )

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
    return [(each["order_id"], each["kind"]) for each in report["broken"]]


def test_a_hundred_paid_orders_cost_four_calls() -> None:
    shop = Shop(*[evidence() for _ in range(100)])
    report = shop.run(fix=True)
    assert (report["examined"], report["broken"]) == (100, [])
    assert [call.operation for call in shop.calls()] == [
        "listOrders", "auditTransactions", "lookUpFiles", "lookUpMessages",
    ]  # fmt: skip


def test_what_is_broken_is_mended_by_telling_of_it_again_and_else_left_alone() -> None:
    shop = Shop(
        evidence(),
        without_transaction(ORDER, []),
        evidence("succeeded", CANCELLED),
        evidence(receipt=None),
        evidence(messages={}),
        evidence(charges=[OWN, SECOND]),
        evidence(charges=[OWN, SECOND], receipt=None),
    )
    broken = [
        ("ord_3", "no_transaction"),
        ("ord_4", "charge_standing"),
        ("ord_5", "receipt_missing"),
        ("ord_6", "mail_missing"),
        ("ord_7", "charged_twice"),
        ("ord_8", "charged_twice"),
        ("ord_8", "receipt_missing"),
    ]
    # looking changes nothing
    report = shop.run(fix=False)
    assert (kinds(report), report["told_again"], shop.told_again()) == (broken, [], [])
    # mending tells of each again, once
    report = shop.run(fix=True)
    assert kinds(report) == broken
    assert report["told_again"] == ["ord_3", "ord_4", "ord_5", "ord_6", "ord_8"]
    assert sorted(shop.told_again()) == ["ord_3", "ord_4", "txn_5", "txn_6", "txn_8"]


def test_orders_that_are_under_way_are_not_judged() -> None:
    shop = Shop(without_transaction(ORDER, []))
    assert shop.run(grace_seconds=3 * 3600)["under_way"] == 1
    assert shop.run(grace_seconds=3 * 3600)["broken"] == []
    assert kinds(shop.run(fix=False)) == [("ord_2", "no_transaction")]


def test_pages_cover_the_whole_time_and_each_moment_once() -> None:
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
    # and only what was asked for
    shop.payments.calls.clear()
    report = shop.run(since=hours_ago(5), until=hours_ago(2))
    assert report["examined"] == 3
    (call,) = shop.payments.calls
    assert (call.body.since, call.body.until) == (hours_ago(5), hours_ago(2))
    assert Shop().run(since=since)["examined"] == 0


def test_a_walk_stops_before_its_time_is_up_and_goes_on_where_it_stopped() -> None:
    shop = Shop(*[without_transaction(ORDER, []) for _ in range(7)], page=3)
    reports: list[dict[str, Any]] = []
    cursor: Any = None
    while True:
        reports.append(shop.run(left=lambda: 44.0, fix=True, cursor=cursor))
        cursor = reports[-1]["cursor"]
        if cursor is None:
            break
    assert [report["examined"] for report in reports] == [3, 3, 1]
    assert shop.told_again() == [f"ord_{number}" for number in range(2, 9)]
    audits = [c.body for c in shop.payments.calls if c.operation == "auditTransactions"]
    assert [audit.until for audit in audits] == [NOW, hours_ago(4), hours_ago(7)]
    assert shop.run(left=lambda: 45.0)["cursor"] is None


def test_money_that_no_transaction_accounts_for_is_found_whatever_its_order() -> None:
    # GIVEN an old order without a transaction that was charged lately, and a charge of no order
    shop = Shop(evidence(), *[evidence()] * 8, without_transaction(ORDER, [OWN]))
    lately = replace(OWN, order_id="ord_11", created_at=hours_ago(3))
    shop.unrecorded = [
        lately,
        replace(lately, intent_id="pi_3", order_id="ord_none"),
        replace(lately, intent_id="pi_4", order_id="ord_none", created_at=hours_ago(0.5)),
    ]
    # WHEN only the last hours are walked along
    report = shop.run(since=hours_ago(4), fix=True)
    # THEN both are found, what was charged a moment ago is left alone
    assert kinds(report) == [("ord_none", "charge_unrecorded"), ("ord_11", "no_transaction")]
    assert shop.told_again() == ["ord_11"]
    assert report["examined"] == 3
    # AND a walk along all names it once
    assert kinds(shop.run(fix=False)).count(("ord_11", "no_transaction")) == 1


def test_orders_are_looked_at_by_name_those_of_about_one_time_together() -> None:
    shop = Shop(*[evidence() for _ in range(4)])
    moved = replace(shop.given["ord_3"].order, placed_at=hours_ago(2.5))
    shop.given["ord_3"] = replace(shop.given["ord_3"], order=moved)
    report = shop.run(orders=["ord_2", "ord_3", "ord_5", "ord_2"])
    assert report["examined"] == 3
    audits = [call.body for call in shop.payments.calls]
    assert [audit.order_ids for audit in audits] == [["ord_5"], ["ord_3", "ord_2"]]
    assert (audits[1].since, audits[1].until) == (hours_ago(2.5), hours_ago(1.5))


def test_everything_of_a_time_or_a_name_is_told_of_again_whole_or_not() -> None:
    shop = Shop(evidence(), without_transaction(ORDER, []), evidence())
    report = shop.run(reemit=True, since=hours_ago(3.5))
    assert report["told_again"] == ["ord_2", "ord_3"]
    assert sorted(shop.told_again()) == ["ord_2", "ord_3", "txn_2"]
    assert shop.run(reemit=True, orders=["ord_4"])["told_again"] == ["ord_4"]
    assert shop.run(reemit=True, since=hours_ago(1))["told_again"] == []


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"reemit": True}, "Say which orders to re-emit"),
        ({"orders": ["ord_none"]}, "There is no such order."),
        ({"orders": []}, ""),
        ({"colour": "red"}, ""),
        ({"since": "yesterday"}, ""),
    ],
)
def test_a_person_who_asks_wrongly_is_told(detail: dict[str, Any], said: str) -> None:
    shop = Shop(evidence())
    assert said in shop.run(**detail)["problem"]
    assert shop.told_again() == []


def test_a_service_that_is_down_ends_a_walk() -> None:
    shop = Shop(evidence())
    shop.payments.answers["auditTransactions"] = ServiceUnavailable("payments does not answer.")
    assert shop.run(fix=True) == {"problem": "payments does not answer."}
    with pytest.raises(ServiceUnavailable):
        shop.run()


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    out = io.StringIO()
    log.configure("storefront_api", "test", out=out)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    log.configure("storefront_api", "test")


def test_the_schedule_walks_its_window_and_measures_the_drift(
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    shop = Shop(
        evidence(charges=[OWN, SECOND], receipt=None), evidence(), evidence(receipt=None),
        window_hours=3.5,
    )  # fmt: skip
    report = shop.run()
    assert report["examined"] == 2
    lines = logged()
    (metric,) = [line for line in lines if "Drift" in line]
    assert metric["Drift"] == 1  # orders, not promises
    (about,) = metric["_aws"]["CloudWatchMetrics"]
    assert about["Namespace"] == "ToyShop"
    assert sorted(about["Dimensions"][0]) == ["service", "stage"]
    named = [line["kind"] for line in lines if line.get("message") == "promise broken"]
    assert named == ["charged_twice", "receipt_missing"]
    assert shop.told_again() == []
    # a walk that a person asks for is no measure
    shop.run(fix=False)
    assert sum("Drift" in line for line in logged()) == 1


def test_the_schedule_mends_if_its_setting_says_so() -> None:
    shop = Shop(evidence(receipt=None), fix=True)
    assert shop.run()["told_again"] == ["ord_2"]
    assert shop.told_again() == ["txn_2"]


def test_a_schedule_that_does_not_come_to_its_end_fails(
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    shop = Shop(*[evidence() for _ in range(7)], page=3)
    with pytest.raises(UnfinishedError, match="RECONCILE_WINDOW_HOURS"):
        shop.run(left=lambda: 10.0)
    assert any("Drift" in line for line in logged())
