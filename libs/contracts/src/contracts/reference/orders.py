"""The document of the API of orders."""

from contracts.reference import HEALTH, PRIVATE_SERVER, Reference, Tag

REFERENCE = Reference(
    title="Toy shop: orders",
    name="orders",
    server=PRIVATE_SERVER,
    description="Orders with their lines, prices and addresses; payments belong to another "
    "service. "
    "A private API: callers sign their requests.",
    tags=(
        Tag(
            "Orders",
            "Placing, reading and changing orders.",
            {
                "placeOrder": "Stores the order, whose id is derived from the customer and the "
                "idempotency key, so that a repeated request returns the same order with 200. The "
                "event `shop.order.placed.v1` follows.",
                "findReplay": "Looks up the order of an idempotency key before the lines are "
                "priced; 404 if the key is free.",
                "listOrders": "Returns orders of one customer or of all, within a period.",
                "getOrder": "Reads the order consistently.",
                "changeOrder": "Replaces members of the shipping address. The event "
                "`shop.order.changed.v1` follows.",
                "cancelOrder": "Cancels the order. The event `shop.order.cancelled.v1` follows.",
                "listCountries": "Returns the fields of an address in each country.",
            },
        ),
        Tag(
            "Operation",
            "What operators and reconciliation use.",
            {
                "reemitOrder": "Publishes the event of the order's present status again, with the "
                "same id.",
                "restoreOrder": "Stores an order that is missing from the table, as its "
                "transaction has recorded it. `./shop reconcile --fix` uses it. The event "
                "`shop.order.placed.v1` follows, or `shop.order.cancelled.v1` if the order was "
                "cancelled.",
                "eraseCustomerOfOrders": "Replaces the contact by `Erased customer`, and the "
                "shipping address by its country. `./shop forget` uses it. The event "
                "`shop.order.changed.v1` follows.",
            },
        ),
        HEALTH,
    ),
)
