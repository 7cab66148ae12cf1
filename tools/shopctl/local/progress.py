"""Shows a command's steps, each with its duration."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.status import Status


@dataclass
class Progress:
    """Steps on a terminal; plain lines elsewhere.

    Attributes
    ----------
    console
        The terminal or file that the steps are written to.
    """

    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator["Step"]:
        """Show a step while it runs and, with its time, when it is done."""
        started = time.monotonic()
        with self._spinner(title) as status:
            step = Step(title, status)
            yield step
        seconds = time.monotonic() - started
        note = f" [dim]{escape(step.note)}[/dim]" if step.note else ""
        self.console.print(f"[green]✓[/green] {escape(title)}{note} [dim]{seconds:.1f} s[/dim]")

    def say(self, text: str) -> None:
        """Show a line."""
        self.console.print(escape(text))

    def warn(self, text: str) -> None:
        """Show a warning."""
        self.console.print(f"[yellow]![/yellow] {escape(text)}")

    def _spinner(self, title: str) -> contextlib.AbstractContextManager[Status | None]:
        if self.console.is_terminal:
            return self.console.status(escape(title))
        return contextlib.nullcontext()


@dataclass
class Step:
    """A running step.

    Attributes
    ----------
    title
        Its name.
    status
        The spinner; ``None`` where the output is not a terminal.
    note
        Its result in a few words, shown when it is done.
    """

    title: str
    status: Status | None
    note: str = ""

    def show(self, done: int, of: int) -> None:
        """Show how many parts are done, out of how many."""
        if self.status:
            self.status.update(f"{escape(self.title)} [dim]{done}/{of}[/dim]")
