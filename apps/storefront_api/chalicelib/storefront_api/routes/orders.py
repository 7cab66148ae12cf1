"""The routes of orders."""

from chalicelib.storefront_api.bootstrap import Components
from chalicelib.storefront_api.caller import Caller, access_token_of, caller_of
from chalicelib.storefront_api.ordering import idempotency_key
from chassis.api import Answer, ServiceBlueprint
from contracts import storefront as api
from contracts.journeys import Journey
from contracts.orders import CountryList
from contracts.schema import NoBody

routes: ServiceBlueprint[Components] = ServiceBlueprint(__name__)


def caller() -> Caller:
    """Return the authenticated caller of the request."""
    return caller_of(routes.app.request.context)


@routes.serves(api.PLACE_ORDER)
def place_order() -> Answer:
    """Place an order, once per idempotency key."""
    app, ordering = routes.app, routes.components.ordering
    key = idempotency_key(app.header("idempotency-key"))
    order, is_new = ordering.place(caller(), key, app.document(), access_token_of(app))
    headers = {"Location": f"/api/orders/{order.id}"} if is_new else {}
    return Answer(order, status=201 if is_new else 200, headers=headers)


@routes.serves(api.LIST_ORDERS)
def list_orders() -> api.ShopOrderPage:
    """Return the caller's orders; for staff, everyone's."""
    return routes.components.ordering.history(caller(), routes.app.query(api.ShopOrderQuery))


@routes.serves(api.GET_ORDER)
def get_order(order_id: str) -> api.ShopOrder:
    """Return an order."""
    return routes.components.ordering.get(caller(), order_id)


@routes.serves(api.CHANGE_ORDER)
def change_order(order_id: str) -> api.ShopOrder:
    """Change the shipping address of the caller's own order."""
    app, ordering = routes.app, routes.components.ordering
    own_id = ordering.own_order(caller(), order_id).id
    return ordering.change(caller(), own_id, app.precondition(), app.document(patch=True))


@routes.serves(api.LIST_COUNTRIES)
def list_countries() -> CountryList:
    """Return the countries that the shop ships to."""
    return routes.components.ordering.countries()


@routes.serves(api.CANCEL_ORDER)
def cancel_order(order_id: str) -> api.ShopOrder:
    """Cancel an order."""
    visible_id = routes.components.ordering.visible_order_id(caller(), order_id)
    routes.app.optional_body(NoBody)
    return routes.components.ordering.cancel(caller(), visible_id)


@routes.serves(api.PAY_AGAIN)
def pay_again(order_id: str) -> Answer:
    """Pay the caller's own order again, once per idempotency key."""
    app, ordering = routes.app, routes.components.ordering
    order = ordering.own_order(caller(), order_id)
    key = idempotency_key(app.header("idempotency-key"))
    return Answer(ordering.pay_again(caller(), order, key, app.document()), status=202)


@routes.serves(api.GET_RECEIPT)
def get_receipt(order_id: str) -> Answer:
    """Redirect to the receipt of an order."""
    url = routes.components.ordering.receipt_url(caller(), order_id)
    return Answer(headers={"Location": url})


@routes.serves(api.GET_JOURNEY)
def get_journey(order_id: str) -> Journey:
    """Return the journey of an order through the services."""
    return routes.components.journeys.of_order(order_id)
