"""Fault injection on demand, for tests. By default no fault is injected.

``POST /_toyshop/faults`` with a JSON object of the settings below replaces the current settings;
an empty object ends all faults. ``GET`` returns the settings, the number of injected faults by
kind, and the invocations whose process died. The random source is seeded, but which invocation is
hit depends on timing.
"""

import contextlib
import json
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from random import Random
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import error_response_json
from ministack.services import dynamodb, lambda_svc, sns

PATH = "/_toyshop/faults"
_TOO_LONG = 1 << 40
_THROTTLED = (
    "The level of configured provisioned throughput for the table was exceeded."
    " Consider increasing your provisioning level with the UpdateTable API."
)
_DIED = ("Worker process died", "Task timed out")


@dataclass(frozen=True)
class Settings:
    """The faults to inject.

    Attributes
    ----------
    seed
        Seed of the random source.
    duplicate
        Share of notifications that a topic delivers to a function twice.
    reject
        Share of a batch's entries that a topic rejects.
    fail
        Share of invocations that fail, half of them before and half after their work is done.
    kill_seconds
        Seconds between two kills (``SIGKILL``) of a function's worker, a busy one if there is one;
        0 means never.
    tables
        Names of tables that answer every request with an error.
    throttled
        Names of tables that refuse every request, as a hot partition does.
    slow
        Names of functions that take ``slow_seconds`` longer.
    slow_seconds
        The delay of each invocation of a function in ``slow``.
    """

    seed: int = 0
    duplicate: float = 0.0
    reject: float = 0.0
    fail: float = 0.0
    kill_seconds: float = 0.0
    tables: tuple[str, ...] = ()
    throttled: tuple[str, ...] = ()
    slow: tuple[str, ...] = ()
    slow_seconds: float = 0.0


@dataclass
class FaultInjector:
    """The current settings, and the faults injected so far."""

    settings: Settings = field(default_factory=Settings)
    injected: Counter[str] = field(default_factory=Counter)
    # invocations whose process ended before it answered
    crashes: list[dict[str, Any]] = field(default_factory=list)
    random: Random = field(default_factory=Random)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, settings: Settings) -> None:
        """Replace the settings."""
        with self.lock:
            self.settings = settings
            # not used for secrets
            self.random = Random(settings.seed)  # nosec B311

    def injects(self, share: float, kind: str) -> bool:
        """Decide at random whether to inject a fault, and count it.

        Parameters
        ----------
        share
            The probability, from 0 to 1.
        kind
            The name that the fault is counted under.
        """
        with self.lock:
            injected = self.random.random() < share
            self.injected[kind] += injected
            return injected

    def report(self) -> dict[str, Any]:
        """Return the settings, the injected faults and the crashes."""
        with self.lock:
            return {
                **asdict(self.settings),
                "injected": dict(self.injected),
                "crashes": list(self.crashes),
            }


injector = FaultInjector()


def install() -> None:
    """Patch ministack at the points where faults are injected."""
    lambda_svc._execute_function_dispatch = _failing(lambda_svc._execute_function_dispatch)
    sns._deliver_to_lambda = _duplicating(sns._deliver_to_lambda)
    sns._message_payload_size = _rejecting(sns._message_payload_size)
    dynamodb.handle_request = _refusing(dynamodb.handle_request)
    threading.Thread(target=_kill_periodically, daemon=True, name="kill").start()


def with_control_path(app: Any) -> Any:
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
                injector.set(_parse(body))
            except (ValueError, TypeError) as error:
                status, answer = 400, {"error": f"The settings are invalid: {error}."}
        if status == 200:
            answer = injector.report()
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
    for name in ("kill_seconds", "slow_seconds"):
        if given.get(name, 0) < 0:
            raise ValueError(f"{name} is a number of seconds")
    names = {name: tuple(given.get(name, ())) for name in ("tables", "throttled", "slow")}
    return Settings(**{**given, **names})


def _failing(dispatch: Any) -> Any:
    def dispatch_or_fail(
        function: Any, config: Any, event: Any, request_id: str, started: float
    ) -> Any:
        if config.get("FunctionName") in injector.settings.slow:
            time.sleep(injector.settings.slow_seconds)
            injector.injected["slowed"] += 1
        share = injector.settings.fail / 2
        if injector.injects(share, "failed before"):
            return _failure()
        result = dispatch(function, config, event, request_id, started)
        body = result.get("body")
        message = str(body.get("errorMessage")) if isinstance(body, dict) else ""
        if result.get("error") and message.startswith(_DIED):
            injector.crashes.append(
                {
                    "function": config.get("FunctionName"),
                    "path": event.get("path", "") if isinstance(event, dict) else "",
                    "started": started,
                    "ended": time.time(),
                    "reason": message,
                }
            )
        elif not result.get("error") and injector.injects(share, "failed after"):
            return _failure()
        return result

    return dispatch_or_fail


def _failure() -> dict[str, Any]:
    body = {"errorType": "Fault", "errorMessage": "An injected fault"}
    return {"body": body, "error": True, "log": ""}


def _duplicating(deliver: Any) -> Any:
    def deliver_once_or_twice(*args: Any, **kwargs: Any) -> None:
        deliver(*args, **kwargs)
        if injector.injects(injector.settings.duplicate, "duplicated"):
            deliver(*args, **kwargs)

    return deliver_once_or_twice


def _rejecting(size: Any) -> Any:
    """Make a topic reject an entry as too long, while it accepts the rest of the batch."""

    def size_or_too_long(*args: Any, **kwargs: Any) -> int:
        if injector.injects(injector.settings.reject, "rejected"):
            return _TOO_LONG
        return int(size(*args, **kwargs))

    return size_or_too_long


def _refusing(handle: Any) -> Any:
    async def handle_or_refuse(
        method: str, path: str, headers: Any, body: bytes, query_params: Any
    ) -> Any:
        if any(f'"{table}"'.encode() in body for table in injector.settings.tables):
            injector.injected["refused"] += 1
            return error_response_json("InternalServerError", "An injected fault", 500)
        if any(f'"{table}"'.encode() in body for table in injector.settings.throttled):
            injector.injected["throttled"] += 1
            return error_response_json("ProvisionedThroughputExceededException", _THROTTLED, 400)
        return await handle(method, path, headers, body, query_params)

    return handle_or_refuse


def _kill_periodically() -> None:
    last = time.monotonic()
    while True:
        time.sleep(0.1)
        seconds = injector.settings.kill_seconds
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
    with injector.lock:
        worker = injector.random.choice(candidates)
    # it may have ended in the meantime
    with contextlib.suppress(AttributeError, OSError):
        worker._proc.kill()
        injector.injected["killed"] += 1
