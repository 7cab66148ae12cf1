"""The control API under `/_simulator/`, for tests and developers."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any, cast

from aiohttp import web

from gateway_simulator import dashboard, faults, intents, ledger
from gateway_simulator.errors import Json, StripeError, invalid_parameter
from gateway_simulator.forms import Form, Params
from gateway_simulator.gateway import Gateway
from gateway_simulator.keys import KINDS

Handler = Callable[[web.Request], Awaitable[web.Response]]

PREFIX = "/_simulator"

_MAX_ADVANCE = 10 * 366 * 86_400
_MAX_DELAY = 3600
_MAX_TIMES = 1_000_000


class ControlApi:
    """Request handlers of the control API.

    Parameters
    ----------
    gateway
        Gateway that is controlled.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the control API."""
        return [
            web.get(f"{PREFIX}/health", self.health),
            web.get(f"{PREFIX}/ledger", self.ledger),
            web.post(f"{PREFIX}/clock", self.advance_clock),
            web.get(f"{PREFIX}/faults", self.list_faults),
            web.post(f"{PREFIX}/faults", self.add_fault),
            web.delete(f"{PREFIX}/faults", self.clear_faults),
            web.get(f"{PREFIX}/keys", self.show_keys),
            web.post(f"{PREFIX}/keys/{{kind}}/roll", self.roll_key),
            web.post(f"{PREFIX}/webhooks", self.skew_webhooks),
            web.post(f"{PREFIX}/payment_intents/{{id}}/authenticate", self.authenticate),
            *(
                web.post(f"{PREFIX}/dashboard/{path}", self._dashboard_handler(action))
                for path, action in dashboard.ACTIONS.items()
            ),
        ]

    async def health(self, _: web.Request) -> web.Response:
        """Return the status and the time of the simulator's clock."""
        return web.json_response({"status": "ok", **self._clock()})

    async def ledger(self, _: web.Request) -> web.Response:
        """Return every attempted charge and refund."""
        return web.json_response(ledger.entries(self._gateway.store))

    async def advance_clock(self, request: web.Request) -> web.Response:
        """Move the clock forward.

        Raises
        ------
        StripeError
            400 if the body is not valid.
        """
        body = await _body(request, ("advance_seconds",))
        seconds = _number(body, "advance_seconds", maximum=_MAX_ADVANCE)
        self._gateway.store.advance_clock(seconds)
        return web.json_response(self._clock())

    async def list_faults(self, _: web.Request) -> web.Response:
        """Return the active faults."""
        return web.json_response(self._gateway.faults.as_json())

    async def add_fault(self, request: web.Request) -> web.Response:
        """Activate a fault.

        Raises
        ------
        StripeError
            400 if the body is not valid.
        """
        body = await _body(request, ("match", "kind", "seconds", "times"))
        match = body.get("match", {})
        if not isinstance(match, dict):
            raise _invalid("match", "must be an object with method and path")
        _reject_unknown(match, ("method", "path"), "match.")
        kind = cast(faults.Kind, _choice(body, "kind", faults.KINDS))
        path = match.get("path", "*")
        if not isinstance(path, str) or not path.startswith(("/", "*")):
            raise _invalid("match.path", "must be a pattern that begins with / or *")
        timed = kind in faults.TIMED_KINDS
        fault = faults.Fault(
            kind=kind,
            method=_choice({"match.method": match.get("method", "*")}, "match.method"),
            path=path,
            seconds=_number(body, "seconds", maximum=_MAX_DELAY) if timed else 0.0,
            times=_times(body),
        )
        self._gateway.faults.add(fault)
        return web.json_response(fault.as_json(), status=201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        """Remove all faults."""
        self._gateway.faults.clear()
        return web.Response(status=204)

    async def show_keys(self, _: web.Request) -> web.Response:
        """Return the account's keys that were rolled."""
        return web.json_response(self._gateway.keys.as_json())

    async def roll_key(self, request: web.Request) -> web.Response:
        """Replace a key of the account; the old one is no longer valid.

        Raises
        ------
        StripeError
            400 if there is no such key.
        """
        kind = _choice({"kind": request.match_info["kind"]}, "kind", KINDS)
        return web.json_response({kind: self._gateway.keys.roll(kind)}, status=201)

    async def skew_webhooks(self, request: web.Request) -> web.Response:
        """Let the clock that signs webhooks be ahead of the system clock, until a restart.

        Raises
        ------
        StripeError
            400 if the body is not valid.
        """
        body = await _body(request, ("skew_seconds",))
        self._gateway.skew_webhooks(_number(body, "skew_seconds", maximum=_MAX_ADVANCE))
        return web.Response(status=204)

    async def authenticate(self, request: web.Request) -> web.Response:
        """Complete the authentication of a payment with a given outcome.

        Raises
        ------
        StripeError
            400 if the body is not valid or the payment does not require authentication, 404 if
            there is no such payment intent.
        """
        body = await _body(request, ("outcome",))
        outcome = _choice(body, "outcome", ("succeeded", "failed"))
        work = self._gateway.store.begin()
        answer = intents.authenticate(
            work, request.match_info["id"], "succeeded" if outcome == "succeeded" else "failed"
        )
        self._gateway.commit(work)
        return web.json_response(answer.body, status=answer.status)

    def _dashboard_handler(self, action: dashboard.Action) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            body = await _body(request, action.fields)
            work = self._gateway.store.begin()
            answer = action.run(work, request.match_info.get("id", ""), Params(_form(body)))
            self._gateway.commit(work)
            return web.json_response(answer.body, status=answer.status)

        return handle

    def _clock(self) -> Json:
        store = self._gateway.store
        return {"now": store.now(), "advanced_seconds": store.advanced_seconds}


def _form(body: Json) -> Form:
    """Return a JSON body as the parameters of an API request."""
    form: Form = {}
    for name, value in body.items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise _invalid(name, "must be a string or a whole number")
        form[name] = str(value)
    return form


def _invalid(field: str, rule: str) -> StripeError:
    return invalid_parameter(field, f"{field} {rule}")


async def _body(request: web.Request, fields: Collection[str]) -> Json:
    try:
        body: Any = await request.json()
    except ValueError as error:
        raise _invalid("body", "must be JSON") from error
    if not isinstance(body, dict):
        raise _invalid("body", "must be a JSON object")
    _reject_unknown(body, fields)
    return body


def _reject_unknown(body: Json, fields: Collection[str], prefix: str = "") -> None:
    for name in body:
        if name not in fields:
            raise _invalid(prefix + name, f"is unknown; known fields: {', '.join(fields)}")


def _choice(body: Json, field: str, options: Collection[str] = faults.METHODS) -> str:
    value = body.get(field)
    if not isinstance(value, str) or value not in options:
        raise _invalid(field, f"must be one of {', '.join(options)}")
    return value


def _number(body: Json, field: str, *, maximum: int) -> float:
    value = body.get(field)
    # NaN fails the comparison, too.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None or not is_number or not 0 <= value <= maximum:
        raise _invalid(field, f"must be a number of seconds from 0 to {maximum}")
    return float(value)


def _times(body: Json) -> int:
    value = body.get("times", 1)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MAX_TIMES:
        raise _invalid("times", f"must be a whole number from 1 to {_MAX_TIMES}")
    return value
