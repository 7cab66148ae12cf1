"""`./shop top`: watch the local shop."""

import contextlib
import select
import shutil
import sys
import time
from collections.abc import Iterator

import click

from shopctl.cli.options import DEGRADED, condition, running
from shopctl.project import running_shop
from shopctl.project.layout import Layout

_PERIOD_SECONDS = 1.0
_WIDTH, _HEIGHT = 80, 24
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _END_OF_LINE, _END_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


@click.command("top")
@click.option("--once", is_flag=True, help="Print the figures once and exit.")
def top_command(once: bool) -> None:
    """Watch requests, failures, queues and dead letters live.

    The figures are those of the last minute; rates are those of the last 10 seconds. They are
    updated every second. `q` or Ctrl-C ends the command.

    If a process of the shop has ended, the second line names it. --once then exits with 3, and with
    1 if the shop is not running.
    """
    from shopctl.local import telemetry, top

    found = Layout.find()
    shop = running(found)
    url = shop["edge"].url
    is_terminal = sys.stdout.isatty() and not once
    with telemetry.opened(found.telemetry) as stored, _screen(is_terminal):
        watcher = top.Watcher(stored, shop.services)
        while True:
            size = shutil.get_terminal_size((_WIDTH, _HEIGHT))
            width, height = (size.columns, size.lines) if is_terminal else (_WIDTH, _HEIGHT)
            now = time.time()
            state = condition(running_shop.read(found.state))
            lines = top.layout(
                watcher.figures(now),
                url,
                now,
                width=width,
                height=height,
                absent=state.absent,
                is_measured=state.is_measured,
            )
            if not is_terminal:
                click.echo("\n".join(lines) + ("" if once else "\n"))
            else:
                drawn = f"{_END_OF_LINE}\n".join(lines)
                click.echo(f"{_HOME}{drawn}{_END_OF_LINE}{_END_OF_SCREEN}", nl=False)
            if once and state.absent:
                sys.exit(DEGRADED)
            if once or _quits(_PERIOD_SECONDS):
                return


@contextlib.contextmanager
def _screen(is_terminal: bool) -> Iterator[None]:
    """Switch to a screen of its own, on which keys are read at once, and back at the end."""
    if not is_terminal:
        yield
        return
    import termios
    import tty

    keyboard = sys.stdin.fileno() if sys.stdin.isatty() else None
    before = None if keyboard is None else termios.tcgetattr(keyboard)
    click.echo(_ENTER, nl=False)
    try:
        if keyboard is not None:
            tty.setcbreak(keyboard)
        yield
    finally:
        if keyboard is not None and before is not None:
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        click.echo(_LEAVE, nl=False)


def _quits(seconds: float) -> bool:
    """Wait, and return whether `q` was pressed."""
    if not sys.stdin.isatty():
        time.sleep(seconds)
        return False
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0] and sys.stdin.read(1) in ("q", "Q"):
            return True
    return False
