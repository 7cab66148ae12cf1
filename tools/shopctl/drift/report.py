"""Renders differences as lines of text."""

import json
from collections.abc import Iterator
from typing import Any

from shopctl.drift.change import Change
from shopctl.drift.live import Difference, Drift
from shopctl.drift.planned import Stack

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_STATES = {"missing": "is missing", "changed": "differs", "extra": "is not in the repository"}
_VALUE_LENGTH = 160


def stacks(planned: list[Stack]) -> Iterator[str]:
    """Yield what a deployment would do to each stack."""
    for stack in planned:
        yield f"{stack.name} {stack.outcome}"
        for change in stack.changes:
            yield f"  {_line(change)}"
        for change in stack.code:
            yield f"  {_line(change, 'code: ')}"


def differences(drift: Drift) -> Iterator[str]:
    """Yield how the stage differs from the repository."""
    for found in drift.differences:
        yield f"{found.kind} {found.name} {_state(found)}"
        for change in found.changes:
            yield f"  {_line(change)}"
    if drift.not_compared:
        counted = (f"{count} {kind}" for kind, count in drift.not_compared.items())
        yield f"not compared: {', '.join(counted)}"


def _state(found: Difference) -> str:
    if found.state != "extra":
        return _STATES[found.state]
    owner = f"belongs to the stack {found.stack}" if found.stack else "belongs to no stack"
    return f"{_STATES['extra']}; {owner}"


def _line(change: Change, prefix: str = "") -> str:
    line = f"{_SIGNS[change.kind]} {prefix}{change.path}"
    if change.kind == "changed" and (change.old, change.new) != (None, None):
        return f"{line}: {_value(change.old)} → {_value(change.new)}"
    value = change.new if change.kind == "added" else change.old
    return line if value is None else f"{line}: {_value(value)}"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _VALUE_LENGTH else f"{text[:_VALUE_LENGTH]}…"
