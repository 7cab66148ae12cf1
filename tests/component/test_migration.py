"""Releases of docs/migrations are whole; those that run together read each other's records."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise, product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from chalicelib.payments.domain import Outcome, Payment
from chassis.records import Record
from contracts.files import File
from contracts.money import Money
from contracts.orders import Address, Contact, Order, OrderLine
from support.paths import ROOT

MIGRATIONS = ROOT / "docs" / "migrations"
PATCHES = sorted((MIGRATIONS / "compact-records").glob("*.patch"))
MIGRATED = ("orders", "payments", "file_manager")
RELEASES = ["before", "expand", "read", "contract"]
LATER = {release: PATCHES[number:] for number, release in enumerate(RELEASES)} | {
    "toys-change-log": [MIGRATIONS / "toys-change-log" / "contract.patch"]
}
"""The patches to undo, for a release."""
LIBRARIES = ("contracts", "chassis")
NOW = datetime(2026, 11, 24, 12, 30, 0, 5, tzinfo=UTC)
PRICE = Money(amount=1250, currency="AUD")
SHARED: dict[str, Any] = {
    "customer_id": "cus_1",
    "contact": Contact(email="a@example.com", name="A"),
    "lines": [
        OrderLine(
            toy_id="toy_1",
            name="Kite",
            quantity=2,
            unit_price=PRICE,
            line_total=Money(amount=2500, currency="AUD"),
        )
    ],
    "shipping_address": Address(
        name="A", line1="1", city="Perth", postal_code="6000", country="AU", line2="", region="WA"
    ),
    "payment_method": "pm_card_visa",
    "version": 2,
    "updated_at": NOW,
}
ORDER = Order(
    id="ord_1", status="placed", total=SHARED["lines"][0].line_total, placed_at=NOW, **SHARED
)
PAYMENT = Payment(
    id="txn_1",
    order_id="ord_1",
    status="succeeded",
    amount=ORDER.total,
    created_at=NOW,
    placed_at=NOW,
    intent_id="pi_1",
    attempt=1,
    outcomes=(Outcome(status="succeeded", version=2, occurred_at=NOW),),
    **SHARED,
)
DOCUMENT = File(
    id="fil_1",
    kind="document",
    status="ready",
    subject="ord_1",
    content_type="application/pdf",
    size=5,
    alt="",
    version=1,
    created_at=NOW,
    updated_at=NOW,
)


@pytest.fixture(scope="module")
def apps_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that restores the apps of a release, and returns their folder."""
    top = tmp_path_factory.mktemp("releases")

    def restore(release: str) -> Path:
        apps = top / release / "apps"
        if not apps.exists():
            for service in (*MIGRATED, "toys"):
                shutil.copytree(
                    ROOT / "apps" / service,
                    apps / service,
                    ignore=shutil.ignore_patterns("vendor", "__pycache__", "fonts"),
                )
            for patch in reversed(LATER[release]):
                revert(patch, top / release)
        return apps

    return restore


@pytest.fixture(scope="module")
def store_of(apps_of: Callable[[str], Path]) -> Callable[[str, str], ModuleType]:
    """Return a function that loads the store of a service as of a release."""

    def load(service: str, release: str) -> ModuleType:
        path = apps_of(release) / service / "chalicelib" / service / "store.py"
        name = f"{service}_store_{release}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    return load


def revert(patch: Path, folder: Path) -> None:
    subprocess.run(
        ["git", "apply", "-R", str(patch)],
        cwd=folder,
        # git must not patch a repository that contains the tests' directory
        env={"GIT_CEILING_DIRECTORIES": str(folder.parent), "PATH": "/usr/bin:/bin"},
        check=True,
    )


@pytest.mark.parametrize(
    ("release", "service"), [*product(RELEASES, MIGRATED), ("toys-change-log", "toys")]
)
def test_release_has_all_that_its_modules_import(
    apps_of: Callable[[str], Path], release: str, service: str
) -> None:
    folder = apps_of(release) / service
    config = json.loads((folder / ".chalice/config.json").read_text())
    code = f"""
import app, importlib, pkgutil, chalicelib.{service} as package
for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(found.name)
"""
    imported = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={
            **config["stages"]["local"]["environment_variables"],
            "PYTHONPATH": os.pathsep.join(str(ROOT / "libs" / lib / "src") for lib in LIBRARIES),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert imported.returncode == 0, imported.stderr


@pytest.mark.parametrize(
    ("writing", "reading"),
    [pair for one, two in pairwise(RELEASES) for pair in ((one, two), (two, one))],
)
def test_release_reads_what_the_next_and_the_previous_one_store(
    store_of: Callable[[str, str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    writing: str,
    reading: str,
) -> None:
    written: list[dict[str, Any]] = []
    monkeypatch.setattr(Record, "put", lambda self, _: written.append(self.serialize()))
    one, two = store_of("orders", writing), store_of("orders", reading)
    one.OrderStore._put(ORDER, "f" * 64, None)
    record = two.OrderRecord.from_image(written[-1])
    assert (record.to_order(), record.fingerprint) == (ORDER, "f" * 64)
    # AND the record is in the list of all orders that the other release reads
    key = "listing" if reading in ("before", "expand") else "month"
    assert written[-1][key] == two.as_stored(record).serialize()[key]
    one, two = store_of("payments", writing), store_of("payments", reading)
    one.TransactionStore._put(PAYMENT, None)
    assert two.TransactionRecord.from_image(written[-1]).to_payment() == PAYMENT
    one, two = store_of("file_manager", writing), store_of("file_manager", reading)
    one.FileStore._put(one.Stored(DOCUMENT, "s" * 64, "r.pdf"), None)
    assert two.FileRecord.from_image(written[-1]).to_file() == DOCUMENT
