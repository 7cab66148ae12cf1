"""The calls that the apps make to AWS, the gateway and each other, and their injected faults."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar, get_args

T = TypeVar("T")

Fault = Literal[
    "crash_before",  # the process crashes before the call
    "crash_after",  # the call is carried out, then the process crashes
    "throttled",  # rejected with 429
    "request_lost",  # no response; the request is not carried out
    "response_lost",  # no response, although the request is carried out
    "delayed",  # no response; the request is carried out at some later time
    "error",  # the called side fails without carrying out the request
    "error_after",  # the called side fails after it has carried out the request
    "garbage",  # carried out; the response violates the contract
    "repeated",  # carried out twice: the client retries because the first response was lost
    "partial",  # of a batch, every second entry is rejected
    "connection_refused",  # no connection
    "delayed_by_aws",  # like "delayed", for calls to AWS
]
RANDOM_FAULTS: tuple[Fault, ...] = get_args(Fault)[:-2]
"""The faults that a random schedule uses; to it the last two are the same as ``request_lost``."""

FaultSchedule = Callable[[tuple[str, ...], str], Fault | None]
"""Chooses the fault of a call from the hops and the name of the call."""


class ProcessCrashed(BaseException):
    """The process stops here, as with ``kill -9``: no ``except Exception`` catches it."""


class ExternalCalls:
    """Records every call that leaves a process, and injects faults into these calls.

    Attributes
    ----------
    made
        The names of all calls so far, oldest first.
    made_by
        The hop and the name of each call that was made by a hop.
    injected
        The injected faults: the name of the call, and the fault.
    retries
        Who had to retry something, oldest first: ``"client"``, ``"stream"``, ``"Lambda"`` ….
    hops
        The API or function that is running, preceded by those that called it.
    on_crash
        Called whenever a process crashes.
    fault_schedule
        Chooses the fault of every call for which none was planned.
    """

    def __init__(self) -> None:
        self.made: list[str] = []
        self.made_by: list[tuple[str, str]] = []
        self.injected: list[tuple[str, str]] = []
        self.retries: list[str] = []
        self.hops: tuple[str, ...] = ()
        self.on_crash: Callable[[], None] = lambda: None
        self.fault_schedule: FaultSchedule = lambda _hops, _name: None
        self._plans: dict[int, Fault | Callable[[], None]] = {}
        self._plans_by_name: dict[str, Fault | Callable[[], None]] = {}

    def plan(self, calls_ahead: int, event: Fault | Callable[[], None]) -> None:
        """Plan a fault or an interruption of a future call.

        Parameters
        ----------
        calls_ahead
            Position of the call, counted from now; 1 is the next call.
        event
            A fault, or a function that runs just before the call (an overlapping process).
        """
        self._plans[len(self.made) + calls_ahead] = event

    def plan_at(self, name: str, event: Fault | Callable[[], None]) -> None:
        """Plan a fault or an interruption of the next call with a given name.

        Parameters
        ----------
        name
            Name of the call, as recorded in ``made``.
        event
            A fault, or a function that runs just before the call (an overlapping process).
        """
        self._plans_by_name[name] = event

    def clear_plans(self) -> None:
        """Cancel what was planned and has not happened."""
        self._plans.clear()
        self._plans_by_name.clear()

    @contextmanager
    def hop(self, name: str, callers: tuple[str, ...] = ()) -> Iterator[None]:
        """Attribute the calls made within the context to a hop.

        Parameters
        ----------
        name
            The API or function that runs.
        callers
            The hops that wait for it, outermost first.
        """
        before = self.hops
        self.hops = (*callers, name)
        try:
            yield
        finally:
            self.hops = before

    def call(self, name: str, do: Callable[[], T], do_with_fault: Callable[[Fault], T]) -> T:
        """Make a call, with the fault that was planned or scheduled for it.

        Parameters
        ----------
        name
            Name of the call; the same in every run with the same choices.
        do
            Carries out the call.
        do_with_fault
            Carries out the call, or not, with a fault other than a crash.

        Raises
        ------
        ProcessCrashed
            If the fault is a crash.
        """
        self.made.append(name)
        if self.hops:
            self.made_by.append((self.hops[-1], name))
        event = (
            self._plans.pop(len(self.made), None)
            or self._plans_by_name.pop(name, None)
            or self.fault_schedule(self.hops, name)
        )
        if event is None:
            return do()
        if callable(event):
            event()
            return do()
        self.injected.append((name, event))
        if event in ("crash_before", "crash_after"):
            if event == "crash_after":
                do()
            self.on_crash()
            raise ProcessCrashed(name)
        return do_with_fault(event)
