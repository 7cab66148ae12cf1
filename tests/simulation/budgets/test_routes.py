"""What each route and each event handler uses of AWS: exact, and held by ``budgets.json``.

The file names, for each operation of each API and for each function, what one invocation calls,
DynamoDB's units and the size of its answer, in the order of the stories below. After a change that
is meant to change it, ``--write`` writes it again; read the difference.
"""

import json
from pathlib import Path
from unittest import mock

import pytest
from msgspec import to_builtins

from contracts import files, notifications, orders, payments, toys
from support.fault_matrix import scenarios
from support.fault_matrix.scenarios import TOY, _call_storefront
from support.order_traces import FakeXRay, Recording, placed_and_declined
from support.world import apps
from support.world.usage import counted, operations_of
from support.world.whole_chain import WholeChain
from support.world.world import START, World

TABLE = Path(__file__).with_name("budgets.json")
UNCOUNTED = {
    "storefront_api jwt_authorizer": "asks for the user pool's keys once per process",
    "storefront_api getHealth": "asks all services at the same time, in threads",
    **{
        f"{service} getHealth": "the apps in one process share the list of checks"
        for service in apps.SERVICES[:-1]
    },
    **dict.fromkeys(
        (
            "toys searchToys",
            "toys suggestToys",
            "toys outlineCatalogue",
            "toys listCataloguePart",
            "toys log_bypassed",
            "toys save_snapshot",
            "storefront_api searchToys",
            "storefront_api suggestToys",
        ),
        "search has budgets of its own",
    ),
}


def only_toy(world: World) -> str:
    """Return the id of the only toy; the table also holds its change log."""
    (toy,) = (
        item for item in world.tables.tables["toyshop-local-toys"].items if item.startswith("toy_")
    )
    return toy


def account(world: World) -> None:
    """A customer signs up, confirms, and uses everything that an account has."""
    scenarios.account_used(world)
    code = {"email": "b@example.com", "code": "123456"}
    _call_storefront(world, "POST", "/users/confirmation", code)


def catalogue(world: World) -> None:
    """Staff add a toy with an image, change both, and remove both."""
    scenarios.image_uploaded(world)
    world.advance(2)
    toy = only_toy(world)
    image = next(iter(world.tables.tables["toyshop-local-file-manager"].items))
    path, version = f"/toys/{toy}", {"If-Match": '"2"'}
    _call_storefront(world, "GET", path)
    _call_storefront(world, "PATCH", path, {"name": "Dragon"}, **version)
    _call_storefront(world, "PUT", path, TOY, **{"If-Match": '"3"'})
    _call_storefront(world, "DELETE", f"{path}/images/{image}")
    _call_storefront(world, "DELETE", path, **{"If-Match": '"5"'})


def order(world: World) -> None:
    """A customer orders, repeats the request, looks at the order, changes and cancels it.

    Staff search for it, and look at its journey.
    """
    scenarios.toy_bought(world)
    (order_id,) = world.orders()
    _call_storefront(world, "GET", "/health")
    _call_storefront(world, "GET", "/health?deep=1")
    _call_storefront(world, "GET", "/openapi.json")
    toy = only_toy(world)
    body = {
        "lines": [{"toy_id": toy, "quantity": 1}],
        "shipping_address": scenarios.ADDRESS,
        "payment_method": "pm_card_visa",
    }
    _call_storefront(world, "POST", "/orders", body, **{"Idempotency-Key": "key-1"})
    world.call_api(toys.DELETE, "toys", {"toy_id": toy}, headers={"If-Match": '"1"'})
    world.advance(2)
    # GIVEN that there is no such toy anymore, so that the key is looked up
    _call_storefront(world, "POST", "/orders", body, **{"Idempotency-Key": "key-1"})
    change = {"shipping_address": {"city": "Perth"}}
    _call_storefront(world, "PATCH", f"/orders/{order_id}", change, **{"If-Match": '"1"'})
    _call_storefront(world, "POST", f"/orders/{order_id}/cancellation", {})
    with mock.patch.object(apps, "SIGNED_IN_USER", {"sub": "cus_2", "groups": "staff"}):
        _call_storefront(world, "GET", "/orders?status=placed&email=a%40example.com")
        recording = Recording(order_id, START.timestamp())
        placed_and_declined(recording, "msg_1")
        world.cloud.xray = FakeXRay(recording.documents)
        _call_storefront(world, "GET", f"/orders/{order_id}/journey")
    world.run_until_idle()


