"""The Python client and the storefront's code agree on requests and responses."""

from collections.abc import Iterator

import httpx
import pytest

from support.storefront import PASSWORD, Shop
from toyshop_client import (
    Conflict,
    DraftLine,
    NewAddress,
    NewMoney,
    NotFound,
    PaymentDeclined,
    PreconditionFailed,
    Retries,
    ToyDraft,
    ToyPatch,
    ToyReplacement,
    ToyShop,
    Unauthorized,
    ValidationFailed,
)

ADDRESS = NewAddress(
    name="Alice", line1="1 Toy St", city="Sydney", postal_code="2000", country="AU"
)
LINES = [DraftLine(toy_id="toy_1", quantity=2)]


def transport_to(shop: Shop) -> httpx.MockTransport:
    """Return a transport to an app in this process."""

    def handle(request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().removeprefix("/api")
        answer = shop.call(request.method, path, request.content or None, {**request.headers})
        return httpx.Response(answer.status_code, content=answer.body, headers=answer.headers)

    return httpx.MockTransport(handle)


@pytest.fixture
def client(shop: Shop) -> Iterator[ToyShop]:
    # a component test has no transient faults
    with ToyShop(
        "https://shop.example", transport=transport_to(shop), retries=Retries(attempts=1)
    ) as client:
        yield client


@pytest.fixture
def customer(client: ToyShop) -> ToyShop:
    client.users.sign_up(email="alice@example.com", password=PASSWORD, name="Alice")
    client.sign_in("alice@example.com", PASSWORD)
    return client


def test_catalogue(client: ToyShop) -> None:
    assert [toy.id for toy in client.toys.list(q="toy", facets=["age"])] == ["toy_1", "toy_2"]
    assert client.toys.get("toy_1").price.amount == 1250
    assert client.toys.suggestions("ki") == ["Kite"]
    assert [country.code for country in client.countries()] == ["AU"]
    assert client.health(deep=True).services
    assert str(client.openapi()["openapi"]).startswith("3.")
    with pytest.raises(NotFound):
        client.toys.get("toy_9")


def test_account(client: ToyShop) -> None:
    client.users.sign_up(email="alice@example.com", password=PASSWORD, name="Alice")
    with pytest.raises(Conflict):
        client.users.sign_up(email="alice@example.com", password=PASSWORD, name="Alice")
    with pytest.raises(ValidationFailed) as caught:
        client.users.sign_up(email="alice", password=PASSWORD, name="Alice")
    assert [error.pointer for error in caught.value.errors] == ["/email"]
    with pytest.raises(Unauthorized):
        client.sign_in("alice@example.com", "wrong")
    client.sign_in("alice@example.com", PASSWORD)
    assert client.users.rename("Alice Archer") == client.users.me()


def test_order(shop: Shop, customer: ToyShop) -> None:
    order = customer.orders.place(
        lines=LINES, shipping_address=ADDRESS, payment_method="pm_card_visa", idempotency_key="k"
    )
    assert order.lines[0].quantity == 2
    with pytest.raises(ValidationFailed, match="used for another request"):
        customer.orders.place(
            lines=LINES, shipping_address=ADDRESS, payment_method="pm_other", idempotency_key="k"
        )
    assert next(iter(customer.orders.list())) == customer.orders.get(order.id)
    # AND its address changes once for each version
    moved = NewAddress(name="A", line1="2 St", city="Perth", postal_code="6000", country="AU")
    changed = customer.orders.change_address(order, moved)
    assert changed.shipping_address.city == "Perth"
    with pytest.raises(PreconditionFailed):
        customer.orders.change_address(order, ADDRESS)
    # AND it is paid again after a decline
    shop.payments.set(order.id, "declined", decline_code="generic_decline")
    with pytest.raises(PaymentDeclined) as caught:
        customer.orders.wait_until_paid(order.id)
    assert caught.value.order.payment.decline_code == "generic_decline"
    assert customer.orders.pay_again(order.id, "pm_card_visa").payment.status == "pending"
    shop.payments.set(order.id, "succeeded")
    assert customer.orders.wait_until_paid(order.id).id == order.id
    assert customer.orders.cancel(order.id).status == "cancelled"
    with pytest.raises(NotFound):
        customer.orders.receipt(order.id)


def test_staff(shop: Shop, client: ToyShop) -> None:
    shop.user("staff@example.com", "staff")
    client.sign_in("staff@example.com", PASSWORD)
    fields = {"name": "Kite", "description": "", "category": "outdoor", "brand": "Windy"}
    price = NewMoney(amount=1250, currency="AUD")
    created = client.toys.create(ToyDraft(**fields, price=price, min_age=3))
    assert created.id == "toy_3"
    toy = client.toys.get("toy_1")
    client.toys.replace(toy, ToyReplacement(**fields, price=price, min_age=3, id=toy.id))
    client.toys.update(toy, ToyPatch(min_age=4))
    (image,) = next(client.toys.images("toy_1").pages()).items
    assert (image.status, image.reason) == ("rejected", "The file is damaged.")
    client.toys.remove_image("toy_1", image.id)
    client.toys.delete(toy)
    calls = shop.pop_downstream_operations()
    assert {"replaceToy", "patchToy", "removeToyImage", "deleteToy"} <= set(calls)
