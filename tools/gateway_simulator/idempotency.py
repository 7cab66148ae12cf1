"""`Idempotency-Key` as Stripe honours it: the first answer is kept and given again."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway_simulator.errors import Answer, StripeError
from gateway_simulator.forms import Form
from gateway_simulator.store import Store, UnitOfWork

KEPT_FOR_SECONDS = 24 * 3600
MAX_LENGTH = 255

_TABLE = "answers"


@dataclass(frozen=True)
class KeyedRequest:
    """A request that a key stands for."""

    key: str
    path: str
    form: Form

    @property
    def fingerprint(self) -> str:
        """A digest by which to tell whether the parameters are the same."""
        canonical = json.dumps(self.form, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True)
class KeptAnswer:
    """The answer of the first request with a key."""

    answer: Answer
    request_id: str


class IdempotencyKeys:
    """The keys of the last 24 hours of the simulator's clock, and those in use now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_use: set[str] = set()

    @contextmanager
    def hold(self, request: KeyedRequest | None) -> Iterator[KeptAnswer | None]:
        """Keep others from using the key meanwhile, and yield the answer it already has.

        Raises
        ------
        StripeError
            400 when the key was first used for something else, 409 when it is in use.
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
            yield self._kept(request)
        finally:
            self._in_use.discard(request.key)

    def keep(
        self, work: UnitOfWork, request: KeyedRequest, answer: Answer, request_id: str
    ) -> None:
        """Keep the answer, together with the work that it tells of."""
        row = {
            "path": request.path,
            "fingerprint": request.fingerprint,
            "status": answer.status,
            "body": answer.body,
            "request_id": request_id,
            "created": work.now(),
        }
        work.put(_TABLE, request.key, row)

    def _kept(self, request: KeyedRequest) -> KeptAnswer | None:
        row = self._store.rows(_TABLE).get(request.key)
        if row is None or self._store.now() - row["created"] >= KEPT_FOR_SECONDS:
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
        return KeptAnswer(Answer(row["status"], row["body"]), row["request_id"])
