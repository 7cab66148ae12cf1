"""The storefront's public API, the only API for clients."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from contracts import patterns
from contracts.files import ImageTicket
from contracts.headers import IDEMPOTENCY_KEY, IF_MATCH, STRIPE_SIGNATURE
from contracts.journeys import Journey
from contracts.money import ExpectedMoney, Money
from contracts.operations import Operation
from contracts.orders import (
    MAX_LINES,
    Address,
    Contact,
    CountryList,
    NewAddress,
    OrderChange,
    OrderLine,
    OrderStatus,
    PaymentMethod,
    PriceChanged,
    Quantity,
)
from contracts.payments import DisputeState
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
from contracts.toys import (
    NewToyImage,
    SuggestionList,
    SuggestionQuery,
    Toy,
    ToyDraft,
    ToyPage,
    ToyPatch,
    ToyQuery,
    ToyReplacement,
    UploadedImagePage,
    UploadedImageQuery,
)

ServiceState = Literal["ok", "down"]


class HealthQuery(Input):
    """``deep=1`` checks the private services too."""

    deep: Annotated[Literal[0, 1], Meta(description="1 checks the private services too")] = 0


class ShopHealth(Output, omit_defaults=True):
    """Whether the shop is available; with ``deep=1``, the state of each private service."""

    status: Literal["ok", "degraded"]
    services: dict[str, ServiceState] | UnsetType = UNSET


Password = Annotated[str, Meta(min_length=1, max_length=256)]


class NewUser(Input):
    """A user who signs up."""

    email: Email
    password: Password
    name: PersonName


class User(Output):
    """A registered user."""

    id: str
    email: str
    name: str


class Confirmation(Input):
    """The code that was emailed to confirm an address."""

    email: Email
    code: Annotated[str, Meta(pattern=patterns.CONFIRMATION_CODE)]


class CodeRequest(Input):
    """The address to send a code to, if it has an account."""

    email: Email


class PasswordReset(Input):
    """A new password, and the code that was emailed to set it."""

    email: Email
    code: Annotated[str, Meta(pattern=patterns.CONFIRMATION_CODE)]
    password: Password


class ProfileChange(Input):
    """The part of a user's profile that the user may change."""

    name: PersonName


class NewSession(Input):
    """Credentials: ``email`` and ``password``, or the ``refresh_token`` of an earlier session."""

    email: Annotated[str, Meta(min_length=1, max_length=254)] | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    refresh_token: Annotated[str, Meta(min_length=1, max_length=8192)] | UnsetType = UNSET


class Session(Output):
    """The tokens of a signed-in user; ``expires_in`` is in seconds."""

    access_token: str
    id_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int


class DraftLine(Input):
    """A toy and its quantity; the shop sets the price."""

    toy_id: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Quantity


class NewOrder(Input):
    """An order to place.

    Lines of the same toy are added up. ``expected_total`` is the total that the customer has seen;
    if the order's total is another one, nothing is placed.
    """

    lines: Annotated[list[DraftLine], Meta(min_length=1, max_length=MAX_LINES)]
    shipping_address: NewAddress
    payment_method: PaymentMethod
    expected_total: ExpectedMoney | UnsetType = UNSET


class NewPayment(Input):
    """Another payment method for an order that is not paid."""

    payment_method: PaymentMethod


class PaymentAction(Output):
    """The secret with which the shopper's browser authenticates the payment."""

    client_secret: str


class OrderPayment(Output):
    """The payment of an order; ``unknown`` while the payment status is not available.

    ``refunded_amount``, ``disputed`` and ``dispute`` are ``null`` while the status is ``unknown``.
    """

    status: Literal[
        "pending", "succeeded", "declined", "action_required", "refunded", "cancelled", "unknown"
    ]
    transaction_id: str | None
    decline_code: str | None
    action: PaymentAction | None
    refunded_amount: Annotated[
        Money | None,
        Meta(description="The amount refunded so far, including refunds by the shop's staff"),
    ]
    disputed: Annotated[
        bool | None,
        Meta(description="Whether the customer's bank disputes the payment, or has won a dispute"),
    ]
    dispute: Annotated[
        DisputeState | None,
        Meta(description="The bank's dispute, if there is one: open, won by the shop, or lost"),
    ]


