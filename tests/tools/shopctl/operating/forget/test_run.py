"""The order of an erasure, and what is done when something is in the way."""

from collections.abc import Callable
from typing import Any

import pytest

from shopctl.aws.target import Target
from shopctl.operating.forget import customer, queues, retention, run
from shopctl.operating.forget.queues import Searched
from shopctl.operating.records import Records
from shopctl.project.errors import ShopProblem

EMAIL = "alice@example.com"
Json = dict[str, Any]


def order(order_id: str = "ord_1", **changes: Any) -> Json:
    return {
        "order_id": order_id,
        "open": "",
        "cancellable": False,
        "erased": False,
        "messages": 2,
        "receipt": True,
    } | changes


class Shop:
    """The function `forget` of a shop whose orders a test sets."""

    def __init__(self, *orders: Json) -> None:
        self.orders = {each["order_id"]: each for each in orders}
        self.steps: list[Json] = []
        self.before_find: list[Callable[[], object]] = []
        self.problem_at = ""

    def step(self, _target: Target, _service: str, _function: str, request: Json, _: float) -> Json:
        self.steps.append(request)
        kind = request["step"]
        if kind == self.problem_at:
            return {"problem": "payments does not answer."}
        if kind == "find" and self.before_find:
            self.before_find.pop(0)()
        report: Json = {
            "customer_id": "cus_1",
            "examined": 2,
            "orders": [],
            "cursor": None,
            "erased_orders": [],
            "erased_transactions": [],
            "erased_messages": [],
            "replaced_receipts": [],
            "account": kind in ("lock", "delete"),
        }
        if kind == "find":
            half = {None: (slice(0, 1), "more"), "more": (slice(1, None), None)}
            part, report["cursor"] = half[request["cursor"]]
            report["orders"] = list(self.orders.values())[part]
        for order_id in request.get("order_ids", ()):
            if kind == "cancel":
                self.orders[order_id]["open"] = ""
                report["orders"].append(self.orders[order_id])
            else:
                self.orders[order_id]["erased"] = True
                report["erased_orders"].append(order_id)
        return report

    @property
    def kinds(self) -> list[str]:
        return [step["step"] for step in self.steps if step["step"] != "find"]


@pytest.fixture
def searched() -> Searched:
    return Searched(queues=9, messages=4)


@pytest.fixture
def forget(
    target: Target, searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., run.Outcome]:
    monkeypatch.setattr(queues, "search", lambda *_, **__: searched)
    monkeypatch.setattr(retention, "remaining", lambda _: [])
    monkeypatch.setattr(run.time, "sleep", lambda _: None)

    def call(shop: Shop, name: str = EMAIL, **options: Any) -> run.Outcome:
        monkeypatch.setattr(customer, "invoke", shop.step)
        return run.forget(target, name, **options)

    # pause is bound when the module is imported
    monkeypatch.setattr(run, "_LAG_SECONDS", 0)
    return call


def test_account_is_locked_first_and_deleted_last(
    target: Target, forget: Callable[..., run.Outcome]
) -> None:
    shop = Shop(*(order(f"ord_{number}") for number in range(12)))
    mails: list[str] = []
    outcome = forget(shop, delete_mail=lambda address: mails.append(address) or 3)
    assert shop.kinds == ["lock", "erase", "erase", "delete"]
    assert [len(step["order_ids"]) for step in shop.steps if step["step"] == "erase"] == [10, 2]
    assert outcome.is_complete
    assert len(outcome.erased.orders) == len(outcome.orders) == 12
    assert (outcome.erased.account, outcome.local_mail, mails) == (True, 3, [EMAIL])
    (record,) = Records(target, run.KIND).read()
    assert (record["customer_id"], len(record["orders"])) == ("cus_1", 12)
    assert EMAIL not in str(record)


def test_open_order_keeps_everything(target: Target, forget: Callable[..., run.Outcome]) -> None:
    shop = Shop(order(), order("ord_2", open="it waits", cancellable=True))
    for options in ({}, {"dry_run": True}, {"dry_run": True, "cancel_unpaid": True}):
        outcome = forget(shop, **options)
        assert not outcome.is_complete
        assert [each["order_id"] for each in outcome.open] == ["ord_2"]
    assert shop.kinds == []
    assert Records(target, run.KIND).read() == []


def test_unpaid_orders_are_cancelled_first_on_request(forget: Callable[..., run.Outcome]) -> None:
    shop = Shop(order(), order("ord_2", open="it waits", cancellable=True))
    assert forget(shop, cancel_unpaid=True).is_complete
    assert shop.kinds == ["cancel", "lock", "erase", "delete"]
    # an order that is open for another reason is not cancelled
    shop = Shop(order("ord_2", open="disputed"))
    assert not forget(shop, cancel_unpaid=True).is_complete
    assert shop.kinds == []


def test_order_placed_until_the_account_was_locked_is_erased_too(
    forget: Callable[..., run.Outcome],
) -> None:
    shop = Shop(order())
    late = order("ord_late")
    shop.before_find = [lambda: None, lambda: None, lambda: shop.orders.update(ord_late=late)]
    outcome = forget(shop)
    assert outcome.erased.orders == ["ord_1", "ord_late"]
    assert outcome.is_complete
    # AND if it is open, the account stays, which leads to it
    shop = Shop(order())
    late = order("ord_late", open="its payment has not begun")
    shop.before_find = [lambda: None, lambda: None, lambda: shop.orders.update(ord_late=late)]
    outcome = forget(shop)
    assert [each["order_id"] for each in outcome.open] == ["ord_late"]
    assert "delete" not in shop.kinds


def test_dead_letters_that_remain_make_it_incomplete(
    forget: Callable[..., run.Outcome], searched: Searched
) -> None:
    searched.found, searched.in_flight = 2, 1
    shop = Shop(order())
    outcome = forget(shop)
    assert len(outcome.left) == 2
    assert not outcome.is_complete
    assert "delete" not in shop.kinds


def test_customer_id_instead_of_an_address(forget: Callable[..., run.Outcome]) -> None:
    shop = Shop(order())
    mails: list[str] = []
    outcome = forget(shop, "cus_1", delete_mail=lambda address: mails.append(address) or 1)
    assert shop.kinds == ["erase"]
    assert all(step["customer_id"] == "cus_1" and "email" not in step for step in shop.steps)
    assert (outcome.is_complete, mails) == (True, [])


def test_nothing_is_reported_as_erased_without_orders(forget: Callable[..., run.Outcome]) -> None:
    said: list[str] = []
    outcome = forget(Shop(), "cus_1", say=said.append)
    assert (outcome.is_complete, said) == (True, [])


def test_dry_run_counts_what_would_be_erased(
    target: Target, forget: Callable[..., run.Outcome]
) -> None:
    shop = Shop(order(), order("ord_2", receipt=False), order("ord_3", erased=True, messages=0))
    outcome = forget(shop, dry_run=True)
    erased = outcome.erased
    counts = [len(each) for each in (erased.orders, erased.transactions, erased.receipts)]
    assert counts == [2, 2, 1]
    assert (len(erased.messages), erased.account) == (4, True)
    assert shop.kinds == []
    assert Records(target, run.KIND).read() == []


def test_service_that_does_not_answer_is_reported(forget: Callable[..., run.Outcome]) -> None:
    shop = Shop(order())
    shop.problem_at = "erase"
    with pytest.raises(ShopProblem, match="payments does not answer") as problem:
        forget(shop)
    assert "Run it again" in problem.value.remedy
    shop.problem_at = ""
    assert forget(shop).is_complete
