"""The lines that the chassis logged, parsed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chassis import log

Lines = Callable[[], list[dict[str, Any]]]
Logged = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return a function that returns all lines logged so far."""
    monkeypatch.setattr(log, "_common", {})
    monkeypatch.setattr(log, "_threshold", 0)
    monkeypatch.setattr(log, "_out", None)
    log.configure("tests", "unit")
    logged: list[dict[str, Any]] = []

    def read() -> list[dict[str, Any]]:
        logged.extend(json.loads(line) for line in capsys.readouterr().out.splitlines())
        return logged

    return read


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Logged:
    """Return a function that returns the lines with a message that an app has logged so far."""
    written: list[dict[str, Any]] = []

    def read(message: str) -> list[dict[str, Any]]:
        written.extend(json.loads(line) for line in capsys.readouterr().out.splitlines())
        return [line for line in written if line.get("message") == message]

    return read
