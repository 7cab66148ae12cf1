"""One running shop for all workers of a run of pytest."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from support.installation import install_tools
from support.running_shop import Shop


@pytest.fixture(scope="session")
def shop(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Iterator[Shop]:
    """Start a shop for all workers, or use the running one that ``--shop-home`` names."""
    home = request.config.getoption("--shop-home")
    if home:
        yield _running_shop(Path(home).resolve())
        return
    folder = tmp_path_factory.getbasetemp()
    with _shared_shop(folder if worker_id == "master" else folder.parent) as shop:
        yield shop


@contextmanager
def _shared_shop(folder: Path) -> Iterator[Shop]:
    """Use the shop of a run: the first worker starts it, the last one stops it.

    Parameters
    ----------
    folder
        A directory of the run that all of its workers see.
    """
    state = folder / "shop.json"
    lock = FileLock(folder / "shop.lock")
    home = folder / "shop"
    with lock:
        if not state.exists():
            _start(home, state)
        shop = _count(state, home, 1)
    try:
        yield shop
    finally:
        with lock:
            _count(state, home, -1)
            if not json.loads(state.read_text(encoding="utf-8"))["workers"]:
                state.unlink()
                shop.run("down", "--purge")
                shutil.rmtree(home, ignore_errors=True)


def _running_shop(home: Path) -> Shop:
    """Return the shop that runs with a home directory (``SHOP_HOME``)."""
    status = Shop(home).run_json("status")
    urls = {name: process["url"] for name, process in status["processes"].items()}
    ports = {name: int(url.rpartition(":")[2]) for name, url in urls.items()}
    return Shop(home, port=ports["edge"], aws_port=ports["aws"], gateway_port=ports["gateway"])


def _start(home: Path, state: Path) -> None:
    install_tools()
    shop = Shop(home)
    try:
        shop.up()
        shop.wait_for_pictures()
    except BaseException:
        shop.run("down", "--purge")
        raise
    ports = {"port": shop.port, "aws_port": shop.aws_port, "gateway_port": shop.gateway_port}
    _write(state, {"workers": 0, "ports": ports})


def _count(state: Path, home: Path, change: int) -> Shop:
    """Change the number of workers that use the shop, and return it."""
    known = json.loads(state.read_text(encoding="utf-8"))
    known["workers"] += change
    _write(state, known)
    return Shop(home, **known["ports"])


def _write(state: Path, known: dict[str, Any]) -> None:
    state.write_text(json.dumps(known), encoding="utf-8")
