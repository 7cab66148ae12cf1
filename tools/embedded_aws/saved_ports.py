"""Moves the saved state to other ports: it contains URLs of queues, APIs and the gateway."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

# what customers and staff have stored is not rewritten
_DATA = {"dynamodb.json"}
_URL = re.compile(r"(http://127\.0\.0\.1:)(\d+)\b")
_QUEUE_URL = re.compile(r"http://127\.0\.0\.1:(\d+)/\d{12}/")


def move(state: Path, ports: Mapping[str, int]) -> None:
    """Rewrite the URLs in a saved state whose ports differ from the present ones.

    By itself ministack looks for a queue under the URL with its present port, and so reads none
    of the queues that it has saved with another port.

    Parameters
    ----------
    state
        The directory of the saved state.
    ports
        Ports on loopback by process name: ``aws`` and, where functions call them, ``gateway`` and
        ``edge``.
    """
    record = state / "ports.json"
    previous = _recorded(record) or _ports_of_queues(state / "sqs.json")
    moved = {
        str(port): str(ports[name])
        for name, port in previous.items()
        if name in ports and ports[name] != port
    }
    if moved:
        for file in state.glob("*.json"):
            if file != record and file.name not in _DATA:
                _rewrite(file, moved)
    state.mkdir(parents=True, exist_ok=True)
    _replace(record, json.dumps({**previous, **ports}))


def _recorded(record: Path) -> dict[str, int]:
    return dict(json.loads(record.read_text())) if record.exists() else {}


def _ports_of_queues(queues: Path) -> dict[str, int]:
    """Return the port of a state that was saved before ports were recorded."""
    found = _QUEUE_URL.search(queues.read_text()) if queues.exists() else None
    return {"aws": int(found[1])} if found else {}


def _rewrite(file: Path, moved: Mapping[str, str]) -> None:
    text = file.read_text()
    # all ports at once: two processes may have swapped theirs
    rewritten = _URL.sub(lambda url: url[1] + moved.get(url[2], url[2]), text)
    if rewritten != text:
        _replace(file, rewritten)


def _replace(file: Path, text: str) -> None:
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(text)
    unfinished.rename(file)
