"""Adds the pictures of the seed catalogue behind an open shop.

It runs as a process of its own, from `./shop up` until every picture is there or the shop stops.
"""

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from shopctl.local import activity, environment, processes, seed
from shopctl.local.progress import Step
from shopctl.project import running_shop
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.running_shop import RunningShop

# few enough that the shop stays fast meanwhile
_PARALLEL = 2
_POLL_SECONDS = 0.2
# the edge may be started again meanwhile
_PAUSES = (2.0, 5.0, 15.0)
_LAST_PICTURES_SECONDS = 60.0


def add_toys(layout: Layout, shop: RunningShop, step: Step) -> RunningShop:
    """Add the toys that a shop lacks; pictures that are missing follow in the background.

    Returns
    -------
    RunningShop
        The shop's new state, which is also written.
    """
    result = seed.seed(shop["edge"].url, _record(layout), step.show, with_pictures=False)
    step.note = str(result)
    if result.without_pictures:
        step.note += "; their pictures follow"
        _write(layout, 0, 0)
        return continued(layout, shop)
    _progress(layout).unlink(missing_ok=True)
    return shop


def continued(layout: Layout, shop: RunningShop) -> RunningShop:
    """Start adding pictures, unless that is done or in progress already.

    Returns
    -------
    RunningShop
        The shop's new state, which is also written.
    """
    if not _progress(layout).exists() or (shop.seeding and shop.seeding.is_alive()):
        return shop
    process = processes.start(
        "seeding",
        [sys.executable, "-m", "shopctl.local.seeding", str(layout.root), str(layout.home)],
        port=0,
        log=layout.logs / "seeding.log",
        environment=environment.variables(PYTHONPATH=str(layout.tools)),
    )
    shop = replace(shop, seeding=process)
    running_shop.write(layout.state, shop)
    return shop


def complete(layout: Layout, shop: RunningShop, step: Step) -> None:
    """Add everything that a shop lacks of the catalogue, after what is in progress.

    Raises
    ------
    ShopProblem
        If the shop does not answer, or refuses a toy or a picture.
    """
    with _when_free(layout, step):
        result = seed.seed(shop["edge"].url, _record(layout), step.show)
        if result.created or result.completed:
            activity.wait_until_idle(shop["aws"].url, seconds=_LAST_PICTURES_SECONDS)
        _progress(layout).unlink(missing_ok=True)
    step.note = str(result)


@contextlib.contextmanager
def _when_free(layout: Layout, step: Step) -> Iterator[None]:
    """Hold the lock of those who add pictures, and show their progress until then."""
    lock = _lock(layout)
    while True:
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=_POLL_SECONDS)
            break
        step.show(*_read(layout))
    try:
        yield
    finally:
        lock.release()


def status(layout: Layout, shop: RunningShop) -> dict[str, str | int]:
    """Describe the pictures of the seed catalogue.

    Returns
    -------
    dict
        ``status`` is ``complete``, ``adding`` or ``interrupted``; in the latter two cases, ``done``
        and ``of`` count pictures.
    """
    if not _progress(layout).exists():
        return {"status": "complete"}
    alive = shop.seeding is not None and shop.seeding.is_alive()
    done, of = _read(layout)
    return {"status": "adding" if alive else "interrupted", "done": done, "of": of}


def _record(layout: Layout) -> Path:
    return layout.home / "seed.json"


def _progress(layout: Layout) -> Path:
    """Return the file that exists while pictures are missing."""
    return layout.home / "seeding.json"


def _lock(layout: Layout) -> FileLock:
    return FileLock(layout.home / "seeding.lock")


def _write(layout: Layout, done: int, of: int) -> None:
    path = _progress(layout)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps([done, of]))
    unfinished.replace(path)


def _read(layout: Layout) -> tuple[int, int]:
    try:
        done, of = json.loads(_progress(layout).read_text())
    except FileNotFoundError:
        return 0, 0
    return int(done), int(of)


def main(root: str, home: str) -> int:
    """Add the pictures that the running shop lacks.

    Parameters
    ----------
    root, home
        The directories of the checkout and of the shop's files.

    Returns
    -------
    int
        Exit status of the process.
    """
    layout = Layout(Path(root), Path(home))
    shop = running_shop.read(layout.state)
    if shop is None:
        return 1
    with _lock(layout):
        for pause in (*_PAUSES, None):
            try:
                result = seed.seed(
                    shop["edge"].url,
                    _record(layout),
                    lambda done, of: _write(layout, done, of),
                    parallel=_PARALLEL,
                )
                activity.wait_until_idle(shop["aws"].url, seconds=_LAST_PICTURES_SECONDS)
                activity.checkpoint(shop["aws"].url)
                break
            except ShopProblem as problem:
                _say(str(problem))
                if pause is None:
                    _say("Run `./shop seed` to add the remaining pictures.")
                    return 1
                time.sleep(pause)
        _progress(layout).unlink(missing_ok=True)
        _say(str(result))
    return 0


def _say(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
