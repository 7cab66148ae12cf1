"""`Idempotency-Key` as implemented by Stripe: the first response is stored and replayed."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway_simulator.errors import Answer, StripeError
from gateway_simulator.forms import Form
from gateway_simulator.store import Store, UnitOfWork

RETENTION_SECONDS = 24 * 3600
MAX_LENGTH = 255

_TABLE = "answers"


@dataclass(frozen=True)
class KeyedRequest:
    """A request with an idempotency key."""

    key: str
    path: str
    form: Form

    @property
    def fingerprint(self) -> str:
        """Digest of the parameters; equal parameters have equal fingerprints."""
        canonical = json.dumps(self.form, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True)
class StoredAnswer:
    """The answer to the first request with a key."""

    answer: Answer
    request_id: str


class IdempotencyKeys:
    """The keys of the last 24 hours (by the simulator's clock), and those of requests in progress.

    Parameters
    ----------
    store
        Store of the answers.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_use: set[str] = set()

    @contextmanager
    def reserve(self, request: KeyedRequest | None) -> Iterator[StoredAnswer | None]:
        """Reserve a request's key within the block, and yield the stored answer, if any.

        Parameters
        ----------
        request
            Request with a key; None for a request without one, which reserves nothing.

        Raises
        ------
        StripeError
            400 if the key is too long or was first used with another request, 409 if another
            request has reserved it.
        """
        if request is None:
            yield None
            return
        if len(request.key) > MAX_LENGTH:
            message = f"Idempotency keys can be at most {MAX_LENGTH} characters long."
            raise StripeError(400, message)
        if request.key in self._in_use:
            message = (
                "There is currently another in-progress request using this Idempotent Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {request.key}. Try again later."
            )
            raise StripeError(409, message, type="idempotency_error", code="idempotency_key_in_use")
        self._in_use.add(request.key)
        try:
            yield self._find(request)
        finally:
            self._in_use.discard(request.key)

    def store(
        self, work: UnitOfWork, request: KeyedRequest, answer: Answer, request_id: str
    ) -> None:
        """Store the answer to a request in the unit of work that it results from."""
        row = {
            "path": request.path,
            "fingerprint": request.fingerprint,
            "status": answer.status,
            "body": answer.body,
            "request_id": request_id,
            "created": work.now(),
        }
        work.put(_TABLE, request.key, row)

    def _find(self, request: KeyedRequest) -> StoredAnswer | None:
        row = self._store.rows(_TABLE).get(request.key)
        if row is None or self._store.now() - row["created"] >= RETENTION_SECONDS:
            return None
        hint = (
            f"Try using a key other than '{request.key}' if you meant to execute a "
            "different request."
        )
        if row["path"] != request.path:
            message = (
                "Keys for idempotent requests can only be used for the same endpoint they were "
                f"first used for ('{request.path}' vs '{row['path']}'). {hint}"
            )
            raise StripeError(400, message, type="idempotency_error")
        if row["fingerprint"] != request.fingerprint:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they "
                f"were first used with. {hint}"
            )
            raise StripeError(400, message, type="idempotency_error")
        return StoredAnswer(Answer(row["status"], row["body"]), row["request_id"])
