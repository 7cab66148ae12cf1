"""Faults on demand: what AWS does to a shop on a bad day. None unless somebody asks for them.

``POST /_toyshop/faults`` with a JSON object of the settings below replaces those that are set, an
empty one ends them; ``GET`` tells what is set, what was done so far, and which invocations died.
The dice are seeded; which invocation gets which throw depends on the timing all the same.
"""

import contextlib
import json
import random
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import error_response_json
from ministack.services import dynamodb, lambda_svc, sns

PATH = "/_toyshop/faults"
_TOO_LONG = 1 << 40
_DIED = ("Worker process died", "Task timed out")


@dataclass(frozen=True)
class Settings:
    """What goes wrong.

    Attributes
    ----------
    seed
        Of the dice.
    duplicate
        Share of notifications that a topic delivers to a function twice.
    reject
        Share of a publication's entries that a topic does not take.
    fail
        Share of invocations that fail, half of them before and half after they have done their
        work.
    kill_seconds
        How often a function's worker is killed (``kill -9``), a busy one if there is one; 0 is
        never.
    tables
        Tables that answer nothing but errors.
    """

    seed: int = 0
    duplicate: float = 0.0
    reject: float = 0.0
    fail: float = 0.0
    kill_seconds: float = 0.0
    tables: tuple[str, ...] = ()


@dataclass
class Weather:
    """The faults that are set, and what came of them."""

    settings: Settings = field(default_factory=Settings)
    done: Counter[str] = field(default_factory=Counter)
    # invocations whose process ended before it answered
    deaths: list[dict[str, Any]] = field(default_factory=list)
    dice: random.Random = field(default_factory=random.Random)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, settings: Settings) -> None:
        """Let other faults happen from now on."""
        with self.lock:
            self.settings = settings
            # dice are no secret
            self.dice = random.Random(settings.seed)  # nosec B311

    def strikes(self, share: float, what: str) -> bool:
        """Throw the dice, and count what they decide."""
        with self.lock:
            struck = self.dice.random() < share
            self.done[what] += struck
            return struck

    def report(self) -> dict[str, Any]:
        """Return what is set and what was done."""
        with self.lock:
            return {**asdict(self.settings), "done": dict(self.done), "deaths": list(self.deaths)}


weather = Weather()


def install() -> None:
    """Put the faults where they can happen."""
    lambda_svc._execute_function_dispatch = _failing(lambda_svc._execute_function_dispatch)
    sns._deliver_to_lambda = _duplicating(sns._deliver_to_lambda)
    sns._message_payload_size = _rejecting(sns._message_payload_size)
    dynamodb.handle_request = _refusing(dynamodb.handle_request)
    threading.Thread(target=_kill_now_and_then, daemon=True, name="kill").start()


def answering(app: Any) -> Any:
    """Wrap the ASGI application with the control path."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await app(scope, receive, send)
            return
        status = 200
        if scope["method"] == "POST":
            body, more = b"", True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
            try:
                weather.set(_parse(body))
            except (ValueError, TypeError) as error:
                status, answer = 400, {"error": f"These are no faults: {error}."}
        if status == 200:
            answer = weather.report()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return wrapped


def _parse(body: bytes) -> Settings:
    given = json.loads(body or b"{}")
    if not isinstance(given, dict):
        raise ValueError("a JSON object is expected")
    known = {item.name for item in fields(Settings)}
    if unknown := sorted(set(given) - known):
        raise ValueError(f"{', '.join(unknown)} is unknown; known are {', '.join(sorted(known))}")
    for name in ("duplicate", "reject", "fail"):
        if not 0 <= given.get(name, 0) <= 1:
            raise ValueError(f"{name} is a share, from 0 to 1")
    if given.get("kill_seconds", 0) < 0:
        raise ValueError("kill_seconds is a number of seconds")
    return Settings(**{**given, "tables": tuple(given.get("tables", ()))})


def _failing(dispatch: Any) -> Any:
    def dispatch_or_fail(
        function: Any, config: Any, event: Any, request_id: str, started: float
    ) -> Any:
        share = weather.settings.fail / 2
        if weather.strikes(share, "failed before"):
            return _failure()
        result = dispatch(function, config, event, request_id, started)
        body = result.get("body")
        message = str(body.get("errorMessage")) if isinstance(body, dict) else ""
        if result.get("error") and message.startswith(_DIED):
            weather.deaths.append(
                {
                    "function": config.get("FunctionName"),
                    "path": event.get("path", "") if isinstance(event, dict) else "",
                    "started": started,
                    "ended": time.time(),
                    "why": message,
                }
            )
        elif not result.get("error") and weather.strikes(share, "failed after"):
            return _failure()
        return result

    return dispatch_or_fail


def _failure() -> dict[str, Any]:
    body = {"errorType": "Fault", "errorMessage": "A fault was asked for"}
    return {"body": body, "error": True, "log": ""}


def _duplicating(deliver: Any) -> Any:
    def deliver_once_or_twice(*args: Any, **kwargs: Any) -> None:
        deliver(*args, **kwargs)
        if weather.strikes(weather.settings.duplicate, "duplicated"):
            deliver(*args, **kwargs)

    return deliver_once_or_twice


def _rejecting(size: Any) -> Any:
    """Have a topic find an entry too long: the batch is answered, and not all of it was taken."""

    def size_or_too_long(*args: Any, **kwargs: Any) -> int:
        if weather.strikes(weather.settings.reject, "rejected"):
            return _TOO_LONG
        return int(size(*args, **kwargs))

    return size_or_too_long


def _refusing(handle: Any) -> Any:
    async def handle_or_refuse(
        method: str, path: str, headers: Any, body: bytes, query_params: Any
    ) -> Any:
        if any(f'"{table}"'.encode() in body for table in weather.settings.tables):
            weather.done["refused"] += 1
            return error_response_json("InternalServerError", "A fault was asked for", 500)
        return await handle(method, path, headers, body, query_params)

    return handle_or_refuse


def _kill_now_and_then() -> None:
    last = time.monotonic()
    while True:
        time.sleep(0.1)
        seconds = weather.settings.kill_seconds
        if not seconds:
            last = time.monotonic()
        elif time.monotonic() - last >= seconds:
            last = time.monotonic()
            _kill_one()


def _kill_one() -> None:
    with lambda_runtime._lock:
        workers = [worker for pool in lambda_runtime._workers.values() for worker in pool]
    busy = [worker for worker in workers if worker.in_use and worker._proc is not None]
    if not (candidates := busy or [worker for worker in workers if worker._proc is not None]):
        return
    with weather.lock:
        worker = weather.dice.choice(candidates)
    # it may have ended by itself in the meantime
    with contextlib.suppress(AttributeError, OSError):
        worker._proc.kill()
        weather.done["killed"] += 1
