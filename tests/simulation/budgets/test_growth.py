"""Lists, search and reconciliation use the same in a shop of any size.

What each of them uses of DynamoDB is in ``growth.json``, which ``benchmarks/growth.py`` shows
beside the times it measures. After a change that is meant to change it, ``--write`` writes it.
"""

import importlib.util
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from support.fault_matrix.scenarios import _call_storefront
from support.paths import ROOT
from support.world import apps
from support.world.usage import Usage, counted
from support.world.whole_chain import WholeChain
from support.world.world import START, World

TABLE = Path(__file__).with_name("growth.json")
SMALL, LARGE = 250, 1_500
CUSTOMER = {"sub": "cus_1", "groups": ""}
STAFF = {"sub": "cus_2", "groups": "staff"}


def load(name: str) -> Any:
    """Return a module of the benchmarks."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"benchmarks/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


search = load("search")
large_shop = load("large_shop")


@contextmanager
def shop_of(number: int) -> Iterator[World]:
    """A world with a number of toys and orders, of which 200 are recent."""
    size = large_shop.Size(number, number)
    with WholeChain() as world:
        period = large_shop.Period(size, CUSTOMER["sub"], START)
        items, charges = large_shop.order_items(period, range(number))
        items += [("toys", item) for item in large_shop.toy_items(size, START)]
        for service, item in items:
            world.tables.tables[f"toyshop-local-{service}"].items[item["id"]["S"]] = item
        world.gateway.store.write(charges)
        # the first search of a process loads the index
        ask(world, "/toys?limit=1")
        yield world


def ask(world: World, path: str, user: dict[str, str] = CUSTOMER) -> Any:
    """Return the document at a path of the storefront."""
    with mock.patch.object(apps, "SIGNED_IN_USER", user):
        return _call_storefront(world, "GET", path)


def deep(world: World, path: str, user: dict[str, str]) -> str:
    """Follow a list for half of the smaller shop's items, and return the path of the next page."""
    cursor = ""
    for _ in range(SMALL // 2 // 50):
        cursor = f"&cursor={ask(world, f'{path}?limit=50{cursor}', user)['next_cursor']}"
    return f"{path}?limit=20{cursor}"


def reconcile(world: World) -> None:
    """Verify the recent orders, all of which are as they should be."""
    detail = {"since": (START - large_shop.RECENT).isoformat(), "grace_seconds": 0}
    reconciliation = apps.load_app("storefront_api").components.reconciliation
    report = reconciliation.handle(detail, lambda: 300.0)
    assert report["violations"] == []
    assert report["examined"] == large_shop.Size.recent


def used(usage: Usage) -> str:
    """Return the calls of DynamoDB and the read units, in a line."""
    calls: Counter[str] = Counter()
    for name, count in usage.operations.items():
        if name.startswith("dynamodb "):
            calls[name.split()[1]] += count
    counts = ", ".join(f"{count} {name}" for name, count in sorted(calls.items()))
    units = usage.read_units.total()
    return f"{counts}; {units:g} read unit{'' if units == 1 else 's'}"


def observe(number: int) -> dict[str, str]:
    """Return what each action uses in a shop with a number of toys and orders."""
    found = {}
    with shop_of(number) as world:
        (toy, *_), (order, *_) = (ask(world, path)["items"] for path in ("/toys", "/orders"))
        paths = {
            "toys, first page": ("/toys?limit=20", CUSTOMER),
            "toys, deep page": (deep(world, "/toys", CUSTOMER), CUSTOMER),
            "search: a word": ("/toys?q=zeppelin&sort=relevance", CUSTOMER),
            "search: two words": ("/toys?q=zeppelin+airship&sort=relevance", CUSTOMER),
            "search: a category": ("/toys?category=airships", CUSTOMER),
            "search: a price range": ("/toys?price_min=7000000&price_max=8000000", CUSTOMER),
            "search: every toy": ("/toys?facets=category,brand,age,price", CUSTOMER),
            "suggestions": ("/toys/suggestions?q=zep", CUSTOMER),
            "one toy": (f"/toys/{toy['id']}", CUSTOMER),
            "a customer's orders, first page": ("/orders?limit=20", CUSTOMER),
            "all orders, first page": ("/orders?limit=20", STAFF),
            "all orders, deep page": (deep(world, "/orders", STAFF), STAFF),
            "one order": (f"/orders/{order['id']}", CUSTOMER),
        }
        for name, (path, user) in paths.items():
            with counted(world) as usage:
                ask(world, path, user)
            found[name] = used(usage)
        with counted(world) as usage:
            reconcile(world)
        found["reconciliation"] = used(usage)
    return found


def test_lists_search_and_reconciliation_use_the_same_at_any_size(
    request: pytest.FixtureRequest,
) -> None:
    small, large = observe(SMALL), observe(LARGE)
    assert small == large
    if request.config.getoption("--write"):
        TABLE.write_text(json.dumps(small, indent=2, ensure_ascii=False) + "\n")
    assert small == json.loads(TABLE.read_text())


def test_page_of_orders_with_a_status_reads_a_bounded_number() -> None:
    # GIVEN a shop without a cancelled order
    with shop_of(LARGE) as world, counted(world) as usage:
        page = ask(world, "/orders?status=cancelled", STAFF)
        assert (page["items"], page["next_cursor"] is None) == ([], False)
    assert used(usage) == "32 Query; 32 read units"