class ShopOrder(Output):
    """An order with its payment, and whether its receipt is available.

    ``contact`` is the customer's name and email address when the order was placed.
    """

    id: str
    customer_id: str
    status: OrderStatus
    lines: list[OrderLine]
    total: Money
    shipping_address: Address
    contact: Contact
    version: int
    placed_at: Timestamp
    updated_at: Timestamp
    payment: OrderPayment
    receipt: bool


class ShopOrderPage(Output):
    """A page of orders."""

    items: list[ShopOrder]
    next_cursor: str | None


class ShopOrderQuery(Input):
    """Filters and page of a list of orders.

    With a ``status``, a page can have fewer orders than ``limit``, even none, before the last page,
    the one without ``next_cursor``.
    """

    status: Annotated[OrderStatus | None, Meta(description="Only orders in this status")] = None
    email: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=254,
                description="For staff: the email address of the account whose orders are listed.",
            ),
        ]
        | None
    ) = None
    limit: Limit = DEFAULT_LIMIT
    cursor: PageCursor = None


HEALTH: Operation[ShopHealth] = Operation(
    name="getHealth", method="GET", path="/health", summary="Check whether the shop is available",
    audience="anyone", query=HealthQuery, answer=ShopHealth, status=(200, 503), problems=(400,),
    repeatable=True,
)  # fmt: skip
OPENAPI: Operation[dict[str, object]] = Operation(
    name="getOpenApi", method="GET", path="/openapi.json", summary="Return this document",
    audience="anyone", answer=dict[str, object], problems=(400,), repeatable=True,
)  # fmt: skip
SIGN_UP: Operation[User] = Operation(
    name="signUp", method="POST", path="/users", summary="Sign up",
    audience="anyone", body=NewUser, answer=User, status=(201,),
    problems=(400, 409, 415, 422, 503),
)  # fmt: skip
CONFIRM: Operation[None] = Operation(
    name="confirmUser", method="POST", path="/users/confirmation",
    summary="Confirm an email address", audience="anyone", body=Confirmation, status=(204,),
    problems=(400, 415, 422, 429, 503),
)  # fmt: skip
RESEND_CODE: Operation[None] = Operation(
    name="resendCode", method="POST", path="/users/confirmation/resend",
    summary="Send a new code to confirm an email address, if it has an account that needs one",
    audience="anyone", body=CodeRequest, status=(202,), problems=(400, 415, 422, 503),
    repeatable=True,
)  # fmt: skip
REQUEST_PASSWORD_RESET: Operation[None] = Operation(
    name="requestPasswordReset", method="POST", path="/users/password-reset",
    summary="Send a code to set a new password, if the address has an account",
    audience="anyone", body=CodeRequest, status=(202,), problems=(400, 415, 422, 503),
    repeatable=True,
)  # fmt: skip
RESET_PASSWORD: Operation[None] = Operation(
    name="resetPassword", method="POST", path="/users/password-reset/confirmation",
    summary="Set a new password with the code, and end all sessions of the user",
    audience="anyone", body=PasswordReset, status=(204,), problems=(400, 415, 422, 503),
)  # fmt: skip
GET_PROFILE: Operation[User] = Operation(
    name="getProfile", method="GET", path="/users/me", summary="Return your profile",
    audience="customer", answer=User, problems=(401, 503), repeatable=True,
)  # fmt: skip
CHANGE_PROFILE: Operation[User] = Operation(
    name="changeProfile", method="PATCH", path="/users/me",
    summary="Change your name (JSON merge patch, RFC 7396)", audience="customer",
    body=ProfileChange, answer=User, problems=(400, 401, 415, 422, 503), repeatable=True,
)  # fmt: skip
SIGN_IN: Operation[Session] = Operation(
    name="signIn", method="POST", path="/sessions", summary="Sign in",
    audience="anyone", body=NewSession, answer=Session,
    problems=(400, 401, 415, 422, 429, 503),
)  # fmt: skip
SEARCH_TOYS: Operation[ToyPage] = Operation(
    name="searchToys", method="GET", path="/toys", summary="Search the catalogue",
    audience="anyone", query=ToyQuery, answer=ToyPage, problems=(400, 503), repeatable=True,
)  # fmt: skip
SUGGEST_TOYS: Operation[SuggestionList] = Operation(
    name="suggestToys", method="GET", path="/toys/suggestions", summary="Suggest queries",
    audience="anyone", query=SuggestionQuery, answer=SuggestionList, problems=(400, 503),
    repeatable=True,
)  # fmt: skip
GET_TOY: Operation[Toy] = Operation(
    name="getToy", method="GET", path="/toys/{toy_id}", summary="Return a toy",
    audience="anyone", answer=Toy, problems=(404, 503), repeatable=True, conditional=True,
)  # fmt: skip
CREATE_TOY: Operation[Toy] = Operation(
    name="createToy", method="POST", path="/toys", summary="Add a toy", audience="staff",
    body=ToyDraft, answer=Toy, status=(201,), problems=(400, 401, 403, 415, 422, 503),
)  # fmt: skip
REPLACE_TOY: Operation[Toy] = Operation(
    name="replaceToy", method="PUT", path="/toys/{toy_id}", summary="Replace a toy",
    audience="staff", body=ToyReplacement, answer=Toy, headers=(IF_MATCH,),
    problems=(400, 401, 403, 404, 412, 415, 422, 428, 503),
)  # fmt: skip
PATCH_TOY: Operation[Toy] = Operation(
    name="patchToy", method="PATCH", path="/toys/{toy_id}",
    summary="Change a toy (JSON merge patch, RFC 7396)",
    audience="staff", body=ToyPatch, answer=Toy, headers=(IF_MATCH,),
    problems=(400, 401, 403, 404, 412, 415, 422, 428, 503),
)  # fmt: skip
DELETE_TOY: Operation[None] = Operation(
    name="deleteToy", method="DELETE", path="/toys/{toy_id}", summary="Delete a toy",
    audience="staff", status=(204,), headers=(IF_MATCH,),
    problems=(400, 401, 403, 404, 412, 428, 503),
)  # fmt: skip
ADD_TOY_IMAGE: Operation[ImageTicket] = Operation(
    name="addToyImage", method="POST", path="/toys/{toy_id}/images",
    summary="Add an image and return where to upload it", audience="staff",
    body=NewToyImage, answer=ImageTicket, status=(201,),
    problems=(400, 401, 403, 404, 409, 415, 422, 503),
)  # fmt: skip
LIST_TOY_IMAGES: Operation[UploadedImagePage] = Operation(
    name="listToyImages", method="GET", path="/toys/{toy_id}/images",
    summary="List the images of a toy with the result of their check, newest first",
    audience="staff", query=UploadedImageQuery, answer=UploadedImagePage,
    problems=(400, 401, 403, 404, 503), repeatable=True,
)  # fmt: skip
REMOVE_TOY_IMAGE: Operation[None] = Operation(
    name="removeToyImage", method="DELETE", path="/toys/{toy_id}/images/{image_id}",
    summary="Remove an image", audience="staff", status=(204,), problems=(401, 403, 404, 503),
)  # fmt: skip
PLACE_ORDER: Operation[ShopOrder] = Operation(
    name="placeOrder", method="POST", path="/orders",
    summary="Place an order, once per idempotency key", audience="customer",
    body=NewOrder, answer=ShopOrder, status=(201, 200),
    headers=(IDEMPOTENCY_KEY,), problems=(400, 401, 403, 409, 415, 422, 503),
    problem_bodies={409: PriceChanged}, repeatable=True,
)  # fmt: skip
LIST_ORDERS: Operation[ShopOrderPage] = Operation(
    name="listOrders", method="GET", path="/orders",
    summary="List your orders, newest first; for staff, all orders",
    audience="customer", query=ShopOrderQuery, answer=ShopOrderPage, problems=(400, 401, 403, 503),
    repeatable=True,
)  # fmt: skip
GET_ORDER: Operation[ShopOrder] = Operation(
    name="getOrder", method="GET", path="/orders/{order_id}", summary="Return an order",
    audience="owner or staff", answer=ShopOrder, problems=(401, 404, 503), repeatable=True,
)  # fmt: skip
CHANGE_ORDER: Operation[ShopOrder] = Operation(
    name="changeOrder", method="PATCH", path="/orders/{order_id}",
    summary="Change the shipping address", audience="customer", body=OrderChange,
    answer=ShopOrder, headers=(IF_MATCH,),
    problems=(400, 401, 403, 404, 409, 412, 415, 422, 428, 503),
)  # fmt: skip
LIST_COUNTRIES: Operation[CountryList] = Operation(
    name="listCountries", method="GET", path="/countries",
    summary="List the countries that the shop ships to, and what an address needs in each",
    audience="anyone", answer=CountryList, problems=(400, 503), repeatable=True,
)  # fmt: skip
CANCEL_ORDER: Operation[ShopOrder] = Operation(
    name="cancelOrder", method="POST", path="/orders/{order_id}/cancellation",
    summary="Cancel an order; a charge is refunded", audience="owner or staff",
    body=NoBody, answer=ShopOrder, status=(202,), problems=(400, 401, 404, 415, 422, 503),
    repeatable=True,
)  # fmt: skip
PAY_AGAIN: Operation[ShopOrder] = Operation(
    name="payAgain", method="POST", path="/orders/{order_id}/payment",
    summary="Pay an order again with another payment method, once per idempotency key",
    audience="customer", body=NewPayment, answer=ShopOrder, status=(202,),
    headers=(IDEMPOTENCY_KEY,), problems=(400, 401, 404, 409, 415, 422, 503), repeatable=True,
)  # fmt: skip
GET_RECEIPT: Operation[None] = Operation(
    name="getReceipt", method="GET", path="/orders/{order_id}/receipt",
    summary="Redirect to a short-lived URL of the receipt, a PDF", audience="owner or staff",
    status=(303,), problems=(401, 404, 503), repeatable=True,
)  # fmt: skip
GET_JOURNEY: Operation[Journey] = Operation(
    name="getJourney", method="GET", path="/orders/{order_id}/journey",
    summary="Return the journey of an order through the services, from its traces",
    audience="staff", answer=Journey, problems=(401, 403, 404, 503), repeatable=True,
)  # fmt: skip
PAYMENT_WEBHOOK: Operation[None] = Operation(
    name="receivePaymentWebhook", method="POST", path="/webhooks/payments",
    summary="Receive a webhook of the payment gateway", audience="gateway", raw_body=True,
    status=(204,),
    headers=(STRIPE_SIGNATURE,), problems=(400, 503), repeatable=True,
)  # fmt: skip

OPERATIONS = (
    HEALTH,
    OPENAPI,
    SIGN_UP,
    CONFIRM,
    RESEND_CODE,
    REQUEST_PASSWORD_RESET,
    RESET_PASSWORD,
    GET_PROFILE,
    CHANGE_PROFILE,
    SIGN_IN,
    SEARCH_TOYS,
    SUGGEST_TOYS,
    GET_TOY,
    CREATE_TOY,
    REPLACE_TOY,
    PATCH_TOY,
    DELETE_TOY,
    ADD_TOY_IMAGE,
    LIST_TOY_IMAGES,
    REMOVE_TOY_IMAGE,
    PLACE_ORDER,
    LIST_ORDERS,
    GET_ORDER,
    CHANGE_ORDER,
    LIST_COUNTRIES,
    CANCEL_ORDER,
    PAY_AGAIN,
    GET_RECEIPT,
    GET_JOURNEY,
    PAYMENT_WEBHOOK,
)
