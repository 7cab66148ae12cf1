"""Stops the shop without losing events or data."""

import shutil

from shopctl.local import activity, processes, up
from shopctl.local.progress import Progress
from shopctl.project.layout import Layout
from shopctl.project.running_shop import RunningShop

_DRAIN_SECONDS = 30.0
_HUNG_GRACE_SECONDS = 10.0
# slow to create again, and not data of the shop
_INSTALLED = ("venvs", "dependencies", "build", "lock")


def down(layout: Layout, state: RunningShop, progress: Progress) -> None:
    """Wait until pending events are delivered, then stop every process."""
    if state.supervisor:
        processes.stop(state.supervisor)
    # what it has not added follows after the next start
    if state.seeding:
        processes.stop(state.seeding)
    edge = state["edge"]
    if not processes.stop(edge):
        progress.warn("The edge did not stop in time and was killed.")
    aws = state["aws"]
    stopped = "Processes stopped, state saved"
    if activity.hangs(aws):
        stopped = "Processes stopped"
        progress.warn("aws does not answer; its most recent changes may be lost.")
        processes.stop(aws, _HUNG_GRACE_SECONDS)
    elif aws.is_alive():
        with progress.step("Events delivered") as step:
            pending = activity.wait_until_idle(aws.url, seconds=_DRAIN_SECONDS)
            step.note = ", ".join(f"{count} {name} pending" for name, count in pending.items())
    with progress.step(stopped):
        up.stop([process for process in state.processes if process is not edge], progress)
    layout.state.unlink(missing_ok=True)


def stop_leftovers(state: RunningShop, progress: Progress) -> None:
    """Stop what still runs of a shop whose processes have all ended, such as AWS's workers."""
    left = (*state.processes, state.seeding, state.supervisor)
    up.stop([process for process in left if process], progress)


def purge(layout: Layout) -> None:
    """Delete the shop's data; installed packages and the backups of all stages stay."""
    if not layout.home.exists():
        return
    for path in layout.home.iterdir():
        if path.name in _INSTALLED or path == layout.backups:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def has_backups(layout: Layout) -> bool:
    """Return whether a backup of any stage is in its default place."""
    return any(path.is_file() for path in layout.backups.rglob("*"))
