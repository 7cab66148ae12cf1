"""The ledger: every attempt to take or give back money, and nothing else."""

from typing import Literal

from gateway_simulator.errors import Json
from gateway_simulator.store import Store, UnitOfWork

TABLE = "ledger"

Kind = Literal["charge", "refund"]
Status = Literal["succeeded", "declined", "requires_action", "failed"]

_PUBLIC = ("id", "type", "amount", "currency", "status", "idempotency_key", "order_id")


def enter(
    work: UnitOfWork,
    identifier: str,
    kind: Kind,
    amount: int,
    intent: Json,
    status: Status,
    key: str | None,
) -> None:
    """Add an entry for an attempt on a payment intent."""
    entry = {
        "id": identifier,
        "type": kind,
        "amount": amount,
        "currency": intent["currency"],
        "status": status,
        "idempotency_key": key,
        "order_id": intent["metadata"].get("order_id"),
        "payment_intent": intent["id"],
    }
    work.put(TABLE, identifier, entry)


def settle(work: UnitOfWork, intent_id: str, status: Status) -> str | None:
    """Give the attempt that waits for the shopper's bank its outcome, and return its id."""
    for entry in work.newest(TABLE):
        if entry["payment_intent"] == intent_id and entry["status"] == "requires_action":
            work.put(TABLE, entry["id"], {**entry, "status": status})
            return str(entry["id"])
    return None


def entries(store: Store) -> list[Json]:
    """Return all entries, oldest first."""
    return [{name: row[name] for name in _PUBLIC} for row in store.rows(TABLE).values()]
