"""A customer's data are erased in the simulated world, whatever crashes and is redelivered."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shopctl.operating.forget.customer import Customer, Erased, Found
from shopctl.operating.forget.run import erase_orders
from support.world import apps, invariants
from support.world.calls import Fault, ProcessCrashed
from support.world.whole_chain import WholeChain
from support.world.world import World

EMAIL = "a@example.com"
CITY = "Rosebud"
TABLES = ("orders", "payments", "notifications", "file-manager")


def steps_of(world: World) -> Callable[[dict[str, Any]], dict[str, Any]]:
    erasure = apps.load_app("storefront_api").components.erasure

    def step(request: dict[str, Any]) -> dict[str, Any]:
        with world.calls.hop("storefront_api forget"):
            report: dict[str, Any] = erasure.handle(request, lambda: 300.0)
        assert "problem" not in report, report
        return report

    return step


def find(world: World) -> Found:
    world.advance(2)
    return Customer(EMAIL, steps_of(world)).find()


def forget(world: World) -> Erased:
    """Erase as `./shop forget` does, apart from queues."""
    customer, erased = Customer(EMAIL, steps_of(world)), Erased()
    world.advance(2)
    found = customer.find()
    assert found.open == []
    found = erase_orders(customer, found, erased, pause=lambda _: world.advance(2))
    assert (found.open, found.personal) == ([], [])
    erased.account = customer.delete_account()
    return erased


def finished_orders(world: World) -> None:
    """A paid, a cancelled and a refunded order, all emailed."""
    for number in (1, 2, 3):
        assert world.place_order(number).status == 201
    paid, cancelled, _ = list(world.orders())
    for order_id in world.orders():
        world.change_city(order_id, CITY)
    world.cancel_order(cancelled)
    world.run_until_idle()
    world.cancel_order(paid)
    world.run_until_idle()
    world.advance(2)


def stored(world: World) -> str:
    """Return everything in tables and buckets as text."""
    tables = [world.tables.tables[f"toyshop-local-{name}"].items for name in TABLES]
    contents = [each["Body"].decode(errors="replace") for each in world.cloud.objects.values()]
    return json.dumps(tables) + "".join(contents)


def check_erased(world: World) -> None:
    text = stored(world)
    for personal in (EMAIL, CITY, '"A"', '\\"A\\"'):
        assert personal not in text, personal


def check_invariants(world: World) -> None:
    """Check the invariants of all orders, whose cities are erased."""
    world.possible_cities = {order_id: {""} for order_id in world.orders()}
    invariants.check_when_idle(world)


def test_every_service_loses_the_customer_and_keeps_the_rest() -> None:
    with WholeChain() as world:
        finished_orders(world)
        assert EMAIL in stored(world)
        assert CITY in stored(world)
        mails = dict(world.emails_sent)
        erased = forget(world)
        world.run_until_idle()
        check_erased(world)
        # the orders are as many as before, and nobody is mailed
        assert len(erased.orders) == len(erased.transactions) == 3
        assert len(erased.receipts) >= 2
        assert len(erased.messages) == len(mails)
        assert dict(world.emails_sent) == mails
        # another run finds nothing
        again = forget(world)
        assert (again.orders, again.transactions, again.messages) == ([], [], [])
        assert again.receipts == []


def test_receipts_that_a_backup_brings_back_are_replaced_again() -> None:
    with WholeChain() as world:
        finished_orders(world)
        before = dict(world.cloud.objects)
        forget(world)
        erased = dict(world.cloud.objects)
        assert erased != before
        # WHEN the bucket of file_manager alone is restored
        world.cloud.objects.update(before)
        customer = Customer("cus_1", steps_of(world))
        world.advance(2)
        found = erase_orders(customer, customer.find(), Erased(), pause=lambda _: world.advance(2))
        # THEN
        assert found.personal == []
        assert world.cloud.objects == erased


def test_reconciliation_finds_nothing_wrong_afterwards() -> None:
    with WholeChain() as world:
        finished_orders(world)
        forget(world)
        world.run_until_idle()
        check_invariants(world)
        world.advance(2)
        components = apps.load_app("storefront_api").components
        with world.calls.hop("storefront_api reconcile"):
            report = components.reconciliation.handle({"grace_seconds": 0}, lambda: 300.0)
        assert report["examined"] == 3
        assert report["violations"] == []


def test_old_events_bring_nothing_back_and_mail_nobody() -> None:
    with WholeChain() as world:
        published: list[tuple[str, str, str]] = []
        publish = world.cloud._publish

        def record(*event: str) -> None:
            published.append(event)
            publish(*event)

        world.cloud._publish = record
        finished_orders(world)
        mails = dict(world.emails_sent)
        forget(world)
        world.run_until_idle()
        before = stored(world)
        # WHEN every event from before the erasure is delivered again
        assert any(EMAIL in message for _, message, _ in published)
        for event in list(published):
            publish(*event)
        world.run_until_idle()
        # THEN
        assert stored(world) == before
        assert dict(world.emails_sent) == mails
        assert world.dead_letters() == {}


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("pm_card_authenticationRequired", "waits for the customer's bank"),
        ("pm_card_chargeDeclined", "can still be paid"),
    ],
)
def test_unpaid_order_is_open_until_it_is_cancelled(method: str, reason: str) -> None:
    with WholeChain() as world:
        world.place_order(1, method)
        world.run_until_idle()
        found = find(world)
        (order,) = found.open
        assert reason in order["open"]
        assert order["cancellable"]
        # an open order is refused too, if it is requested
        step = steps_of(world)
        report = step({"step": "erase", "email": EMAIL, "order_ids": [order["order_id"]]})
        assert [each["order_id"] for each in report["orders"]] == [order["order_id"]]
        assert report["erased_orders"] == report["erased_transactions"] == []
        assert EMAIL in stored(world)
        # WHEN it is cancelled
        assert Customer(EMAIL, step).cancel([order["order_id"]]) == [order["order_id"]]
        world.run_until_idle()
        forget(world)
        check_erased(world)


def test_order_in_progress_is_open() -> None:
    with WholeChain() as world:
        world.place_order(1)
        (order,) = find(world).open
        assert order["open"] == "its payment has not begun"
        assert not order["cancellable"]
        assert Customer(EMAIL, steps_of(world)).cancel([order["order_id"]]) == []
        assert not world.accepted_cancellations


def test_orders_without_an_account_are_found_by_their_address() -> None:
    with WholeChain() as world:
        finished_orders(world)
        world.cloud.user["sub"] = "cus_of_a_later_account"
        assert len(forget(world).orders) == 3
        check_erased(world)


def test_orders_of_an_account_are_found_after_its_address_has_changed() -> None:
    with WholeChain() as world:
        finished_orders(world)
        world.advance(2)
        customer = Customer("cus_1", steps_of(world))
        assert len(customer.find().orders) == 3
        assert Customer("cus_2", steps_of(world)).find().orders == []


@pytest.mark.parametrize("crash", ["crash_before", "crash_after"])
def test_erasure_is_completed_after_a_crash_at_any_call(crash: Fault) -> None:
    crashes = 0
    while True:
        with WholeChain() as world:
            world.place_order(1)
            world.run_until_idle()
            world.advance(2)
            # only the address in the order leads to it
            world.cloud.user["sub"] = "cus_of_a_later_account"
            mails = dict(world.emails_sent)
            world.calls.plan(crashes + 1, crash)
            try:
                forget(world)
            except (ProcessCrashed, AssertionError):
                assert world.calls.injected
                forget(world)
            world.run_until_idle()
            check_erased(world)
            assert dict(world.emails_sent) == mails
            check_invariants(world)
            if not world.calls.injected:
                break
            crashes += 1
    assert crashes > 20
