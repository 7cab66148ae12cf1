"""Fault injection into the responses of the API."""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal, get_args

from gateway_simulator.errors import Json

Kind = Literal[
    "slow", "error_500", "error_500_after", "timeout_after", "throttle", "reject", "garbage"
]

KINDS: tuple[Kind, ...] = get_args(Kind)
TIMED_KINDS: tuple[Kind, ...] = ("slow", "timeout_after")
METHODS = ("GET", "POST", "DELETE", "*")


@dataclass(frozen=True)
class Fault:
    """A fault and the requests that it is injected into.

    Attributes
    ----------
    kind
        Kind of fault.
    method
        HTTP method of the requests; `*` matches all.
    path
        Pattern of the requests' paths; `*` also matches slashes.
    seconds
        Delay, for the kinds in `TIMED_KINDS`.
    times
        Number of further requests that the fault is injected into.
    """

    kind: Kind
    method: str
    path: str
    seconds: float
    times: int

    def as_json(self) -> Json:
        """Return the fault as represented in the control API."""
        return {
            "match": {"method": self.method, "path": self.path},
            "kind": self.kind,
            "seconds": self.seconds,
            "times": self.times,
        }


class Faults:
    """The active faults, oldest first. They are not saved: a restart removes them."""

    def __init__(self) -> None:
        self._active: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Activate a fault."""
        self._active.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        self._active.clear()

    def consume(self, method: str, path: str) -> Fault | None:
        """Return the oldest fault that matches a request, or None, and count it as used once."""
        for position, fault in enumerate(self._active):
            if fault.method in (method, "*") and fnmatchcase(path, fault.path):
                if fault.times > 1:
                    self._active[position] = replace(fault, times=fault.times - 1)
                else:
                    del self._active[position]
                return fault
        return None

    def as_json(self) -> list[Json]:
        """Return the active faults as represented in the control API."""
        return [fault.as_json() for fault in self._active]
