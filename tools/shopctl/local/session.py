"""Runs `./shop up`: starts the shop, stays in the foreground, stops it."""

import contextlib
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import NoReturn

from shopctl.local import activity, down, seeding, up, users
from shopctl.local.lock import exclusive
from shopctl.local.progress import Progress
from shopctl.project import running_shop, services
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.running_shop import RunningShop

_WATCH_SECONDS = 1.0


def bring_up(layout: Layout, options: up.Options, *, detach: bool) -> None:
    """Start the shop, or bring a running one up to date.

    Raises
    ------
    ShopProblem
        If a step fails; everything that was started is stopped again.
    """
    progress = Progress()
    if not services.load(layout.apps):
        raise ShopProblem(f"There are no services in {layout.apps}.", "Check the checkout.")
    with _interruptible(), contextlib.ExitStack() as starting:
        starting.enter_context(exclusive(layout))
        state = running_shop.read(layout.state)
        dead = state.dead() if state else []
        if state and not dead:
            _refresh(layout, state, options, progress)
            return
        if state and len(dead) < len(state.processes):
            progress.warn(f"{', '.join(dead)} had ended; the whole shop is restarted.")
            down.down(layout, state, progress)
        elif state:
            down.stop_leftovers(state, progress)
        start, ready = up.Start(layout, options, progress), None
        began = time.monotonic()
        try:
            ready = start.run()
            _welcome(ready, progress, time.monotonic() - began)
            if not detach:
                progress.say("\nPress Ctrl-C to stop the shop. Its data is kept.")
                starting.close()
                _watch(layout, ready, progress)
        except BaseException as error:
            # a second Ctrl-C must not interrupt the saving of state
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            if ready and isinstance(error, KeyboardInterrupt):
                starting.close()
                with exclusive(layout):
                    # the supervisor may have started processes again
                    down.down(layout, running_shop.read(layout.state) or ready, progress)
                return
            up.stop(start.processes, progress)
            layout.state.unlink(missing_ok=True)
            raise


def _refresh(layout: Layout, state: RunningShop, options: up.Options, progress: Progress) -> None:
    progress.say(f"The shop is already running at {state['edge'].url}")
    names = options.only or state.services
    chosen = services.load(layout.apps, names)
    merged = [
        service.name
        for service in services.load(layout.apps)
        if service.name in {*state.services, *(service.name for service in chosen)}
    ]
    state = up.supervised(layout, state)
    if up.converge(layout, state, chosen, progress):
        running_shop.write(layout.state, replace(state, services=tuple(merged)))
        activity.checkpoint(state["aws"].url)
    seeding.continued(layout, running_shop.read(layout.state) or state)


def _welcome(state: RunningShop, progress: Progress, seconds: float) -> None:
    edge = state["edge"].url
    progress.say(f"\nThe toy shop is ready after {seconds:.1f} s.")
    progress.say(f"  page         {edge}/")
    progress.say(f"  API          {edge}/api  (described at {edge}/api/openapi.json)")
    progress.say(f"  AWS          {state['aws'].url}")
    progress.say(f"  gateway      {state['gateway'].url}")
    if {"storefront_api", "toys"} <= set(state.services):
        progress.say(f"Users: {', '.join(user.email for user in users.USERS)}")
        progress.say(f"Password: {users.PASSWORD}   Try:")
        progress.say(f"  curl '{edge}/api/toys?q=puzzle&limit=3'")
    else:
        progress.say("Try:")
        progress.say(f"  curl '{state['aws'].url}/_toyshop/activity'")


def _watch(layout: Layout, state: RunningShop, progress: Progress) -> None:
    """Warn when a process ends, until another command stops the shop."""
    known = {process.name: process for process in state.processes}
    while (now := running_shop.read(layout.state)) is not None:
        for process in now.processes:
            log = f"See {layout.logs}/{process.name}.log."
            if process.given_up and not known[process.name].given_up:
                progress.warn(f"{process.name} has ended: {process.given_up}.")
            elif process.pid != known[process.name].pid:
                progress.warn(f"{process.name} had ended and was started again. {log}")
            known[process.name] = process
        time.sleep(_WATCH_SECONDS)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Make SIGTERM and a closed terminal stop a command as Ctrl-C does."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    names = (signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.signal(name, interrupt) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
