"""The storefront API, the only API for clients: its authorizer, routes and scheduled functions."""

import chassis.startup  # noqa: F401 - first: it makes the other imports faster

# isort: split
from collections.abc import Callable
from typing import Any

from chalice.app import AuthRequest, AuthResponse, CloudWatchEvent

from chalicelib.storefront_api.authorizer import BadTokenError
from chalicelib.storefront_api.bootstrap import Settings, build
from chalicelib.storefront_api.caller import authorizer_context, caller_of
from chalicelib.storefront_api.routes import health, orders, pages, toys, users, webhooks
from chassis import log
from chassis.api import ServiceApp, denied
from chassis.settings import load
from contracts.operations import Operation

settings = load(Settings)
app = ServiceApp(
    "toyshop-storefront-api",
    settings,
    public=True,
    max_body=64 * 1024,
    edge_key=settings.edge_key,
)
components = build(settings)
app.components = components


@app.authorizer(ttl_seconds=60)
def jwt_authorizer(request: AuthRequest) -> AuthResponse | dict[str, Any]:
    """Authenticate the caller by the access token; the operations check permissions."""
    try:
        claims = components.authorizer.verify(request.token)
    except BadTokenError as error:
        log.info("token rejected", reason=str(error))
        return denied()
    return AuthResponse(routes=["*"], principal_id=claims.sub, context=authorizer_context(claims))


def permit(operation: Operation[Any]) -> None:
    """Raise unless the caller belongs to the audience of an operation.

    Raises
    ------
    Forbidden
        If the operation is for staff and the caller is not staff.
    Unauthorized
        If the access token has expired.
    """
    caller = caller_of(app.request.context)
    if operation.audience == "staff":
        caller.must_be_staff()


app.protect(jwt_authorizer, permit)
app.register_blueprint(health.routes)
app.register_blueprint(users.routes)
app.register_blueprint(toys.routes)
app.register_blueprint(orders.routes)
app.register_blueprint(webhooks.routes)
app.register_blueprint(pages.routes)


def seconds_left(lambda_context: Any) -> Callable[[], float]:
    """Return a function that returns the seconds left before the invocation times out."""
    return lambda: lambda_context.get_remaining_time_in_millis() / 1000


@app.schedule("rate(1 hour)")
def cancel_expired(event: CloudWatchEvent) -> dict[str, int]:
    """Cancel orders whose payment waits for the customer's bank for too long."""
    return components.expiry.handle(seconds_left(event.context))


@app.schedule("rate(6 hours)")
def reconcile(event: CloudWatchEvent) -> dict[str, Any]:
    """Verify order invariants."""
    return components.reconciliation.handle(event.detail, seconds_left(event.context))


@app.lambda_function()
def forget(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take a step of the erasure of a customer's data; ``./shop forget`` invokes it."""
    return components.erasure.handle(event, seconds_left(context))
