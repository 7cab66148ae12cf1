"""The storefront API: the only one that clients see."""

import functools
from collections.abc import Callable
from typing import Any

from chalice.app import AuthRequest, AuthResponse, CloudWatchEvent

from chalicelib.storefront_api.authorizer import BadTokenError
from chalicelib.storefront_api.bootstrap import Settings, build
from chalicelib.storefront_api.caller import Caller, authorizer_context, caller_of
from chalicelib.storefront_api.ordering import idempotency_key
from chassis import log
from chassis.api import Answer, ServiceApp, View, unauthorized
from chassis.openapi import document
from chassis.settings import load
from contracts import storefront as api
from contracts.files import ImageTicket
from contracts.operations import Operation
from contracts.schema import NoBody
from contracts.toys import Toy, ToyPage, ToyQuery

settings = load(Settings)
app = ServiceApp("toyshop-storefront-api", settings, public=True, max_body=64 * 1024)
shop = build(settings)


@app.authorizer(ttl_seconds=60)
def jwt_authorizer(request: AuthRequest) -> AuthResponse:
    """Let those in who have an access token; what they may do, the operations say."""
    try:
        claims = shop.authorizer.verify(request.token)
    except BadTokenError as error:
        log.info("token refused", reason=str(error))
        raise unauthorized() from None
    return AuthResponse(routes=["*"], principal_id=claims.sub, context=authorizer_context(claims))


def serves(operation: Operation[Any]) -> Callable[[View], View]:
    """Return the decorator of an operation's handler; its contract says who may call it."""
    if operation.audience in ("anyone", "gateway"):
        return app.serves(operation)

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(**path: str) -> Any:
            asking = caller()
            if operation.audience == "staff":
                asking.must_be_staff()
            return view(**path)

        return app.serves(operation, jwt_authorizer)(guarded)

    return decorate


def caller() -> Caller:
    """Return who is asking."""
    return caller_of(app.request.context)


def seconds_left(lambda_context: Any) -> Callable[[], float]:
    """Return what tells how much time a function has left."""
    return lambda: lambda_context.get_remaining_time_in_millis() / 1000


def access_token() -> str:
    """Return the token that the authorizer has let in."""
    return (app.header("authorization") or "").split()[-1]


@serves(api.HEALTH)
def get_health() -> Answer:
    """Say whether the shop is open."""
    health = shop.health.deep() if app.query(api.HealthQuery).deep else shop.health.shallow()
    return Answer(health, status=200 if health.status == "ok" else 503)


@serves(api.OPENAPI)
@functools.cache
def get_openapi() -> dict[str, Any]:
    """Describe this API."""
    return document("Toy shop", api.OPERATIONS, server="/api")


@serves(api.SIGN_UP)
def sign_up() -> api.User:
    """Sign up."""
    return shop.users.sign_up(app.document())


@serves(api.CONFIRM)
def confirm_user() -> None:
    """Confirm an e-mail address."""
    shop.users.confirm(app.body(api.Confirmation))


@serves(api.SIGN_IN)
def sign_in() -> api.Session:
    """Sign in."""
    return shop.users.sign_in(app.body(api.NewSession))


@serves(api.SEARCH_TOYS)
def search_toys() -> ToyPage:
    """Search the catalogue."""
    return shop.catalogue.search(app.query(ToyQuery))


@serves(api.GET_TOY)
def get_toy(toy_id: str) -> Toy:
    """Get one toy."""
    return shop.catalogue.get(toy_id)


@serves(api.CREATE_TOY)
def create_toy() -> Answer:
    """Add a toy."""
    toy = shop.catalogue.create(app.json_text())
    return Answer(toy, headers={"Location": f"/api/toys/{toy.id}"})


@serves(api.REPLACE_TOY)
def replace_toy(toy_id: str) -> Toy:
    """Replace a toy by another description."""
    return shop.catalogue.replace(toy_id, app.header("if-match"), app.json_text())


@serves(api.PATCH_TOY)
def patch_toy(toy_id: str) -> Toy:
    """Change a part of a toy."""
    return shop.catalogue.patch(toy_id, app.header("if-match"), app.json_text(patch=True))


@serves(api.DELETE_TOY)
def delete_toy(toy_id: str) -> None:
    """Withdraw a toy."""
    shop.catalogue.delete(toy_id, app.header("if-match"))


@serves(api.ADD_TOY_IMAGE)
def add_toy_image(toy_id: str) -> ImageTicket:
    """Announce a picture of a toy."""
    return shop.catalogue.add_image(toy_id, app.json_text())


@serves(api.REMOVE_TOY_IMAGE)
def remove_toy_image(toy_id: str, image_id: str) -> None:
    """Remove a picture of a toy."""
    shop.catalogue.remove_image(toy_id, image_id)


@serves(api.PLACE_ORDER)
def place_order() -> Answer:
    """Place an order, once per key."""
    key = idempotency_key(app.header("idempotency-key"))
    order, is_new = shop.ordering.place(caller(), key, app.document(), access_token())
    headers = {"Location": f"/api/orders/{order.id}"} if is_new else {}
    return Answer(order, status=201 if is_new else 200, headers=headers)


@serves(api.LIST_ORDERS)
def list_orders() -> api.ShopOrderPage:
    """List the caller's orders, everyone's for staff."""
    return shop.ordering.history(caller(), app.query(api.PageQuery))


@serves(api.GET_ORDER)
def get_order(order_id: str) -> api.ShopOrder:
    """Get one order."""
    return shop.ordering.get(caller(), order_id)


@serves(api.CHANGE_ORDER)
def change_order(order_id: str) -> api.ShopOrder:
    """Change the shipping address of one's own order."""
    own = shop.ordering.own(caller(), order_id)
    return shop.ordering.change(caller(), own, app.precondition(), app.document(patch=True))


@serves(api.CANCEL_ORDER)
def cancel_order(order_id: str) -> api.ShopOrder:
    """Call an order off."""
    visible = shop.ordering.visible(caller(), order_id)
    app.optional_body(NoBody)
    return shop.ordering.cancel(caller(), visible)


@serves(api.GET_RECEIPT)
def get_receipt(order_id: str) -> Answer:
    """Redirect to the receipt."""
    return Answer(headers={"Location": shop.ordering.receipt_url(caller(), order_id)})


@serves(api.PAYMENT_WEBHOOK)
def receive_payment_webhook() -> None:
    """Take in news of the payment gateway."""
    shop.webhooks.receive(app.raw_body(), app.header("stripe-signature"))


@app.schedule("rate(6 hours)")
def reconcile(event: CloudWatchEvent) -> dict[str, Any]:
    """Hold every order against what it was promised."""
    return shop.reconciliation.handle(event.detail, seconds_left(event.context))
