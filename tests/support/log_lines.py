"""The lines that the chassis logged, parsed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chassis import log
from support.exported import Metric, metrics_in

Lines = Callable[[], list[dict[str, Any]]]
Metrics = Callable[[], list[Metric]]
Logged = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return a function that returns all events logged so far."""
    monkeypatch.setattr(log, "_common", {})
    monkeypatch.setattr(log, "_dimensions", {})
    monkeypatch.setattr(log, "_threshold", 0)
    monkeypatch.setattr(log, "_out", None)
    log.configure("tests", "unit")
    logged: list[dict[str, Any]] = []

    def read() -> list[dict[str, Any]]:
        logged.extend(json.loads(line) for line in capsys.readouterr().out.splitlines())
        return [line for line in logged if "message" in line]

    return read


@pytest.fixture
def details(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> Lines:
    """Return a function that returns the DEBUG lines so far; every trace has them."""
    monkeypatch.setattr(log, "DEBUG_PERCENT", 100)
    return lambda: [line for line in lines() if line["level"] == "DEBUG"]


@pytest.fixture
def metrics(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> Metrics:
    """Return a function that returns the metrics recorded so far."""
    written: list[dict[str, Any]] = []
    write = log._write

    def spy(line: dict[str, Any]) -> None:
        written.append(line)
        write(line)

    monkeypatch.setattr(log, "_write", spy)
    return lambda: [metric for line in written for metric in metrics_in(line)]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Logged:
    """Return a function that returns the lines with a message that an app has logged so far."""
    written: list[dict[str, Any]] = []

    def read(message: str) -> list[dict[str, Any]]:
        written.extend(json.loads(line) for line in capsys.readouterr().out.splitlines())
        return [line for line in written if line.get("message") == message]

    return read
