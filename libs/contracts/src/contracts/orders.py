"""The orders service: orders with their lines, prices and addresses."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from contracts import patterns
from contracts.headers import IF_MATCH
from contracts.money import ExpectedMoney, Money, NewMoney
from contracts.operations import Operation
from contracts.problem import Problem
from contracts.schema import (
    DEFAULT_LIMIT,
    Email,
    Input,
    Limit,
    NoBody,
    Output,
    PageCursor,
    PersonName,
    Timestamp,
)

MAX_LINES = 100
MAX_QUANTITY = 10_000
Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
AddressLine = Annotated[str, Meta(min_length=1, max_length=200, pattern=patterns.NOT_BLANK)]
OptionalLine = Annotated[str, Meta(max_length=200, pattern=patterns.LINE)]
PaymentMethod = Annotated[
    str,
    Meta(
        pattern=patterns.PAYMENT_METHOD, description="A payment method token of the payment gateway"
    ),
]
IdempotencyKey = Annotated[
    str, Meta(min_length=1, max_length=255, pattern=patterns.IDEMPOTENCY_KEY)
]
CountryCode = Annotated[
    str, Meta(pattern=patterns.COUNTRY, description="The country's code in ISO 3166-1 alpha-2")
]
OrderStatus = Literal["placed", "cancelled"]


class Address(Output):
    """A shipping address; a part that its country does not have is empty."""

    name: str
    line1: str
    city: str
    postal_code: str
    country: str
    line2: str = ""
    region: str = ""


class NewAddress(Address, kw_only=True, forbid_unknown_fields=True):
    """A shipping address in a request; its country decides which parts it needs."""

    name: PersonName
    line1: AddressLine
    country: CountryCode
    line2: OptionalLine = ""
    city: OptionalLine = ""
    region: OptionalLine = ""
    postal_code: Annotated[str, Meta(max_length=20, pattern=patterns.LINE)] = ""


class AddressField(Output):
    """A part of a shipping address that not every country has, and its name in a country.

    Where a region is required and a city is not, as in Hong Kong, either of them is enough.
    """

    name: Literal["city", "region", "postal_code"]
    label: str
    required: bool


class Country(Output):
    """A country that the shop ships to, with the fields of an address in the usual order."""

    code: str
    name: str
    fields: list[AddressField]


class CountryList(Output):
    """The countries that the shop ships to, by code."""

    items: list[Country]


class Contact(Output):
    """The customer's name and email address in the user pool when the order was placed.

    Once the customer's data are erased, it is ``ERASED``.
    """

    email: str
    name: str


ERASED = Contact(email="", name="Erased customer")
"""The contact of a customer whose data are erased; nobody else has an empty email address."""


class NewContact(Contact, forbid_unknown_fields=True):
    """A contact in a request."""

    email: Email
    name: PersonName


class PricedLine(Input):
    """A line with the toy's name and price at the time of the order."""

    toy_id: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Annotated[str, Meta(min_length=1, max_length=120)]
    quantity: Quantity
    unit_price: NewMoney


class OrderLine(Output):
    """A line of an order."""

    toy_id: str
    name: str
    quantity: int
    unit_price: Money
    line_total: Money


class PlaceOrder(Input):
    """An order to place, with the prices that the storefront has looked up.

    Lines of the same toy are added up. If the order's total is not ``expected_total``, the answer
    is ``PriceChanged``.
    """

    customer_id: Annotated[str, Meta(min_length=1, max_length=128)]
    idempotency_key: IdempotencyKey
    fingerprint: Annotated[str, Meta(pattern=patterns.SHA256)]
    contact: NewContact
    lines: Annotated[list[PricedLine], Meta(min_length=1, max_length=MAX_LINES)]
    shipping_address: NewAddress
    payment_method: PaymentMethod
    expected_total: ExpectedMoney | UnsetType = UNSET


class ReplayLookup(Input):
    """The idempotency key of a customer and the fingerprint of the request to look up."""

    customer_id: Annotated[str, Meta(min_length=1, max_length=128)]
    idempotency_key: IdempotencyKey
    fingerprint: Annotated[str, Meta(pattern=patterns.SHA256)]


class OrderChange(Input):
    """The part of an order that may change after it is placed."""

    shipping_address: NewAddress


class OrderQuery(Input):
    """Filters and page of a list of orders; without ``customer_id``, of all customers' orders.

    ``since`` (included) and ``until`` (excluded) bound the time at which they were placed. With a
    ``status``, a page can have fewer orders than ``limit``, even none, and a ``next_cursor``: each
    request reads a bounded number of orders.
    """

    customer_id: Annotated[str | None, Meta(description="Only orders of this customer")] = None
    status: Annotated[OrderStatus | None, Meta(description="Only orders in this status")] = None
    since: Annotated[
        Timestamp | None, Meta(description="Only orders placed at or after this time")
    ] = None
    until: Annotated[Timestamp | None, Meta(description="Only orders placed before this time")] = (
        None
    )
    limit: Limit = DEFAULT_LIMIT
    cursor: PageCursor = None


