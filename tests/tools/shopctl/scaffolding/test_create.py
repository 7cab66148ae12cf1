"""`./shop new` in a copy of the repository: services of each kind, complete and green.

The tests build on each other: each service is added beside those before it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from shopctl.local import environment
from shopctl.project.layout import Layout
from support.http import http
from support.installation import install_tools
from support.paths import ROOT
from support.running_shop import ACCOUNT, Shop
from support.waiting import eventually

KINDS = {
    "inventory": ("--private", "--table", "--listens", "orders:order.placed"),
    "reviews": (
        *("--emits", "review.posted", "--emits", "review.edited", "--emits", "review.withdrawn"),
        *("--calls", "toys:getToy", "--calls", "toys:searchToys"),
        *("--calls", "orders:changeOrder", "--calls", "toys:createToy"),
    ),
    "greeter": ("--public",),
    "auditor": (
        *("--listens", "payments:payment.succeeded", "--listens", "payments:payment.refunded"),
        *("--listens", "reviews:review.posted"),
    ),
    "catalog_feed": ("--public", "--table", "--calls", "toys:searchToys"),
}
IGNORED = shutil.ignore_patterns(".*", "__pycache__", "node_modules")


@dataclass
class Checkout:
    """A copy of the repository that services are added to."""

    root: Path

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in the checkout."""
        return subprocess.run(
            command,
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root / "tools")},
            capture_output=True,
            text=True,
            check=False,
        )

    def new(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `./shop new`."""
        return self.run(sys.executable, "-m", "shopctl", "new", *arguments)

    def files(self) -> dict[str, bytes]:
        """Return all files, apart from what tools leave behind."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and not {"__pycache__", ".shop"} & set(path.parts)
        }


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    root = tmp_path_factory.mktemp("new") / "checkout"
    shutil.copytree(ROOT, root, symlinks=True, ignore=IGNORED)
    for path in ROOT.glob("apps/*/.chalice"):
        shutil.copytree(path, root / path.relative_to(ROOT))
    shutil.copy(ROOT / ".importlinter", root)
    # what is installed is shared with the repository, and installed there: the programs of an
    # environment contain its path
    install_tools()
    layout = Layout(ROOT, ROOT / ".shop")
    layout.dependencies.mkdir(exist_ok=True)
    for name in ("lint", "types", "check"):
        environment.prepare(layout, name, name)
    (root / ".shop").mkdir()
    for shared in (".venv", ".shop/venvs", ".shop/dependencies"):
        (root / shared).symlink_to(ROOT / shared)
    yield Checkout(root)
    shutil.rmtree(root)


def test_dry_run_lists_the_files_and_changes_nothing(checkout: Checkout) -> None:
    before = checkout.files()
    done = checkout.new("inventory", *KINDS["inventory"], "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "would write apps/inventory/app.py\n" in done.stdout
    assert checkout.files() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("toys",),
        ("in ventory",),
        ("i" * 60,),
        ("inventory", "--calls", "toys:eatToy"),
        ("inventory", "--listens", "orders:order.eaten"),
    ],
)
def test_refused_command_is_one_line_and_changes_nothing(
    checkout: Checkout, arguments: tuple[str, ...]
) -> None:
    before = checkout.files()
    done = checkout.new(*arguments)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert checkout.files() == before


def test_failure_while_writing_leaves_nothing_half_written(checkout: Checkout) -> None:
    # GIVEN a file that cannot be replaced, since a folder has its name
    before = checkout.files()
    blocked = checkout.root / "tests/unit/inventory/test_inventory_domain.py"
    blocked.mkdir(parents=True)
    # WHEN a service is created
    done = checkout.new("inventory", *KINDS["inventory"])
    # THEN it fails, and all other files are as they were
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    blocked.rmdir()
    blocked.parent.rmdir()
    assert checkout.files() == before
    assert not (checkout.root / "apps/inventory").exists()


@pytest.mark.parametrize("name", KINDS)
def test_service_of_each_kind_is_created(checkout: Checkout, name: str) -> None:
    done = checkout.new(name, *KINDS[name])
    assert done.returncode == 0, done.stderr
    assert f"apps/{name}/chalicelib/{name}/service.py" in done.stdout
    assert (checkout.root / "apps" / name / "vendor" / "chassis" / "api.py").exists()
    taken = checkout.new(name)
    assert taken.stderr.startswith(f"There is a service {name} already.")


def test_generated_code_passes_the_linters(checkout: Checkout) -> None:
    programs = ROOT / ".shop/venvs/lint/bin"
    for command in (
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("lint-imports", "--no-cache"),
        ("python", "requirements/check_imports.py"),
    ):
        done = checkout.run(str(programs / command[0]), *command[1:])
        assert done.returncode == 0, done.stdout + done.stderr


def test_generated_code_is_typed(checkout: Checkout) -> None:
    layout = Layout(ROOT, ROOT / ".shop")
    packages = [part for name in KINDS for part in ("-p", f"chalicelib.{name}")]
    mypy = str(layout.python_of("types").with_name("mypy"))
    done = checkout.run(mypy, "-p", "contracts", *packages)
    assert done.returncode == 0, done.stdout


def test_generated_services_keep_the_ground_rules(checkout: Checkout) -> None:
    done = checkout.run(sys.executable, "-m", "shopctl", "check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_generated_tests_pass_with_those_of_all_events(checkout: Checkout) -> None:
    generated = [
        str(path.relative_to(checkout.root))
        for name in KINDS
        for path in checkout.root.glob(f"tests/*/**/test_{name}*.py")
    ]
    assert len(generated) >= 2 * len(KINDS)
    done = checkout.run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *("tests/contract/test_events.py", "tests/component/test_health.py", *generated),
    )
    assert done.returncode == 0, done.stdout


def signed_call(shop: Shop, method: str, service: str, body: bytes = b"") -> Any:
    """Call the collection of a private service, and return the answer's JSON."""
    url = f"{shop.aws}/restapis/toyshop-local-{service}/api/_user_request_/{service}"
    request = AWSRequest(method, url, {"Content-Type": "application/json"}, body)
    SigV4Auth(Credentials(ACCOUNT, "local"), "execute-api", "us-east-1").add_auth(request)
    answer = http(method, url, body or None, headers=dict(request.headers.items()))
    assert answer.status in (200, 201), answer.body
    return answer.json


def test_generated_services_are_served_and_consume_events(
    checkout: Checkout, tmp_path: Path
) -> None:
    # GIVEN a running shop with a service that emits an event and one that listens to it
    for arguments in (
        ("stock", "--emits", "stock.reserved"),
        ("shelves", "--table", "--listens", "stock:stock.reserved"),
    ):
        done = checkout.new(*arguments)
        assert done.returncode == 0, done.stderr
    shop = Shop(tmp_path / "home", root=checkout.root)
    try:
        shop.up("--only", "stock,shelves", "--no-seed")
        assert shop.run_json("status")["services"] == {"shelves": "ok", "stock": "ok"}
        # WHEN one is called through its API
        created = signed_call(shop, "POST", "stock", b'{"name": "Kite"}')
        # THEN its event reaches the other
        (record,) = eventually(lambda: signed_call(shop, "GET", "shelves")["items"])
        assert record["name"] == f"shop.stock.reserved.v1 {created['id']}"
    finally:
        shop.run("down", "--purge")
