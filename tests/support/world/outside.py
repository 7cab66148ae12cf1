"""What a process does to the world: each call is counted, and may end the process or go wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar, get_args

T = TypeVar("T")

Trouble = Literal[
    "dies_before",  # the process dies, and nothing was done
    "dies_after",  # it was done, and the process dies
    "throttled",  # refused, certainly
    "request_lost",  # silence, and nothing was done
    "answer_lost",  # silence, and it was done
    "late",  # silence, and it will be done at some time
    "faulty",  # a fault of the other side, which did nothing
    "faulty_after",  # a fault of the other side, which did it
    "garbage",  # done, and answered with something else
    "twice",  # done, repeated by the client below since the first answer was lost
    "partly",  # of a batch, every second entry is refused
    "refused",  # no connection came about
    "held_back",  # of AWS: silence, and it will be done at some time
]
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)[:-2]
"""What a schedule draws from; the other two are to it what ``request_lost`` is."""

Weather = Callable[[tuple[str, ...], str], Trouble | None]


class ProcessDied(BaseException):
    """The process stops here, as if by ``kill -9``: no ``except Exception`` sees it."""


class Outside:
    """The border of all processes: AWS, the gateway, the neighbours.

    Attributes
    ----------
    made
        The name of every call so far, oldest first.
    befell
        The troubles that came true, with the call that each befell.
    on_death
        What happens in the world when a process dies.
    hops
        Whose turn it is: an API or a function, and then the one that it has called, and so on.
    asked
        Of every call so far, the hop that made it and its name.
    again
        What had to be tried again so far, by whom.
    weather
        Told the hops and the name of a call, says what befalls it.
    """

    def __init__(self) -> None:
        self.made: list[str] = []
        self.befell: list[tuple[str, str]] = []
        self.on_death: Callable[[], None] = lambda: None
        self.hops: tuple[str, ...] = ()
        self.asked: list[tuple[str, str]] = []
        self.again: list[str] = []
        self.weather: Weather = lambda _hops, _name: None
        self._plans: dict[int, Trouble | Callable[[], None]] = {}
        self._plans_by_name: dict[str, Trouble | Callable[[], None]] = {}

    def plan(self, calls_ahead: int, trouble: Trouble | Callable[[], None]) -> None:
        """Plan what befalls a call to come; a function is what happens elsewhere meanwhile.

        Parameters
        ----------
        calls_ahead
            1 is the very next call.
        """
        self._plans[len(self.made) + calls_ahead] = trouble

    def plan_at(self, name: str, trouble: Trouble | Callable[[], None]) -> None:
        """Plan what befalls the next call of a name."""
        self._plans_by_name[name] = trouble

    @contextmanager
    def hop(self, name: str, asked_by: tuple[str, ...] = ()) -> Iterator[None]:
        """Have it be somebody's turn, who may have been called by others."""
        before = self.hops
        self.hops = (*asked_by, name)
        try:
            yield
        finally:
            self.hops = before

    def calm(self) -> None:
        """Forget what was planned and did not come true."""
        self._plans.clear()
        self._plans_by_name.clear()

    def call(self, name: str, do: Callable[[], T], spoiled: Callable[[Trouble], T]) -> T:
        """Make a call.

        Parameters
        ----------
        do
            Does it.
        spoiled
            Does it, or not, as a trouble other than death wants it.
        """
        self.made.append(name)
        if self.hops:
            self.asked.append((self.hops[-1], name))
        trouble = (
            self._plans.pop(len(self.made), None)
            or self._plans_by_name.pop(name, None)
            or self.weather(self.hops, name)
        )
        if trouble is None:
            return do()
        if callable(trouble):
            trouble()
            return do()
        self.befell.append((name, trouble))
        if trouble in ("dies_before", "dies_after"):
            if trouble == "dies_after":
                do()
            self.on_death()
            raise ProcessDied(name)
        return spoiled(trouble)