def another_card(world: World) -> None:
    """A customer pays with another card after a decline."""
    scenarios.order_paid_again(world)


def expiry(world: World) -> None:
    """An order waits for the customer's bank until it is cancelled."""
    scenarios.unconfirmed_order_expires(world)


def operators(world: World) -> None:
    """Orders are reconciled, restored, re-emitted and backfilled, and a customer is erased."""
    world.place_order(1)
    world.run_until_idle()
    world.advance(2)
    (order_id,) = world.orders()
    (transaction,) = world.tables.tables["toyshop-local-payments"].items
    (document,) = world.tables.tables["toyshop-local-file-manager"].items
    (message,) = world.tables.tables["toyshop-local-notifications"].items
    components = apps.load_app("storefront_api").components
    with world.calls.hop("storefront_api reconcile"):
        components.reconciliation.handle({"grace_seconds": 0}, lambda: 300.0)
    # the order is lost, and restored
    with world.calls.hop("storefront_api reconcile"):
        del world.tables.tables["toyshop-local-orders"].items[order_id]
        period = {"since": START, "grace_seconds": 0, "fix": True}
        report = components.reconciliation.handle(to_builtins(period), lambda: 300.0)
    assert report["reemitted"] == [order_id], report
    world.call_api(orders.REEMIT, "orders", {"order_id": order_id}, body={})
    world.call_api(payments.REEMIT, "payments", {"transaction_id": transaction}, body={})
    world.run_until_idle()
    with world.calls.hop("orders backfill"):
        apps.load_app("orders").backfill({}, None)
    for service in apps.SERVICES[:-1]:
        health = next(one for one in operations_of(service) if one.name == "getHealth")
        world.call_api(health, service)
    world.call_api(files.LOOKUP, "file_manager", body={"ids": [document]})
    world.call_api(notifications.LOOKUP, "notifications", body={"ids": [message]})
    customer = {"email": "a@example.com"}
    with world.calls.hop("storefront_api forget"):
        for step in (
            {"step": "find"},
            {"step": "lock"},
            {"step": "erase", "order_ids": [order_id]},
            {"step": "delete"},
        ):
            report = components.erasure.handle(customer | step, lambda: 300.0)
            assert "problem" not in report, report
    world.run_until_idle()


STORIES = (account, catalogue, order, another_card, expiry, operators)


def observe() -> dict[str, list[str]]:
    """Return what each invocation of the stories used, by operation or function, once each."""
    table: dict[str, list[str]] = {}
    for story in STORIES:
        with WholeChain() as world, counted(world) as usage:
            story(world)
        for visit in usage.visits:
            rows = table.setdefault(visit.name, [])
            if visit.name not in UNCOUNTED and str(visit) not in rows:
                rows.append(str(visit))
    return {name: rows for name, rows in sorted(table.items()) if name not in UNCOUNTED}


@pytest.fixture(scope="module")
def observed() -> dict[str, list[str]]:
    return observe()


def test_every_route_and_handler_uses_what_its_budget_says(
    observed: dict[str, list[str]], request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--write"):
        TABLE.write_text(json.dumps(observed, indent=2, ensure_ascii=False) + "\n")
    assert observed == json.loads(TABLE.read_text())


def test_every_route_and_handler_has_a_budget(observed: dict[str, list[str]]) -> None:
    expected = set()
    for service in apps.SERVICES:
        expected |= {f"{service} {operation.name}" for operation in operations_of(service)}
        config = json.loads((apps.ROOT / "apps" / service / ".chalice/config.json").read_text())
        functions = config["stages"]["local"]["lambda_functions"]
        # a retry queue's function does what the function does whose events it repeats
        names = {name.removesuffix("_retry") for name in functions} - {"api_handler"}
        expected |= {f"{service} {name}" for name in names}
    assert set(observed) == expected - set(UNCOUNTED)
