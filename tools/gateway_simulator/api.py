"""The routes of Stripe's API, under `/v1/`."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway_simulator import charges, disputes, intents, refunds
from gateway_simulator.errors import StripeError, invalid_parameter
from gateway_simulator.forms import decode
from gateway_simulator.gateway import ApiRequest, Gateway, Operation
from gateway_simulator.keys import Keys
from gateway_simulator.objects import API_VERSION, new_id

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_GARBAGE = "<html><body><h1>502 Bad Gateway</h1>"

OPERATIONS: tuple[tuple[str, str, Operation], ...] = (
    ("POST", "/v1/payment_intents", lambda c: intents.create(c.work, c.params, c.idempotency_key)),
    ("GET", "/v1/payment_intents", lambda c: intents.list_all(c.work, c.params)),
    ("GET", "/v1/payment_intents/search", lambda c: intents.search(c.work, c.params)),
    ("GET", "/v1/payment_intents/{id}", lambda c: intents.retrieve(c.work, c.id, c.params)),
    ("POST", "/v1/payment_intents/{id}", lambda c: intents.update(c.work, c.id, c.params)),
    (
        "POST",
        "/v1/payment_intents/{id}/confirm",
        lambda c: intents.confirm(c.work, c.id, c.params, c.idempotency_key),
    ),
    ("POST", "/v1/payment_intents/{id}/cancel", lambda c: intents.cancel(c.work, c.id, c.params)),
    ("GET", "/v1/charges/{id}", lambda c: charges.retrieve(c.work, c.id, c.params)),
    ("POST", "/v1/refunds", lambda c: refunds.create(c.work, c.params, c.idempotency_key)),
    ("GET", "/v1/refunds", lambda c: refunds.list_all(c.work, c.params)),
    ("GET", "/v1/refunds/{id}", lambda c: refunds.retrieve(c.work, c.id, c.params)),
    ("GET", "/v1/disputes", lambda c: disputes.list_all(c.work, c.params)),
    ("GET", "/v1/disputes/{id}", lambda c: disputes.retrieve(c.work, c.id, c.params)),
    ("POST", "/v1/disputes/{id}/close", lambda c: disputes.accept(c.work, c.id, c.params)),
)


def routes(gateway: Gateway) -> list[web.RouteDef]:
    """Return the routes of the API."""
    return [
        web.route(method, path, _handler(gateway, operation))
        for method, path, operation in OPERATIONS
    ]


def require_key(request: web.Request, keys: Keys) -> None:
    """Check that a request has a valid API key that is not a live one.

    Raises
    ------
    StripeError
        401 if the key is missing, live or no longer valid.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        message = (
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY')."
        )
        raise StripeError(401, message)
    if key.strip().startswith("sk_live_"):
        raise StripeError(
            401, "Invalid API Key provided: this simulator does not accept live keys."
        )
    keys.require(key.strip())


def _handler(gateway: Gateway, operation: Operation) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        api_request = ApiRequest(
            request_id=new_request_id(),
            method=request.method,
            path=request.path,
            object_id=request.match_info.get("id", ""),
            form=decode(await _encoded_form(request)),
            idempotency_key=key or None,
        )
        response = await gateway.execute(operation, api_request)
        headers = {
            "Request-Id": api_request.request_id,
            "Stripe-Version": request.headers.get("Stripe-Version", API_VERSION),
        }
        if api_request.idempotency_key is not None:
            headers["Idempotency-Key"] = api_request.idempotency_key
        if response.original_request is not None:
            headers["Idempotent-Replayed"] = "true"
            headers["Original-Request"] = response.original_request
        if response.is_stored and response.answer.status >= 500:
            # A retry with the same key would get the stored error again.
            headers["Stripe-Should-Retry"] = "false"
        if response.is_garbage:
            return web.Response(text=_GARBAGE, content_type="text/html", headers=headers)
        return web.json_response(
            response.answer.body, status=response.answer.status, headers=headers
        )

    return handle


async def _encoded_form(request: web.Request) -> str:
    if request.method == "GET":
        return request.rel_url.raw_query_string
    try:
        return (await request.read()).decode("ascii")
    except UnicodeDecodeError as error:
        raise invalid_parameter("", "The body must be form-encoded.") from error


def new_request_id() -> str:
    """Return a new value of the `Request-Id` header."""
    return new_id("req", 14)
