"""Adds to the change log the writes that were made without it.

The release before the log writes toys in this way, and it still runs while this one is released
gradually, or after a rollback. The table's stream delivers every write; those of this release are
in the log already.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.toys.store import ToyStore
from chassis import log, relay

_TOY = "toy_"
"""How the ids of toys begin; the items of the log have others."""


class BypassedWrites:
    """Consumes the stream of the toys table.

    Parameters
    ----------
    store
        Adds writes to the log.
    """

    def __init__(self, store: ToyStore) -> None:
        self._store = store

    def handle(self, event: Mapping[str, Any], lambda_context: Any = None) -> dict[str, Any]:
        """Add the bypassed writes of a batch of stream records to the log.

        Parameters
        ----------
        event
            The event of Lambda, with its ``Records``.
        lambda_context
            The context of the invocation.

        Returns
        -------
        dict
            A partial batch response: the first record that Lambda must deliver again.
        """
        with relay.stream_hop(event["Records"], lambda_context):
            return self._add(event["Records"])

    def _add(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        for record in records:
            change = record["dynamodb"]
            toy_id = change["Keys"]["id"]["S"]
            if not toy_id.startswith(_TOY) or "sequence" in change.get("NewImage", {}):
                continue
            try:
                if self._store.log_if_bypassed(toy_id):
                    log.info("write added to the change log", toy_id=toy_id)
            except Exception:
                log.exception("write not added to the change log", toy_id=toy_id)
                return {"batchItemFailures": [{"itemIdentifier": change["SequenceNumber"]}]}
        return {"batchItemFailures": []}
