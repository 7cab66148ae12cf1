"""The comparison of a small shop with a large one, without running one.

That the services read the records is tested in ``tests/simulation/budgets/test_growth.py``.
"""

import importlib.util
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from gateway_simulator.store import Store
from support.paths import ROOT

NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)
TABLES = ("toys", "orders", "payments", "file-manager", "notifications")


def load(name: str) -> Any:
    """Return a module of the benchmarks, which other modules of them can import."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / f"benchmarks/{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


search: ModuleType = load("search")
load("cold_start")
large_shop: Any = load("large_shop")
growth: Any = load("growth")

RESULT = {
    "sizes": [1_000, 100_000],
    "facts": [
        {"up": 4.0, "snapshot": 0.1},
        {"up": 15.0, "snapshot": 60.0},
    ],
    "times": {
        "all orders, first page": growth.figures([(0.010, 0.020)] * 20),
        "order paid": growth.figures([(0.5, 0.4)] * 20),
    },
}


def stopped_shop(home: Path) -> Path:
    """Return the directory of a shop's files, with empty tables."""
    tables = {f"1\0us-east-1\0'toyshop-local-{name}'": {"items": {}} for name in TABLES}
    (home / "aws/state").mkdir(parents=True)
    state = {"payload": {"tables": {"data": tables}}}
    (home / "aws/state/dynamodb.json").write_text(json.dumps(state))
    manifest = {"format": 1, "number": 1, "files": {"dynamodb.json": "changes"}}
    (home / "aws/state/manifest.json").write_text(json.dumps(manifest))
    return home


def test_stopped_shop_is_filled(tmp_path: Path) -> None:
    home = stopped_shop(tmp_path)
    large_shop.fill(home, large_shop.Size(100, 40, recent=10, own=3), "cus_1", NOW)
    tables = json.loads((home / "aws/state/dynamodb.json").read_text())["payload"]["tables"]["data"]
    counts = {name.split("'")[1]: table["ItemCount"] for name, table in tables.items()}
    # THEN each order has all that belongs to it, and the toys have the end of their log
    assert counts == {
        "toyshop-local-toys": 101,
        **{f"toyshop-local-{name}": 40 for name in TABLES[1:]},
    }
    orders = [table["items"] for name, table in tables.items() if "local-orders" in name]
    customers = [order["__no_sort__"]["customer_id"]["S"] for order in orders[0].values()]
    assert customers.count("cus_1") == 3
    # AND the gateway has a charge of each
    gateway = Store(home / "gateway")
    assert len(gateway.rows("payment_intents")) == len(gateway.rows("ledger")) == 40
    gateway.close()


def test_newest_orders_are_the_same_in_a_shop_of_any_size() -> None:
    newest = []
    for number in (50, 500):
        period = large_shop.Period(large_shop.Size(0, number, recent=20, own=0), "cus_1", NOW)
        orders = list(period.orders(range(number)))
        assert orders == sorted(orders, key=lambda order: order.placed_at)
        assert all(order.placed_at >= NOW - timedelta(days=28) for order in orders)
        newest.append([order for order in orders if order.placed_at >= NOW - large_shop.RECENT])
        assert [order.id for order in orders[-50:]] == [
            order.id for order in period.orders(range(number - 50, number))
        ]
    assert len(newest[0]) == 20
    assert newest[0] == newest[1]


def test_figures_are_percentiles_and_the_quartiles_of_the_ratio() -> None:
    rounds = [(0.010, 0.010), (0.010, 0.012), (0.010, 0.014), (0.010, 0.016), (0.010, 0.018)]
    assert growth.figures(rounds) == {"ms": [[10.0, 10.0], [14.0, 17.6]], "ratio": [1.2, 1.4, 1.6]}


def test_shops_are_asked_in_turn() -> None:
    asked: list[str] = []
    actions = [{"read": lambda name=name: asked.append(name)} for name in ("small", "large")]
    times = growth.compared(actions, 3)
    assert asked == ["small", "large"] * 5
    assert [len(one) for one in times["read"]] == [2, 2, 2]


def test_document_gets_the_table() -> None:
    text = "before\n<!-- growth -->\nold\n<!-- end of growth -->\nafter\n"
    written = growth.document(text, RESULT)
    used = json.loads(growth.COUNTED.read_text())["all orders, first page"]
    row = f"| all orders, first page | 10 / 10 ms | 20 / 20 ms | 2.00 (2.00 to 2.00) | {used} |"
    assert row in written.splitlines()
    assert "old" not in written
    # AND another run replaces it
    assert growth.document(written, RESULT) == written


def test_what_is_counted_is_what_is_measured() -> None:
    measured = {
        *(f"search: {name}" for name in growth.SEARCHES),
        *("toys, first page", "toys, deep page", "suggestions", "one toy"),
        *("a customer's orders, first page", "all orders, first page", "all orders, deep page"),
        *("one order", "reconciliation of 200 recent orders"),
    }
    for name in json.loads(growth.COUNTED.read_text()):
        assert any(one.startswith(name) for one in measured), name
