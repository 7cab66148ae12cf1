"""The orders API, the relay of the table's stream, and the backfill of the table."""

import chassis.startup  # noqa: F401 - first: it makes the other imports faster

# isort: split
from typing import Any

from chalice.app import DynamoDBEvent

from chalicelib.orders.bootstrap import Settings, build
from chassis.api import Answer, ServiceApp
from chassis.settings import load, source
from contracts import orders as api

settings = load(Settings)
app = ServiceApp("toyshop-orders", settings)
components = build(settings)


@app.serves(api.PLACE)
def place_order() -> Answer:
    """Place an order, once per idempotency key."""
    order, is_new = components.orders.place(app.body(api.PlaceOrder))
    return Answer(order, status=201 if is_new else 200)


@app.serves(api.REPLAY)
def find_replay() -> api.Order:
    """Return the order that was placed with an idempotency key."""
    return components.orders.find_replay(app.body(api.ReplayLookup))


@app.serves(api.LIST)
def list_orders() -> api.OrderPage:
    """Return a page of orders, newest first."""
    return components.orders.list(app.query(api.OrderQuery))


@app.serves(api.GET)
def get_order(order_id: str) -> api.Order:
    """Return an order."""
    return components.orders.get(order_id)


@app.serves(api.CHANGE)
def change_order(order_id: str) -> api.Order:
    """Change the shipping address of an order."""
    return components.orders.change(order_id, app.precondition(), app.patch())


@app.serves(api.LIST_COUNTRIES)
def list_countries() -> api.CountryList:
    """Return the countries that the shop ships to."""
    return components.orders.countries()


@app.serves(api.CANCEL)
def cancel_order(order_id: str) -> api.Order:
    """Cancel an order."""
    app.optional_body(api.NoBody)
    return components.orders.cancel(order_id)


@app.serves(api.REEMIT)
def reemit_order(order_id: str) -> None:
    """Re-emit the event of an order's current status."""
    app.optional_body(api.NoBody)
    components.orders.reemit(order_id)


@app.serves(api.RESTORE)
def restore_order(order_id: str) -> Answer:
    """Restore a lost order."""
    order, is_new = components.orders.restore(order_id, app.body(api.LostOrder))
    return Answer(order, status=201 if is_new else 200)


@app.serves(api.ERASE)
def erase_customer_of_orders() -> api.OrderErasureAnswer:
    """Erase the customer's data of orders."""
    return components.orders.erase_customer(app.body(api.OrderErasure))


@app.on_dynamodb_record(stream_arn=source("on_dynamodb_record"), starting_position="TRIM_HORIZON")
def on_dynamodb_record(event: DynamoDBEvent) -> dict[str, object]:
    """Publish the events of changed orders."""
    return components.relay.handle(event.to_dict(), event.context)


@app.lambda_function()
def backfill(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Add missing attributes to a page of older records; ``./shop backfill`` invokes it."""
    return components.backfill.step(event, context)
