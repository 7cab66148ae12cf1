"""What Stripe's objects have in common: ids, lists, events."""

import secrets
import string

from gateway_simulator.errors import Json, no_such
from gateway_simulator.forms import Params
from gateway_simulator.store import UnitOfWork

API_VERSION = "2026-10-28.endive"

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """Return a new id such as `pi_…`."""
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(length))}"


def find(work: UnitOfWork, table: str, identifier: str) -> Json:
    """Return an object that a path names, or raise a 404.

    The table has the plural name of what it holds: `payment_intents`.
    """
    found = work.get(table, identifier)
    if found is None:
        kind = table.removesuffix("s")
        raise no_such(kind, identifier, "intent" if kind == "payment_intent" else "id", 404)
    return found


def page(work: UnitOfWork, table: str, params: Params, **filters: str | None) -> Json:
    """Return a page of a table's objects, newest first.

    Parameters
    ----------
    work
        Unit of work to read in.
    table
        What to list; also the last part of the list's address.
    params
        Source of `limit` (1 to 100, default 10) and `starting_after`.
    filters
        Values that members of the objects must have; those that are None do not filter.
    """
    limit = params.integer("limit", maximum=100) or 10
    after = params.text("starting_after")
    params.finish()
    wanted = {name: value for name, value in filters.items() if value is not None}
    rows = work.newest(table)
    if after is not None:
        ids = [row["id"] for row in rows]
        if after not in ids:
            raise no_such(table.removesuffix("s"), after, "starting_after")
        rows = rows[ids.index(after) + 1 :]
    rows = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return {
        "object": "list",
        "url": f"/v1/{table}",
        "has_more": len(rows) > limit,
        "data": rows[:limit],
    }


def emit(work: UnitOfWork, type_: str, subject: Json) -> None:
    """Tell, once the unit of work is committed, what became of an object."""
    event = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": work.now(),
        "data": {"object": subject},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type_,
    }
    work.events.append(event)
