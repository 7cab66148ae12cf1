"""Compares a small local shop with one of 100,000 toys and orders: ``tox -e bench -- --growth``.

Both shops run at the same time, and every round sends a request to the small one and then to the
large one, so that other load on the machine affects both. ``--write`` writes the table of
``docs/scale.md``.
"""

import argparse
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

import large_shop  # noqa: E402

import cold_start  # noqa: E402
from support.running_shop import Shop, invoke_with_schedule_event  # noqa: E402
from support.waiting import eventually  # noqa: E402

DOCUMENT = ROOT / "docs/scale.md"
COUNTED = ROOT / "tests/simulation/budgets/growth.json"
SIZES = (1_000, 100_000)
READS = 40
ORDERS = 20
RECONCILIATIONS = 7
COLD_SEARCHES = 9
DEEP = 10_000
"""How many items precede a deep page at most; in a shorter list, nine tenths of it do."""
PAGE = 100
RECONCILE = "toyshop-local-storefront-api-reconcile"
SAVE_SNAPSHOT = "toyshop-local-toys-save-snapshot"
SNAPSHOTS = "toyshop-local-toys-snapshots"
FACETS = "facets=category,brand,age,price"
SEARCHES = {
    "a word in 20 toys": "q=zeppelin&sort=relevance",
    "two words in 20 toys": "q=zeppelin+airship&sort=relevance",
    "a category of 20 toys": "category=airships",
    "a price range of 20 toys": "price_min=7000000&price_max=8000000",
    "a word in 20 toys, facets": f"q=zeppelin&{FACETS}",
    "a word in every toy, by relevance": "q=toy&sort=relevance",
    "every toy, facets": FACETS,
}

Ask = Callable[[], Any]


