"""Finds secrets and personal data in the logs and the telemetry of a running shop."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from support.http import http
from support.running_shop import Shop

PATTERNS = {
    "an email address": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "a token": re.compile(r"eyJ[\w-]{8,}\.[\w-]+"),
    "an Authorization header": re.compile(r"(?i)\bbearer [\w-]{8,}|AWS4-HMAC-SHA256 Credential"),
    "a signed URL": re.compile(r"X-Amz-Signature=\w|[?&]Signature=\w"),
    "a payment secret": re.compile(r"pi_\w+_secret_\w+|\b(?:sk|rk|whsec)_\w+"),
}


def leaks(text: str, secrets: dict[str, str]) -> list[str]:
    """Return the kinds of secrets that a text contains."""
    found = [kind for kind, pattern in PATTERNS.items() if pattern.search(text)]
    return found + [kind for kind, secret in secrets.items() if secret in text]


def lines_of(shop: Shop) -> Iterator[tuple[str, str]]:
    """Yield each line of each process's log and each row of telemetry, with its origin."""
    for path in sorted(Path(shop.home, "logs").rglob("*.log")):
        for line in path.read_text(errors="replace").splitlines():
            yield path.name, line
    http("POST", f"{shop.aws}/_toyshop/flush-telemetry")
    with contextlib.closing(sqlite3.connect(shop.home / "telemetry.db")) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            rows = database.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in rows.description]
            writer = "function" if "function" in names else "name"
            for row in rows:
                yield f"{table} {row[names.index(writer)]}", " ".join(map(str, row))


def secrets_in_logs(shop: Shop, secrets: dict[str, str]) -> dict[tuple[str, str], str]:
    """Return one line for each origin and kind of secret in it."""
    return {
        (name, kind): line[:1000] for name, line in lines_of(shop) for kind in leaks(line, secrets)
    }
