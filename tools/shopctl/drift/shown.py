"""Differences as lines for a person."""

import json
from collections.abc import Iterator
from typing import Any

from shopctl.drift.change import Change
from shopctl.drift.live import Drift, Thing
from shopctl.drift.planned import Stack

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_STATES = {"missing": "is missing", "changed": "differs", "extra": "is not in the repository"}
_VALUE_LENGTH = 160


def stacks(planned: list[Stack]) -> Iterator[str]:
    """Yield what a deploy would do to each stack."""
    for stack in planned:
        yield f"{stack.name} {stack.outcome}"
        for change in stack.changes:
            yield f"  {_line(change)}"
        for change in stack.code:
            yield f"  {_line(change, 'code: ')}"


def things(drift: Drift) -> Iterator[str]:
    """Yield what differs on the stage, from the repository's to the stage's."""
    for thing in drift.things:
        yield f"{thing.kind} {thing.name} {_state(thing)}"
        for change in thing.changes:
            yield f"  {_line(change)}"
    if drift.not_compared:
        counted = (f"{count} {kind}" for kind, count in drift.not_compared.items())
        yield f"not looked at: {', '.join(counted)}"


def _state(thing: Thing) -> str:
    if thing.state != "extra":
        return _STATES[thing.state]
    owner = f"the stack {thing.stack} owns it" if thing.stack else "no stack owns it"
    return f"{_STATES['extra']}; {owner}"


def _line(change: Change, what: str = "") -> str:
    line = f"{_SIGNS[change.kind]} {what}{change.path}"
    if change.kind == "changed" and (change.old, change.new) != (None, None):
        return f"{line}: {_value(change.old)} → {_value(change.new)}"
    shown = change.new if change.kind == "added" else change.old
    return line if shown is None else f"{line}: {_value(shown)}"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _VALUE_LENGTH else f"{text[:_VALUE_LENGTH]}…"
