"""The ledger: an entry for every attempted charge and refund."""

from typing import Literal

from gateway_simulator.amounts import format_amount
from gateway_simulator.errors import Json
from gateway_simulator.store import Store, UnitOfWork

TABLE = "ledger"

Kind = Literal["charge", "refund"]
Status = Literal["succeeded", "declined", "requires_action", "failed"]

_PUBLIC = ("id", "type", "amount", "currency", "status", "idempotency_key", "order_id")


def add(
    work: UnitOfWork,
    identifier: str,
    kind: Kind,
    amount: int,
    intent: Json,
    status: Status,
    idempotency_key: str | None,
) -> None:
    """Add an entry for an attempt on a payment intent.

    Parameters
    ----------
    work
        Unit of work of the request.
    identifier
        Id of the charge or refund.
    kind
        Type of the entry.
    amount
        Amount in minor units of the intent's currency.
    intent
        Payment intent that is charged or refunded.
    status
        Result of the attempt.
    idempotency_key
        Key of the request, if it had one.
    """
    entry = {
        "id": identifier,
        "type": kind,
        "amount": amount,
        "currency": intent["currency"],
        "status": status,
        "idempotency_key": idempotency_key,
        "order_id": intent["metadata"].get("order_id"),
        "payment_intent": intent["id"],
    }
    work.put(TABLE, identifier, entry)


def complete_pending(work: UnitOfWork, intent_id: str, status: Status) -> str | None:
    """Set the status of the attempt that requires the shopper's action, and return its id.

    Return None if the intent has no such attempt.
    """
    for entry in work.newest(TABLE):
        if entry["payment_intent"] == intent_id and entry["status"] == "requires_action":
            work.put(TABLE, entry["id"], {**entry, "status": status})
            return str(entry["id"])
    return None


def set_status(work: UnitOfWork, identifier: str, status: Status) -> None:
    """Change the status of an entry.

    Parameters
    ----------
    work
        Unit of work of the request.
    identifier
        Id of the charge or refund.
    status
        Its new status.
    """
    entry = work.get(TABLE, identifier)
    if entry is not None:
        work.put(TABLE, identifier, {**entry, "status": status})


def entries(store: Store) -> list[Json]:
    """Return all entries as represented in the control API, oldest first."""
    return [entry_of(row) for row in store.rows(TABLE).values()]


def entry_of(row: Json) -> Json:
    """Return a stored entry as represented in the control API."""
    shown = format_amount(row["amount"], row["currency"])
    return {name: row[name] for name in _PUBLIC} | {"shown": shown}
