"""Ids, lookup, lists and events of Stripe's objects of all types."""

import itertools
import operator
import secrets
import string
from collections.abc import Callable

from gateway_simulator.errors import Json, no_such
from gateway_simulator.forms import Params
from gateway_simulator.store import UnitOfWork

API_VERSION = "2026-10-28.endive"

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """Return a new random id, such as `pi_…` for the prefix `pi`."""
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(length))}"


def find(work: UnitOfWork, table: str, identifier: str) -> Json:
    """Return the object with the id in the path of a request.

    Parameters
    ----------
    work
        Unit of work to read in.
    table
        Name of the table: the plural of the object type, such as `payment_intents`.
    identifier
        Id of the object.

    Raises
    ------
    StripeError
        404 if there is no such object.
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
        Table to list; also the last part of the list's path.
    params
        Parameters of the request: `limit` (1 to 100, default 10), `starting_after`, and
        `created` with its bounds.
    filters
        Values that members of the objects must have; None does not filter.

    Raises
    ------
    StripeError
        400 if a parameter is not valid.
    """
    limit = params.integer("limit", maximum=100) or 10
    after = params.string("starting_after")
    since, created = _created_within(params.nested("created"))
    params.reject_unknown()
    wanted = {name: value for name, value in filters.items() if value is not None}
    rows = work.newest(table)
    if after is not None and all(row["id"] != after for row in rows):
        raise no_such(table.removesuffix("s"), after, "starting_after")
    # the clock never goes back, so what follows an older object is older, too
    recent = itertools.takewhile(lambda row: row["created"] >= since, rows)
    found = [
        *itertools.islice(
            (
                row
                for row in recent
                if created(row["created"])
                and all(row[name] == value for name, value in wanted.items())
            ),
            limit + 1,
        )
    ]
    return {
        "object": "list",
        "url": f"/v1/{table}",
        "has_more": len(found) > limit,
        "data": found[:limit],
    }


def _created_within(bounds: Params | None) -> tuple[int, Callable[[int], bool]]:
    """Return the earliest time that may be within bounds, and whether a time is within them."""
    comparisons = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
    given = {
        name: bound
        for name in comparisons
        if bounds and (bound := bounds.integer(name, minimum=0, maximum=10**12)) is not None
    }
    since = max(given.get("gt", 0), given.get("gte", 0))
    return since, lambda time: all(comparisons[name](time, given[name]) for name in given)


def expand(work: UnitOfWork, row: Json, member: str, table: str) -> Json:
    """Return an object in which the id in one member is replaced by the object with that id.

    Parameters
    ----------
    work
        Unit of work to read in.
    row
        Object to expand.
    member
        Name of the member with the id.
    table
        Table of the object with that id.
    """
    identifier = row[member]
    return {**row, member: work.get(table, identifier)} if identifier else row


def emit(work: UnitOfWork, event_type: str, subject: Json) -> None:
    """Add an event about an object to a unit of work; it is sent after the commit."""
    event = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": work.now(),
        "data": {"object": subject},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": event_type,
    }
    work.events.append(event)
