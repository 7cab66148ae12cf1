"""Faults on demand: what a gateway does to its clients on a bad day."""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal, get_args

from gateway_simulator.errors import Json

Kind = Literal["slow", "error_500", "error_500_after", "timeout_after", "throttle", "garbage"]

KINDS: tuple[Kind, ...] = get_args(Kind)
TIMED_KINDS: tuple[Kind, ...] = ("slow", "timeout_after")
METHODS = ("GET", "POST", "DELETE", "*")


@dataclass(frozen=True)
class Fault:
    """One fault and the requests it is for.

    Attributes
    ----------
    kind
        What goes wrong.
    method, path
        Which requests; the path is a glob whose `*` also matches slashes.
    seconds
        How long the answer is held.
    times
        How many more requests it is for.
    """

    kind: Kind
    method: str
    path: str
    seconds: float
    times: int

    def as_json(self) -> Json:
        """Return the fault as the control API shows it."""
        return {
            "match": {"method": self.method, "path": self.path},
            "kind": self.kind,
            "seconds": self.seconds,
            "times": self.times,
        }


class Faults:
    """The faults that are set, oldest first. A restart forgets them."""

    def __init__(self) -> None:
        self._set: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Set a fault."""
        self._set.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        self._set.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the oldest fault for a request, used up once, or None."""
        for position, fault in enumerate(self._set):
            if fault.method in (method, "*") and fnmatchcase(path, fault.path):
                if fault.times > 1:
                    self._set[position] = replace(fault, times=fault.times - 1)
                else:
                    del self._set[position]
                return fault
        return None

    def as_json(self) -> list[Json]:
        """Return what is set and not used up."""
        return [fault.as_json() for fault in self._set]
