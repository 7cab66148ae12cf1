"""Stops the shop so that nothing is lost."""

import shutil

from shopctl.local import activity, processes, up
from shopctl.local.progress import Progress
from shopctl.project.layout import Layout
from shopctl.project.running_shop import RunningShop

_DRAIN_SECONDS = 30.0
# what can be made again and takes long to make
_KEPT_BY_PURGE = ("venvs", "dependencies", "lock")


def down(layout: Layout, state: RunningShop, progress: Progress) -> None:
    """Wait for what is on its way, then stop every process."""
    edge = state["edge"]
    if not processes.stop(edge):
        progress.warn("edge did not stop by itself and was ended.")
    if state["aws"].is_alive():
        with progress.step("Events delivered") as step:
            left = activity.wait_until_quiet(state["aws"].url, seconds=_DRAIN_SECONDS)
            step.note = ", ".join(f"{count} {name} left" for name, count in left.items())
    with progress.step("Processes stopped, state saved"):
        up.stop([process for process in state.processes if process is not edge], progress)
    layout.state.unlink(missing_ok=True)


def purge(layout: Layout) -> None:
    """Delete everything the shop keeps but what it would only download again."""
    if not layout.home.exists():
        return
    for path in layout.home.iterdir():
        if path.name in _KEPT_BY_PURGE:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
