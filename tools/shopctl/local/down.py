"""Stops the shop without losing events or data."""

import shutil

from shopctl.local import activity, processes, recovery, up
from shopctl.local.progress import Progress
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.running_shop import Process, RunningShop

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
    _stop_aws(state["aws"], progress)
    with progress.step("Processes stopped") as step:
        up.stop([process for process in state.processes if process is not edge], progress)
        is_saved = not recovery.is_needed(layout)
        step.note = "state saved" if is_saved else ""
    if not is_saved:
        progress.warn(
            "aws has ended without saving its state."
            " Changes since its last snapshot, usually a few seconds ago, are lost."
        )
    layout.state.unlink(missing_ok=True)


def _stop_aws(aws: Process, progress: Progress) -> None:
    """Wait until pending events are delivered; stop an AWS that does not answer."""
    if not aws.is_alive():
        progress.warn("aws had already ended.")
        return
    try:
        with progress.step("Events delivered") as step:
            pending = activity.wait_until_idle(aws.url, seconds=_DRAIN_SECONDS)
            step.note = ", ".join(f"{count} {name} pending" for name, count in pending.items())
    except ShopProblem as problem:
        progress.warn(f"{problem.what} Pending events are not waited for.")
        if not activity.answers(aws.url):
            processes.stop(aws, _HUNG_GRACE_SECONDS)


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