@dataclass
class Client:
    """A client of one shop, which sends the same requests as the client of the other.

    Attributes
    ----------
    customer, staff
        Access tokens.
    facts
        Seconds that starting the shop and saving its first search snapshot took.
    since
        When the recent orders begin.
    """

    shop: Shop
    size: large_shop.Size
    customer: str
    staff: str
    facts: dict[str, float]
    since: datetime

    def get(self, path: str, token: str | None = None) -> Any:
        """Return the document at a path."""
        answer = self.shop.api("GET", path, token=token)
        assert answer.status == 200, f"{path}: {answer.status} {answer.body[:300]!r}"
        return answer.json

    def deep(self, path: str, token: str | None, total: int) -> str:
        """Follow a list, and return the path of a page deep in it."""
        cursor = ""
        for _ in range(min(DEEP, total * 9 // 10) // PAGE):
            cursor = self.get(f"{path}?limit={PAGE}{cursor}", token)["next_cursor"]
            cursor = f"&cursor={cursor}"
        return f"{path}?limit=20{cursor}"

    def reads(self) -> dict[str, Ask]:
        """Return functions that each read something, by the label of the table's row."""
        toy = self.get("/toys?limit=20")["items"][7]["id"]
        order = self.get("/orders?limit=20", self.customer)["items"][7]["id"]
        paths: dict[str, tuple[str, str | None]] = {
            "toys, first page": ("/toys?limit=20", None),
            "toys, deep page": (self.deep("/toys", None, self.size.toys), None),
            **{f"search: {name}": (f"/toys?limit=20&{q}", None) for name, q in SEARCHES.items()},
            "suggestions": ("/toys/suggestions?q=zep", None),
            "one toy": (f"/toys/{toy}", None),
            "a customer's orders, first page": ("/orders?limit=20", self.customer),
            "all orders, first page": ("/orders?limit=20", self.staff),
            "all orders, deep page": (
                self.deep("/orders", self.staff, self.size.orders),
                self.staff,
            ),
            "one order": (f"/orders/{order}", self.customer),
        }
        return {name: partial(self.get, *path) for name, path in paths.items()}

    def place(self) -> str:
        """Place an order, and return its id."""
        placed: str = self.shop.place(self.customer)["id"]
        return placed

    def pay(self) -> None:
        """Place an order and wait until it is paid."""
        order_id = self.place()
        eventually(
            lambda: self.shop.order(order_id, self.customer)["payment"]["status"] == "succeeded",
            every=0.01,
        )

    def reconcile(self) -> None:
        """Verify the recent orders that the shop was filled with."""
        end = self.since + large_shop.RECENT
        detail = {"since": self.since.isoformat(), "until": end.isoformat(), "grace_seconds": 0}
        report = invoke_with_schedule_event(self.shop, RECONCILE, detail)
        assert report["violations"] == [], report["violations"][:3]
        assert report["examined"] == self.size.recent, report


def started(home: Path, size: large_shop.Size) -> Client:
    """Fill a shop of a given size, start it, and return a client of it."""
    shop, facts = Shop(home), {}

    def timed(name: str, action: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = action()
        facts[name] = round(time.perf_counter() - began, 1)
        return result

    shop.up("--no-seed")
    profile = shop.api("GET", "/users/me", token=shop.sign_in("alice@example.com")).json
    shop.down()
    now = datetime.now(UTC)
    large_shop.fill(home, size, profile["id"], now)
    timed("up", lambda: shop.up("--no-seed"))
    timed("snapshot", lambda: save_snapshot(shop))
    tokens = [shop.sign_in(f"{name}@example.com") for name in ("alice", "staff")]
    return Client(shop, size, *tokens, facts, now - large_shop.RECENT)


def save_snapshot(shop: Shop) -> None:
    """Save the first snapshot of the search index now, instead of waiting up to five minutes."""
    event = {
        "version": "0", "id": "1", "source": "benchmark", "detail-type": "Growth", "account": "",
        "region": "", "time": "", "resources": [], "detail": {},
    }  # fmt: skip
    shop.client("lambda").invoke(
        FunctionName=SAVE_SNAPSHOT, InvocationType="Event", Payload=json.dumps(event)
    )
    s3 = shop.client("s3")
    eventually(lambda: s3.list_objects_v2(Bucket=SNAPSHOTS)["KeyCount"], seconds=600, every=0.5)


def cold_searches(clients: Sequence[Client], folder: Path) -> list[list[float]]:
    """Return the seconds from a process's start to its first search, per round for both shops.

    The process runs the packaged functions of ``toys``, as on Lambda, against the shop's tables and
    bucket.
    """
    zips = cold_start.build(folder / "zips")
    functions = [
        cold_start.Functions(
            zips, folder / str(one.shop.aws_port), one.shop.aws_port, one.shop.gateway_port
        )
        for one in clients
    ]
    query = {"q": "zeppelin", "facets": "category,brand,age,price", "limit": "20"}
    search = cold_start.request("GET", "/toys", query=query)
    rounds = []
    # the first round fills the caches of the file system
    for _ in range(COLD_SEARCHES + 1):
        done = [
            cold_start.run_process(one.folder / "toys", "app", [search], one.environ("toys"))
            for one in functions
        ]
        assert all(cold_start.answer_of(one)["total"] for one in done)
        rounds.append([one["wall"] for one in done])
    return rounds[1:]


def compared(actions: Sequence[Mapping[str, Ask]], rounds: int) -> dict[str, list[list[float]]]:
    """Return how many seconds each action took in each round, for both shops."""
    times: dict[str, list[list[float]]] = {name: [] for name in actions[0]}
    for _ in range(2):
        for name in times:
            for one in actions:
                one[name]()
    for _ in range(rounds):
        for name, measured in times.items():
            measured.append([])
            for one in actions:
                began = time.perf_counter()
                one[name]()
                measured[-1].append(time.perf_counter() - began)
    return times


def measure(folder: Path, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Start a small and a large shop, measure both, stop them, and return the figures."""
    clients: list[Client] = []
    try:
        for size in sizes:
            clients.append(started(folder / str(size), large_shop.Size(size, size)))
        times = compared([one.reads() for one in clients], READS)
        times |= compared([{"order accepted": one.place} for one in clients], ORDERS)
        times |= compared([{"order paid": one.pay} for one in clients], ORDERS)
        recent = f"reconciliation of {clients[0].size.recent} recent orders"
        times |= compared([{recent: one.reconcile} for one in clients], RECONCILIATIONS)
        times["process start and first search"] = cold_searches(clients, folder)
    finally:
        for size in sizes:
            Shop(folder / str(size)).run("down", "--purge")
    return {
        "sizes": list(sizes),
        "facts": [one.facts for one in clients],
        "times": {name: figures(measured) for name, measured in times.items()},
    }


def figures(rounds: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Return p50 and p95 of both shops in milliseconds, and the quartiles of the ratio."""
    cuts = []
    for measured in zip(*rounds, strict=True):
        twentieths = statistics.quantiles(measured, n=20, method="inclusive")
        cuts.append([round(1000 * value, 1) for value in (twentieths[9], twentieths[18])])
    ratios = statistics.quantiles([large / small for small, large in rounds], method="inclusive")
    return {"ms": cuts, "ratio": [round(ratio, 2) for ratio in ratios]}


def table(result: dict[str, Any], counted: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the table.

    Parameters
    ----------
    result
        What ``measure`` returned.
    counted
        DynamoDB requests and read units, at any size, by the start of an action's name.
    """
    small, large = (f"{size:,} toys and orders" for size in result["sizes"])
    yield f"| | {small}, p50 / p95 | {large}, p50 / p95 | ratio | DynamoDB, at any size |"
    yield "|---|---:|---:|---:|---|"
    for name, one in result["times"].items():
        both = " | ".join(f"{p50:.0f} / {p95:.0f} ms" for p50, p95 in one["ms"])
        low, middle, high = one["ratio"]
        used = next((text for key, text in counted.items() if name.startswith(key)), "")
        yield f"| {name} | {both} | {middle:.2f} ({low:.2f} to {high:.2f}) | {used} |"


def lines(result: dict[str, Any]) -> list[str]:
    """Return the table and what starting the shops took, as lines of Markdown."""
    facts = (
        f"Starting the shops took {small['up']} s and {large['up']} s, and the first snapshot of "
        f"the search index took {small['snapshot']} s and {large['snapshot']} s."
        for small, large in [result["facts"]]
    )
    return [*table(result, json.loads(COUNTED.read_text())), "", *facts]


def document(text: str, result: dict[str, Any]) -> str:
    """Return the document with the figures between its markers."""
    written = "\n".join(lines(result))
    text, count = re.subn(
        r"(<!-- growth -->\n).*?(<!-- end of growth -->)",
        lambda match: f"{match[1]}{written}\n{match[2]}",
        text,
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError("growth")
    return text


def run(sizes: Sequence[int] = SIZES, *, write: bool = False) -> None:
    """Measure and print the table; with ``write``, also write it."""
    folder = Path(tempfile.mkdtemp(prefix="toyshop-growth-"))
    try:
        result = measure(folder, sizes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(lines(result)))
    if write:
        DOCUMENT.write_text(document(DOCUMENT.read_text(), result))


def main() -> None:
    """Measure, print the table, and write it with ``--write``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs=2, default=SIZES)
    parser.add_argument("--write", action="store_true", help="write docs/scale.md")
    options = parser.parse_args()
    run(options.sizes, write=options.write)


if __name__ == "__main__":
    main()
