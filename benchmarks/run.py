"""Measures the running shop and prints a report: ``tox -e bench``.

Everything runs on this machine and uses the loopback interface only. ``--cold`` also measures the
start from a fresh clone with empty caches, which needs the package index. ``--write`` writes
``benchmarks/report.md`` and what quotes it. ``--growth`` measures nothing but a shop of 100,000
toys and orders beside a small one (``growth.py``); its table is in ``docs/scale.md``.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / folder) for folder in ("tests", "tools", "clients/python/src")]

import growth  # noqa: E402
import processes  # noqa: E402
import rendering  # noqa: E402

import comparison  # noqa: E402
from support.running_shop import ADDRESS, PASSWORD, Shop, wait_until_idle  # noqa: E402
from support.waiting import eventually  # noqa: E402
from toyshop_client import (  # noqa: E402
    DraftLine,
    NewAddress,
    Retries,
    ShopOrder,
    ToyShop,
    ToyShopError,
)

IDLE_ORDERS = 30
READS = 200
CLIENTS = 4
LOAD_SECONDS = 60
ROUNDS = 9
WARM_CALLS = 200
MEASURED_ORDERS = 100
PACKAGES = {"aws": {"ministack"}, "tools": {"chalice", "botocore", "pynamodb", "msgspec", "stripe"}}
"""Packages whose versions the report names, by the requirements file that pins them."""


def percentiles(values: Sequence[float], unit: float = 1000) -> dict[str, float]:
    """Return p50, p95 and p99 of values in seconds, times ``unit`` (default: milliseconds)."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {f"p{n}": round(cuts[n - 1] * unit, 1) for n in (50, 95, 99)}


def shopper(shop: Shop) -> ToyShop:
    """Return a client that is signed in as a customer, and sends each request once.

    Each request has a connection of its own, as if it came from another shopper.
    """
    transport = httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))
    client = ToyShop(shop.origin, retries=Retries(attempts=1), timeout=60, transport=transport)
    client.sign_in("alice@example.com", PASSWORD)
    return client


def place(client: ToyShop, shop: Shop) -> ShopOrder:
    """Place an order for one toy."""
    return client.orders.place(
        lines=[DraftLine(toy_id=shop.toys[0]["id"], quantity=1)],
        shipping_address=NewAddress(**ADDRESS),
        payment_method="pm_card_visa",
    )


def wait_for_payment(client: ToyShop, order_id: str, every: float) -> None:
    """Poll an order until it is paid."""
    eventually(lambda: client.orders.get(order_id).payment.status == "succeeded", every=every)


def first_order(shop: Shop) -> float:
    """Place an order and return the seconds until it is paid."""
    started = time.perf_counter()
    with shopper(shop) as client:
        wait_for_payment(client, place(client, shop).id, every=0.1)
    return time.perf_counter() - started


def timed(action: Callable[[], Any]) -> float:
    """Return the seconds that an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def mail_times(shop: Shop) -> dict[str, datetime]:
    """Return when the first email about each order was sent, by the order id in its text."""
    times: dict[str, datetime] = {}
    for mail in shop.run_json("mail"):
        for word in mail["text"].replace(".", " ").split():
            if word.startswith("ord_"):
                times.setdefault(word, datetime.fromisoformat(mail["sent_at"]))
    return times


def idle_latencies(shop: Shop) -> dict[str, Any]:
    """Place orders one after the other; measure accepted to paid and accepted to emailed."""
    paid, placed = [], {}
    with shopper(shop) as client:
        for _ in range(IDLE_ORDERS):
            order = place(client, shop)
            accepted = time.perf_counter()
            wait_for_payment(client, order.id, every=0.02)
            paid.append(time.perf_counter() - accepted)
            placed[order.id] = order.placed_at
            time.sleep(0.3)
    mails = eventually(
        lambda: (times := mail_times(shop)).keys() >= placed.keys() and times, every=0.5
    )
    mailed = [(mails[order_id] - at).total_seconds() for order_id, at in placed.items()]
    return {"paid": percentiles(paid), "mailed": percentiles(mailed)}


def reads(shop: Shop) -> dict[str, Any]:
    """Read one toy, search, and list orders, one request after the other."""
    toy = shop.toys[0]["id"]
    result = {}
    with shopper(shop) as client:
        kinds: dict[str, Callable[[], Any]] = {
            "GET /toys/{id}": lambda: client.toys.get(toy),
            "GET /toys?q=": lambda: next(client.toys.list(q="puz", page_size=20).pages()),
            "GET /orders?limit=20": lambda: next(client.orders.list(page_size=20).pages()),
        }
        for name, read in kinds.items():
            for _ in range(5):
                read()
            result[name] = percentiles([timed(read) for _ in range(READS)])
    return result


def family(shop: Shop) -> processes.Family:
    """Return the shop's processes."""
    return processes.of_shop(shop.run_json("status"))