class Order(Output):
    """An order as the orders service stores it; also the data of its events."""

    id: str
    customer_id: str
    status: OrderStatus
    lines: list[OrderLine]
    total: Money
    shipping_address: Address
    contact: Contact
    payment_method: str
    version: int
    placed_at: Timestamp
    updated_at: Timestamp


class LostAddress(Address, kw_only=True, forbid_unknown_fields=True):
    """The shipping address of a lost order; of an erased customer, only the country is left."""

    name: OptionalLine
    line1: OptionalLine
    city: OptionalLine
    postal_code: Annotated[str, Meta(max_length=20, pattern=patterns.LINE)]
    country: CountryCode
    line2: OptionalLine = ""
    region: OptionalLine = ""


class LostContact(Contact, kw_only=True, forbid_unknown_fields=True):
    """The contact of a lost order; that of an erased customer is ``ERASED``."""

    email: Annotated[str, Meta(max_length=254)]
    name: OptionalLine


class LostOrder(Input):
    """An order that is missing from the table, as its transaction has recorded it.

    ``cancelled_at`` is set if the order was cancelled.
    """

    customer_id: Annotated[str, Meta(min_length=1, max_length=128)]
    contact: LostContact
    lines: Annotated[list[PricedLine], Meta(min_length=1, max_length=MAX_LINES)]
    shipping_address: LostAddress
    payment_method: PaymentMethod
    placed_at: Timestamp
    cancelled_at: Timestamp | None = None


class OrderErasure(Input):
    """The orders whose customer's data to erase."""

    order_ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=100)
    ]


class OrderErasureAnswer(Output):
    """The ids of those orders that had data of their customer until now."""

    erased: list[str]


class OrderPage(Output):
    """A page of orders."""

    items: list[Order]
    next_cursor: str | None


PRICE_CHANGED = "/problems.html#price-changed"
"""The type of the problem ``PriceChanged``: a page of the shop's website that explains it."""


class PriceChanged(Problem, frozen=True, kw_only=True):
    """The problem of an order whose total is not the expected one; nothing was placed.

    ``lines`` and ``total`` are those that the order would have now.
    """

    lines: list[OrderLine]
    total: Money


PLACE: Operation[Order] = Operation(
    name="placeOrder", method="POST", path="/orders",
    summary="Place an order, once per idempotency key",
    body=PlaceOrder, answer=Order, status=(201, 200), problems=(400, 409, 422),
    problem_bodies={409: PriceChanged}, repeatable=True,
)  # fmt: skip
REPLAY: Operation[Order] = Operation(
    name="findReplay", method="POST", path="/orders/replay",
    summary="Return the order that was placed with a key",
    body=ReplayLookup, answer=Order, problems=(400, 404, 422), repeatable=True,
)  # fmt: skip
LIST: Operation[OrderPage] = Operation(
    name="listOrders", method="GET", path="/orders", summary="List orders, newest first",
    query=OrderQuery, answer=OrderPage, problems=(400,), repeatable=True,
)  # fmt: skip
GET: Operation[Order] = Operation(
    name="getOrder", method="GET", path="/orders/{order_id}", summary="Return an order",
    answer=Order, problems=(404,), repeatable=True,
)  # fmt: skip
CHANGE: Operation[Order] = Operation(
    name="changeOrder", method="PATCH", path="/orders/{order_id}",
    summary="Change the shipping address (JSON merge patch, RFC 7396)",
    body=OrderChange, answer=Order, problems=(400, 404, 409, 412, 415, 422, 428),
    headers=(IF_MATCH,),
)  # fmt: skip
CANCEL: Operation[Order] = Operation(
    name="cancelOrder", method="POST", path="/orders/{order_id}/cancellation",
    summary="Cancel an order; repeating it is not an error",
    body=NoBody, answer=Order, status=(202,), problems=(400, 404), repeatable=True,
)  # fmt: skip
REEMIT: Operation[None] = Operation(
    name="reemitOrder", method="POST", path="/orders/{order_id}/events",
    summary="Re-emit the event of the order's status: placed or cancelled",
    body=NoBody, status=(202,), problems=(400, 404), repeatable=True,
)  # fmt: skip
RESTORE: Operation[Order] = Operation(
    name="restoreOrder", method="PUT", path="/orders/{order_id}",
    summary="Restore a lost order; one that exists stays as it is",
    body=LostOrder, answer=Order, status=(201, 200), problems=(400, 422), repeatable=True,
)  # fmt: skip
LIST_COUNTRIES: Operation[CountryList] = Operation(
    name="listCountries", method="GET", path="/countries",
    summary="List the countries that the shop ships to, and what an address needs in each",
    answer=CountryList, problems=(400,), repeatable=True,
)  # fmt: skip
ERASE: Operation[OrderErasureAnswer] = Operation(
    name="eraseCustomerOfOrders", method="POST", path="/orders/erasures",
    summary="Erase the customer's data of orders; repeating it changes nothing",
    body=OrderErasure, answer=OrderErasureAnswer, problems=(400, 422), repeatable=True,
)  # fmt: skip

OPERATIONS = (PLACE, REPLAY, LIST, GET, CHANGE, LIST_COUNTRIES, CANCEL, REEMIT, RESTORE, ERASE)
