"""The storefront with real users and tokens, and fakes of the private services."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import moto.cognitoidp
import msgspec
from moto.cognitoidp.exceptions import ExpiredCodeException, ResourceNotFoundError
from moto.cognitoidp.models import CognitoIdpBackend
from moto.cognitoidp.responses import CognitoIdpResponse
from moto.core.responses import EmptyResult

from chalicelib.storefront_api.bootstrap import DownstreamServices, build
from chalicelib.storefront_api.signing_keys import PublicKey, UnknownKeyError, usable_keys
from chassis.client import Reply
from chassis.problems import BadRequest, Conflict, NotFound, PreconditionFailed, Unprocessable
from contracts import files, notifications, orders, payments, toys
from contracts.money import ExpectedMoney, Money
from contracts.problem import TYPES
from contracts.schema import Health
from support.downstream import Call, FakeDownstream
from support.moto_aws import client_of

# what moto lacks of Cognito: one operation, and the answer to a code of an unknown user
CognitoIdpResponse.resend_confirmation_code = lambda _: EmptyResult()  # type: ignore[attr-defined]
_confirm_forgot_password = CognitoIdpBackend.confirm_forgot_password


def _confirm_forgot_password_of_a_user(
    self: CognitoIdpBackend, client_id: str, username: str, password: str, code: str
) -> None:
    try:
        _confirm_forgot_password(self, client_id, username, password, code)
    except ResourceNotFoundError:
        raise ExpiredCodeException("Invalid code provided, please request a code again.") from None


CognitoIdpBackend.confirm_forgot_password = (  # type: ignore[method-assign]
    _confirm_forgot_password_of_a_user
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PASSWORD = "Toyshop-2026!"
CARD = "4242 4242 4242 4242"
ADDRESS = {
    "name": "Alice",
    "line1": "1 Toy St",
    "city": "Sydney",
    "postal_code": "2000",
    "country": "AU",
}
BASKET: dict[str, Any] = {
    "lines": [{"toy_id": "toy_1", "quantity": 2}, {"toy_id": "toy_2", "quantity": 1}],
    "shipping_address": ADDRESS,
    "payment_method": "pm_card_visa",
}
AUSTRALIA = orders.Country(
    code="AU",
    name="Australia",
    fields=[orders.AddressField(name="postal_code", label="Postcode", required=True)],
)
DRAFT = {
    "name": "Kite",
    "description": "Flies",
    "category": "outdoor",
    "brand": "Windy",
    "price": {"amount": 1250, "currency": "AUD"},
    "min_age": 3,
}


def toy(toy_id: str, amount: int = 1250, currency: str = "AUD") -> toys.Toy:
    return toys.Toy(
        id=toy_id,
        name=f"Toy {toy_id}",
        description="",
        category="outdoor",
        brand="Windy",
        price=Money(amount=amount, currency=currency),
        min_age=3,
        attributes={},
        images=[],
        version=4,
        created_at=NOW,
        updated_at=NOW,
    )


class Toys(FakeDownstream):
    """A fake of the toys service with two toys."""

    def __init__(self) -> None:
        self.shelf = {"toy_1": toy("toy_1"), "toy_2": toy("toy_2", 500)}
        super().__init__(
            getHealth=lambda _: Health(status="ok"),
            searchToys=lambda _: toys.ToyPage(
                items=list(self.shelf.values()), next_cursor=None, total=len(self.shelf)
            ),
            suggestToys=lambda _: toys.SuggestionList(items=[toys.Suggestion(text="Kite")]),
            outlineCatalogue=lambda _: toys.CatalogueOutline(
                parts=[NOW.date()], categories=["outdoor"]
            ),
            listCataloguePart=self._part,
            getToy=lambda call: self._toy(call),
            lookUpToys=lambda call: toys.ToyLookupAnswer(
                items=[self.shelf[toy_id] for toy_id in call.body.ids if toy_id in self.shelf]
            ),
            createToy=lambda _: toy("toy_3"),
            replaceToy=lambda call: self._toy(call),
            patchToy=lambda call: self._toy(call),
            deleteToy=lambda _: None,
            addToyImage=lambda _: files.ImageTicket(
                image=files.Image(id="fil_1", url="/files/fil_1", alt="A kite"),
                upload=files.Upload(
                    method="POST", url="http://s3/", headers={}, fields={}, expires_at=NOW
                ),
            ),
            listToyImages=self._images,
            removeToyImage=lambda _: None,
        )

    def _part(self, call: Call) -> toys.CataloguePart:
        if call.query.number > 1:
            raise NotFound("The catalogue has no such part.")
        return toys.CataloguePart(
            items=[
                toys.ListedToy(id=toy.id, name=toy.name, updated_on=toy.updated_at.date())
                for toy in self.shelf.values()
            ]
        )

    def _images(self, call: Call) -> toys.UploadedImagePage:
        self._toy(call)
        image = toys.UploadedImage(
            id="fil_1",
            status="rejected",
            reason="The file is damaged.",
            url="/files/fil_1",
            alt="A kite",
            width=None,
            height=None,
            variants=[],
            created_at=NOW,
        )
        return toys.UploadedImagePage(items=[image], next_cursor="next")

    def _toy(self, call: Call) -> toys.Toy:
        if call.path["toy_id"] not in self.shelf:
            raise NotFound("There is no such toy.")
        return self.shelf[call.path["toy_id"]]


class Orders(FakeDownstream):
    """A fake of the orders service, with the behavior that the storefront relies on."""

    def __init__(self) -> None:
        self.placed: dict[str, orders.Order] = {}
        self.keys: dict[tuple[str, str], tuple[str, str]] = {}
        super().__init__(
            getHealth=lambda _: Health(status="ok"),
            findReplay=self._replay,
            placeOrder=self._place,
            getOrder=lambda call: self._order(call),
            listOrders=self._list,
            changeOrder=self._change,
            cancelOrder=self._cancel,
            listCountries=lambda _: orders.CountryList(items=[AUSTRALIA]),
        )

    def _replay(self, call: Call) -> orders.Order:
        known = self.keys.get((call.body.customer_id, call.body.idempotency_key))
        if known is None:
            raise NotFound("No order was placed with this key.")
        if known[1] != call.body.fingerprint:
            raise Unprocessable("This Idempotency-Key was used for another request.")
        return self.placed[known[0]]

    def _place(self, call: Call) -> Any:
        # encode and decode it, so that it must match the contract
        request = msgspec.json.decode(msgspec.json.encode(call.body), type=orders.PlaceOrder)
        if (request.customer_id, request.idempotency_key) in self.keys:
            return Reply(200, self._replay(call))
        total = sum(line.unit_price.amount * line.quantity for line in request.lines)
        if request.expected_total not in (
            msgspec.UNSET,
            ExpectedMoney(amount=total, currency="AUD"),
        ):
            changed = Conflict("The order comes to another total now.")
            changed.type, changed.title = orders.PRICE_CHANGED, "The price has changed"
            changed.extensions = {"lines": [], "total": {"amount": total, "currency": "AUD"}}
            raise changed
        order = orders.Order(
            id=f"ord_{len(self.placed) + 1}",
            customer_id=request.customer_id,
            status="placed",
            lines=[
                orders.OrderLine(
                    toy_id=line.toy_id,
                    name=line.name,
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    line_total=Money(amount=line.unit_price.amount * line.quantity, currency="AUD"),
                )
                for line in request.lines
            ],
            total=Money(amount=total, currency="AUD"),
            shipping_address=request.shipping_address,
            contact=request.contact,
            payment_method=request.payment_method,
            version=1,
            placed_at=NOW,
            updated_at=NOW,
        )
        self.placed[order.id] = order
        key = (request.customer_id, request.idempotency_key)
        self.keys[key] = (order.id, request.fingerprint)
        return Reply(201, order)

    def _order(self, call: Call) -> orders.Order:
        if call.path["order_id"] not in self.placed:
            raise NotFound("There is no such order.")
        return self.placed[call.path["order_id"]]

    def _list(self, call: Call) -> orders.OrderPage:
        if call.query.cursor:
            raise BadRequest.at("/cursor", "Not a cursor of this list")
        owner = call.query.customer_id
        items = [order for order in self.placed.values() if owner in (None, order.customer_id)]
        return orders.OrderPage(items=items[: call.query.limit], next_cursor="more")

    def _change(self, call: Call) -> orders.Order:
        order = self._order(call)
        if call.headers["If-Match"] != f'"{order.version}"':
            raise PreconditionFailed("The order has changed.")
        if order.status == "cancelled":
            raise Conflict("The order was cancelled.")
        change = msgspec.convert(call.body, orders.OrderChange)
        return self._keep(order, shipping_address=change.shipping_address)

    def _cancel(self, call: Call) -> orders.Order:
        order = self._order(call)
        return order if order.status == "cancelled" else self._keep(order, status="cancelled")

    def _keep(self, order: orders.Order, **changes: Any) -> orders.Order:
        kept = msgspec.structs.replace(order, version=order.version + 1, **changes)
        self.placed[order.id] = kept
        return kept


class Payments(FakeDownstream):
    """A fake of the payments service, with the transactions that a test sets."""

    def __init__(self) -> None:
        self.transactions: dict[str, payments.Transaction] = {}
        self.keys: dict[str, str] = {}
        super().__init__(
            getHealth=lambda _: Health(status="ok"),
            receiveWebhook=lambda _: None,
            retryPayment=self._retry,
            lookUpTransactions=lambda call: payments.TransactionLookupAnswer(
                items=[
                    self.transactions[order_id]
                    for order_id in call.body.order_ids
                    if order_id in self.transactions
                ]
            ),
        )

    def _retry(self, call: Call) -> payments.Transaction:
        # encode and decode it, so that it must match the contract
        request = msgspec.json.decode(msgspec.json.encode(call.body), type=payments.PaymentRetry)
        if self.keys.setdefault(request.idempotency_key, request.fingerprint) != (
            request.fingerprint
        ):
            raise Unprocessable("This Idempotency-Key was used for another request.")
        transaction = self.transactions.get(request.order_id)
        if transaction is None or request.order_status == "cancelled":
            raise Conflict("This order can't be paid.")
        self.set(request.order_id, "pending")
        return self.transactions[request.order_id]

    def set(self, order_id: str, status: payments.PaymentStatus, **fields: Any) -> None:
        """Set the transaction of an order."""
        self.transactions[order_id] = payments.Transaction(
            id=f"txn_{order_id}",
            order_id=order_id,
            customer_id="x",
            status=status,
            amount=Money(amount=3000, currency="AUD"),
            version=1,
            created_at=NOW,
            updated_at=NOW,
            **fields,
        )


class Shop:
    """The storefront with fakes of the private services, and its user pool.

    Parameters
    ----------
    module
        The loaded app.
    api
        Sends requests to it.
    """

    def __init__(self, module: Any, api: Any) -> None:
        self.toys, self.orders, self.payments = Toys(), Orders(), Payments()
        self.file_manager = FakeDownstream(
            getHealth=lambda _: Health(status="ok"),
            linkDocument=lambda call: files.Link(
                url=f"http://s3/{call.path['file_id']}?signature=x", expires_at=NOW
            ),
        )
        self.notifications = FakeDownstream(
            getHealth=lambda _: Health(status="ok"), lookUpMessages=self._messages
        )
        self.cognito = client_of("cognito-idp")
        self.pool_id = self.cognito.list_user_pools(MaxResults=1)["UserPools"][0]["Id"]
        clients = self.cognito.list_user_pool_clients(UserPoolId=self.pool_id)["UserPoolClients"]
        self.settings = msgspec.structs.replace(
            module.settings,
            user_pool_id=self.pool_id,
            user_pool_client_id=clients[0]["ClientId"],
            token_issuer=f"https://cognito-idp.us-east-1.amazonaws.com/{self.pool_id}",
        )
        self._module, self._api = module, api
        self.build()

    @staticmethod
    def _messages(call: Call) -> notifications.MessageLookupAnswer:
        return notifications.MessageLookupAnswer(
            items=[
                notifications.Message(
                    id=message_id,
                    to="alice@example.com",
                    template="payment_declined",
                    status="sent",
                    version=2,
                    created_at=NOW,
                    sent_at=NOW,
                )
                for message_id in call.body.ids
            ]
        )

    def build(self, **settings: Any) -> None:
        """Build the service with the fakes, and with changed settings."""
        downstream = DownstreamServices(
            self.toys, self.orders, self.payments, self.file_manager, self.notifications
        )
        changed = msgspec.structs.replace(self.settings, **settings)
        components = build(changed, downstream, PublishedKeys())
        self._module.components = self._module.app.components = components

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> Any:
        """Call the API with an access token."""
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        return self._api.call(method, path, body, {**bearer, **(headers or {})})

    def user(self, email: str, group: str = "") -> str:
        """Create a user and a session, and return the access token."""
        new = {"email": email, "password": PASSWORD, "name": email.split("@")[0].title()}
        answer = self.call("POST", "/users", new)
        assert answer.status_code == 201, answer.body
        if group:
            self.cognito.admin_add_user_to_group(
                UserPoolId=self.pool_id, Username=email, GroupName=group
            )
        session = self.call("POST", "/sessions", {"email": email, "password": PASSWORD})
        token: str = session.json_body["access_token"]
        return token

    def set_attributes(self, email: str, **attributes: str) -> None:
        """Change the attributes of a user in the pool."""
        self.cognito.admin_update_user_attributes(
            UserPoolId=self.pool_id,
            Username=email,
            UserAttributes=[{"Name": n, "Value": v} for n, v in attributes.items()],
        )

    def order(self, token: str, key: str = "key-1", **changes: Any) -> Any:
        """Place an order."""
        headers = {"Idempotency-Key": key}
        return self.call("POST", "/orders", BASKET | changes, headers, token)

    def pop_downstream_operations(self) -> list[str]:
        """Return all operations called since the last time."""
        services = (self.toys, self.orders, self.payments, self.file_manager, self.notifications)
        return [name for service in services for name in service.pop_operations()]


class PublishedKeys:
    """The public keys of moto's user pools."""

    def __init__(self) -> None:
        path = Path(moto.cognitoidp.__file__).parent / "resources/jwks-public.json.gz"
        self._keys = usable_keys(json.loads(gzip.decompress(path.read_bytes())))

    def get(self, key_id: str) -> PublicKey:
        try:
            return self._keys[key_id]
        except KeyError:
            raise UnknownKeyError(key_id) from None


def pointers(answer: Any, status: int) -> list[str]:
    assert answer.status_code == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json_body
    assert (problem["status"], problem["type"]) == (status, TYPES[status])
    return [error["pointer"] for error in problem.get("errors", [])]