def processor_time(shop: Shop) -> dict[str, float]:
    """Return the milliseconds of processor time of an order, from browsing to the email.

    Each of the orders comes after a list of toys and the page of a toy, and is looked at once.
    """
    toy = shop.toys[0]["id"]
    with shopper(shop) as client:
        place(client, shop)
        wait_until_idle(shop)
        known = family(shop)
        meter = processes.ProcessorTime(known)
        for _ in range(MEASURED_ORDERS):
            next(client.toys.list(page_size=20).pages())
            client.toys.get(toy)
            client.orders.get(place(client, shop).id)
            time.sleep(0.2)
    time.sleep(5)
    used = meter.read(known | family(shop))
    return {name: round(each / MEASURED_ORDERS * 1000, 1) for name, each in used.items()}


def load(shop: Shop, seconds: int) -> dict[str, Any]:
    """Place orders from several clients for some seconds, then count charges and emails."""
    client = shopper(shop)
    accepted: dict[str, datetime] = {}
    errors: list[str] = []
    answers: list[float] = []
    peak = {"resident": 0.0, "proportional": 0.0, "processes": 0.0}
    wait_until_idle(shop)
    meter = processes.ProcessorTime(family(shop))
    end = time.monotonic() + seconds

    def place_orders() -> None:
        while time.monotonic() < end:
            started = time.perf_counter()
            try:
                order = place(client, shop)
                accepted[order.id] = order.placed_at
            except ToyShopError as error:
                errors.append(str(error))
            answers.append(time.perf_counter() - started)

    threads = [threading.Thread(target=place_orders) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(5)
        running = family(shop)
        meter.read(running)
        now = processes.memory(running)
        peak = {name: max(peak[name], now[name]) for name in peak}
    for thread in threads:
        thread.join()
    client.close()
    mails = eventually(
        lambda: (times := mail_times(shop)).keys() >= accepted.keys() and times,
        seconds=300,
        every=2,
    )
    used = meter.read(family(shop))
    charges: dict[str, int] = {}
    for entry in shop.run_json("ledger"):
        if (entry["type"], entry["status"]) == ("charge", "succeeded"):
            charges[entry["order_id"]] = charges.get(entry["order_id"], 0) + 1
    mailed = [(mails[order_id] - at).total_seconds() for order_id, at in accepted.items()]
    return {
        "accepted": len(accepted),
        "seconds": seconds,
        "clients": CLIENTS,
        "per_second": round(len(accepted) / seconds, 1),
        "errors": len(errors),
        "first_error": errors[0] if errors else None,
        "answered": percentiles(answers),
        "mailed": percentiles(mailed),
        "charged_once": sum(charges.get(order_id) == 1 for order_id in accepted),
        "memory_peak": peak,
        "processor": {name: round(each / len(accepted) * 1000, 1) for name, each in used.items()},
    }


def in_fresh_processes(script: str, *options: str) -> Any:
    """Return what a script measures that packages the services, with the Python of ``./shop``."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [str(ROOT / ".venv/bin/python"), str(ROOT / "benchmarks" / script)]
        subprocess.run([*command, *options, "--json", file.name], check=True)
        return json.load(file)


def cold_up(folder: Path) -> dict[str, float]:
    """Return the seconds until a fresh clone with empty caches is up, and its first order paid."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    shop = Shop(folder / "cold-home", root=clone)
    caches = {"UV_CACHE_DIR": str(folder / "uv"), "PIP_CACHE_DIR": str(folder / "pip")}
    os.environ.update(caches)
    try:
        up = timed(shop.up)
        order = first_order(shop)
    finally:
        shop.run("down", "--purge")
        for name in caches:
            del os.environ[name]
    return {"up": round(up, 1), "paid": round(up + order, 1)}


def machine() -> dict[str, str]:
    """Describe the machine, the commit and the package versions."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    model = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cores": str(os.cpu_count()),
        "processor": model[0] if model else platform.processor(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "commit": commit,
        "packages": ", ".join(
            line.split(" ")[0].replace("==", " ")
            for purpose in ("aws", "tools")
            for line in (ROOT / "requirements" / f"{purpose}.txt").read_text().splitlines()
            if line.split("==")[0] in PACKAGES[purpose]
        ),
    }


def main() -> None:
    """Run all measurements, print the report, and write it with ``--write``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cold", action="store_true", help="also measure the start from a fresh clone"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="write benchmarks/report.md and .json, the plots, and the tables of the README and "
        "docs/scale.md",
    )
    parser.add_argument(
        "--growth", action="store_true", help="measure only a small and a large shop"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of cold starts")
    parser.add_argument(
        "--baseline",
        type=Path,
        help="directory with the packages of a commit, one zip per service, named like the commit",
    )
    parser.add_argument("--load-seconds", type=int, default=LOAD_SECONDS)
    options = parser.parse_args()
    if options.growth:
        growth.run(write=options.write)
        return
    folder = Path(tempfile.mkdtemp(prefix="toyshop-bench-"))
    result: dict[str, Any] = {"machine": machine(), "up": {}}
    try:
        if options.cold:
            cold = cold_up(folder)
            result["up"] |= {"cold_up": cold["up"], "cold_paid": cold["paid"]}
        shop = Shop(folder / "home")
        try:
            shop.up()
            first_order(shop)
            # until then pictures are added behind the open shop
            shop.wait_for_pictures()
            shop.down()
            warm = timed(shop.up)
            result["up"] |= {
                "warm_up": round(warm, 1),
                "warm_paid": round(warm + first_order(shop), 1),
            }
            result["idle"] = idle_latencies(shop)
            result["reads"] = reads(shop)
            result["processor"] = processor_time(shop)
            result["memory"] = processes.memory(family(shop))
            result["load"] = load(shop, options.load_seconds)
        finally:
            shop.run("down", "--purge")
        # when nothing else runs
        counts = ("--rounds", str(options.rounds), "--warm", str(WARM_CALLS))
        result["rounds"] = options.rounds
        result["baseline"] = options.baseline.name if options.baseline else ""
        baseline = ("--baseline", str(options.baseline)) if options.baseline else ()
        result["functions"] = in_fresh_processes("cold_start.py", *counts, *baseline)
        result["peers"] = in_fresh_processes("compare.py", *counts)
        result["search"] = in_fresh_processes("search.py")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(result, indent=2))
    text = rendering.report(result)
    print(text)
    if options.write:
        (ROOT / "benchmarks/report.md").write_text(text)
        (ROOT / "benchmarks/report.json").write_text(json.dumps(result, indent=1) + "\n")
        comparison.plot(result["peers"], ROOT / "benchmarks")
        readme = ROOT / "README.md"
        readme.write_text(rendering.with_figures(readme.read_text(), text))
        # its low end is what was measured
        command = [sys.executable, str(ROOT / "benchmarks/scale/simulate.py"), "--write"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
