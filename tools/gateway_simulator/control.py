"""The control API under `/_simulator/`: what a test or a developer does to the gateway."""

from collections.abc import Collection
from typing import Any, cast

from aiohttp import web

from gateway_simulator import faults, intents, ledger
from gateway_simulator.errors import Json, StripeError, invalid_parameter
from gateway_simulator.gateway import Gateway

PREFIX = "/_simulator"

_MAX_ADVANCE = 10 * 366 * 86_400
_MAX_HOLD = 3600
_MAX_TIMES = 1_000_000


class Control:
    """The handlers of the control API."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def routes(self) -> list[web.RouteDef]:
        """Return the control API's routes."""
        return [
            web.get(f"{PREFIX}/health", self.health),
            web.get(f"{PREFIX}/ledger", self.ledger),
            web.post(f"{PREFIX}/clock", self.advance_clock),
            web.get(f"{PREFIX}/faults", self.list_faults),
            web.post(f"{PREFIX}/faults", self.add_fault),
            web.delete(f"{PREFIX}/faults", self.clear_faults),
            web.post(f"{PREFIX}/payment_intents/{{id}}/authenticate", self.authenticate),
        ]

    async def health(self, _: web.Request) -> web.Response:
        """Answer that the simulator runs, and what its clock says."""
        return web.json_response({"status": "ok", **self._clock()})

    async def ledger(self, _: web.Request) -> web.Response:
        """Answer with every attempt to take or give back money."""
        return web.json_response(ledger.entries(self._gateway.store))

    async def advance_clock(self, request: web.Request) -> web.Response:
        """Move the clock forward."""
        body = await _body(request, ("advance_seconds",))
        seconds = _number(body, "advance_seconds", maximum=_MAX_ADVANCE)
        self._gateway.store.advance_clock(seconds)
        return web.json_response(self._clock())

    async def list_faults(self, _: web.Request) -> web.Response:
        """Answer with the faults that are set."""
        return web.json_response(self._gateway.faults.as_json())

    async def add_fault(self, request: web.Request) -> web.Response:
        """Set a fault."""
        body = await _body(request, ("match", "kind", "seconds", "times"))
        match = body.get("match", {})
        if not isinstance(match, dict):
            raise _invalid("match", "must be an object with method and path")
        _refuse_unknown(match, ("method", "path"), "match.")
        kind = cast(faults.Kind, _choice(body, "kind", faults.KINDS))
        path = match.get("path", "*")
        if not isinstance(path, str) or not path.startswith(("/", "*")):
            raise _invalid("match.path", "must be a glob that begins with / or *")
        timed = kind in faults.TIMED_KINDS
        fault = faults.Fault(
            kind=kind,
            method=_choice({"match.method": match.get("method", "*")}, "match.method"),
            path=path,
            seconds=_number(body, "seconds", maximum=_MAX_HOLD) if timed else 0.0,
            times=_times(body),
        )
        self._gateway.faults.add(fault)
        return web.json_response(fault.as_json(), status=201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        """Forget all faults."""
        self._gateway.faults.clear()
        return web.Response(status=204)

    async def authenticate(self, request: web.Request) -> web.Response:
        """Complete a payment as the shopper's bank would."""
        body = await _body(request, ("outcome",))
        outcome = _choice(body, "outcome", ("succeeded", "failed"))
        work = self._gateway.store.begin()
        answer = intents.authenticate(
            work, request.match_info["id"], "succeeded" if outcome == "succeeded" else "failed"
        )
        self._gateway.commit(work)
        return web.json_response(answer.body, status=answer.status)

    def _clock(self) -> Json:
        store = self._gateway.store
        return {"now": store.now(), "advanced_seconds": store.advanced_seconds}


def _invalid(field: str, rule: str) -> StripeError:
    return invalid_parameter(field, f"{field} {rule}")


async def _body(request: web.Request, fields: Collection[str]) -> Json:
    try:
        body: Any = await request.json()
    except ValueError as error:
        raise _invalid("body", "must be JSON") from error
    if not isinstance(body, dict):
        raise _invalid("body", "must be a JSON object")
    _refuse_unknown(body, fields)
    return body


def _refuse_unknown(body: Json, fields: Collection[str], prefix: str = "") -> None:
    for name in body:
        if name not in fields:
            raise _invalid(prefix + name, f"is unknown; known are {', '.join(fields)}")


def _choice(body: Json, field: str, options: Collection[str] = faults.METHODS) -> str:
    value = body.get(field)
    if not isinstance(value, str) or value not in options:
        raise _invalid(field, f"must be one of {', '.join(options)}")
    return value


def _number(body: Json, field: str, *, maximum: int) -> float:
    value = body.get(field)
    # The comparison is false for NaN, too.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None or not is_number or not 0 <= value <= maximum:
        raise _invalid(field, f"must be a number of seconds from 0 to {maximum}")
    return float(value)


def _times(body: Json) -> int:
    value = body.get("times", 1)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MAX_TIMES:
        raise _invalid("times", f"must be a whole number from 1 to {_MAX_TIMES}")
    return value
