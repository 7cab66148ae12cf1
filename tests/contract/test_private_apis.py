"""The expectations of each service towards the services it calls, tested against the providers.

The consumer's side is the real ``ServiceClient``, the provider's is the real app under moto; what
travels between them is what would travel over HTTP.
"""

import hashlib
import hmac
import time
import tomllib
from datetime import UTC, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any, get_args
from urllib.parse import urlsplit

import msgspec
import pytest
from msgspec import UNSET

from chassis.client import ServiceClient
from chassis.ids import derived_id
from chassis.problems import (
    BadRequest,
    Conflict,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    ServiceUnavailable,
    Unprocessable,
)
from contracts import files, notifications, orders, payments, toys
from contracts.events import PAYMENT_SUCCEEDED, CloudEvent
from contracts.health import HEALTH
from contracts.money import Money
from support.expectations import WEBHOOK_SECRET, Wire, declared_calls, expects
from support.moto_aws import client_of, let_reads_catch_up
from support.paths import ROOT

PDF = b"%PDF-1.7\n" + bytes(range(256)) + b"\n%%EOF\n"
PRICE = Money(amount=1250, currency="AUD")
ORDER_ID = derived_id("ord", "cus_1", "key-1")
RECEIPT_ID = derived_id("fil", ORDER_ID, "receipt")
MESSAGE_ID = derived_id("msg", ORDER_ID, "payment_succeeded")


# payments -> file_manager, notifications


def document(content: bytes = PDF) -> files.NewDocument:
    return files.NewDocument(
        subject=ORDER_ID,
        content_type="application/pdf",
        filename=f"receipt-{ORDER_ID}.pdf",
        content=content,
    )


@expects("payments", "file_manager", "archiveDocument")
def test_payments_archives_a_receipt_once(wire: Wire) -> None:
    file_manager = wire.to("file_manager")
    path = {"file_id": RECEIPT_ID}
    first = file_manager.call(files.ARCHIVE_DOCUMENT, path, body=document())
    again = file_manager.call(files.ARCHIVE_DOCUMENT, path, body=document())
    assert (first.status, again.status) == (201, 200)
    values = [msgspec.structs.replace(reply.value, link=None) for reply in (first, again)]
    assert values[0] == values[1]
    assert first.value.link is not None
    assert (first.value.id, first.value.subject) == (RECEIPT_ID, ORDER_ID)
    assert (first.value.status, first.value.size) == ("ready", len(PDF))
    with pytest.raises(Conflict):
        file_manager.call(files.ARCHIVE_DOCUMENT, path, body=document(PDF + b"\n%%EOF\n"))
    path = {"file_id": derived_id("fil", "x")}
    with pytest.raises(Unprocessable):
        file_manager.call(files.ARCHIVE_DOCUMENT, path, body=document(b"no PDF"))


class EmailSender:
    """Records the emails that it is given."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, mail: Any) -> None:
        self.sent.append(mail)


class Storage:
    """Answers requests with presigned URLs, which moto does not intercept."""

    def request(self, method: str, url: str, **_: Any) -> Any:
        assert method == "GET"
        bucket, key = urlsplit(url).path.removeprefix("/").split("/", 1)
        found = client_of("s3").get_object(Bucket=bucket, Key=key)
        return SimpleNamespace(status=200, data=found["Body"].read(), headers={})


@pytest.fixture
def email_sender(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> EmailSender:
    module = wire.app("notifications")
    from chalicelib.notifications.bootstrap import build

    email_sender = EmailSender()
    components = build(module.settings, email_sender, Storage())
    monkeypatch.setattr(module, "components", components)
    return email_sender


def order_line() -> orders.OrderLine:
    return orders.OrderLine(
        toy_id="toy_1", name="Kite", quantity=1, unit_price=PRICE, line_total=PRICE
    )


def message(template: notifications.Template, **changes: Any) -> notifications.NewMessage:
    given: dict[str, Any] = {
        "to": "zoe@example.com",
        "name": "Zoë Łukasz",
        "template": template,
        "order": notifications.OrderMail(
            order_id=ORDER_ID,
            total=PRICE,
            lines=[order_line()],
            decline_code="insufficient_funds" if template == "payment_declined" else None,
        ),
        "attachments": [
            notifications.Attachment(
                filename="receipt.pdf", content_type="application/pdf", content=PDF
            )
        ]
        if template == "payment_succeeded"
        else [],
    }
    return notifications.NewMessage(**given | changes)


@expects("payments", "notifications", "sendMessage")
@pytest.mark.parametrize(
    "template",
    get_args(notifications.Template),
)
def test_payments_sends_one_email_per_outcome(
    wire: Wire, email_sender: EmailSender, template: notifications.Template
) -> None:
    service, path = wire.to("notifications"), {"message_id": derived_id("msg", ORDER_ID, template)}
    first = service.call(notifications.SEND, path, body=message(template))
    again = service.call(notifications.SEND, path, body=message(template))
    assert (first.status, again.status) == (201, 200)
    assert (first.value.status, first.value.template) == ("sent", template)
    assert len(email_sender.sent) == 1
    with pytest.raises(Conflict):
        service.call(notifications.SEND, path, body=message(template, name="Another"))


@expects("payments", "notifications", "sendMessage")
def test_payments_receives_the_refusal_of_an_address(wire: Wire, email_sender: EmailSender) -> None:
    with pytest.raises(Unprocessable):
        wire.to("notifications").call(
            notifications.SEND,
            {"message_id": MESSAGE_ID},
            body=message("payment_refunded", to="nobody"),
        )


@expects("payments", "file_manager", "archiveDocument")
@expects("payments", "notifications", "sendMessage")
def test_fulfillment_works_with_file_manager_and_notifications(
    wire: Wire, email_sender: EmailSender
) -> None:
    # GIVEN a paid order and the three services
    file_manager, app = wire.to("file_manager"), wire.app("payments")
    record_payment(app, "succeeded")
    now = datetime.now(UTC)
    event = CloudEvent(
        id=f"txn_1.1.{PAYMENT_SUCCEEDED.name}", source="/payments", type=PAYMENT_SUCCEEDED.name,
        subject=ORDER_ID, time=now,
        data=payments.PaymentOutcome(
            transaction_id=derived_id("txn", ORDER_ID), order_id=ORDER_ID, customer_id="cus_1",
            status="succeeded", amount=PRICE, lines=[order_line()], occurred_at=now,
            contact=orders.Contact(email="zoe@example.com", name="Zoë Łukasz"),
        ),
    )  # fmt: skip
    # WHEN its event is delivered twice
    for _ in range(2):
        text = msgspec.json.encode(event).decode()
        sns = {"Message": text, "Subject": None, "MessageAttributes": {}}
        app.fulfil({"Records": [{"Sns": sns}]}, None)
    # THEN there is one receipt and one email, and every call succeeded
    assert wire.statuses == [201, 201, 200, 200]
    assert [file.subject for file in files_of(file_manager, RECEIPT_ID)] == [ORDER_ID]
    assert len(email_sender.sent) == 1


# toys -> file_manager


def files_of(file_manager: ServiceClient, *file_ids: str) -> list[files.File]:
    lookup = files.FileLookup(ids=list(file_ids))
    return file_manager.call(files.LOOKUP, body=lookup).value.items


def new_image() -> files.NewImage:
    return files.NewImage(subject="toy_1", content_type="image/png", size=1000, alt="A kite")


@expects("toys", "file_manager", "announceImage", "deleteFile")
def test_toys_announces_and_deletes_an_image(wire: Wire) -> None:
    file_manager = wire.to("file_manager")
    reply = file_manager.call(files.ANNOUNCE_IMAGE, body=new_image())
    assert reply.status == 201
    image, upload = reply.value.image, reply.value.upload
    assert image.url == f"/files/{image.id}"
    assert image.alt == "A kite"
    assert upload.url.startswith("http")
    assert upload.fields["Content-Type"] == "image/png"
    assert upload.expires_at > datetime.now(UTC)
    for _ in range(2):  # deleting an absent file is not an error
        assert file_manager.call(files.DELETE, {"file_id": image.id}).status == 204
    assert files_of(file_manager, image.id) == []


# storefront_api -> everyone


@expects("storefront_api", "toys", "getHealth")
@expects("storefront_api", "orders", "getHealth")
@expects("storefront_api", "payments", "getHealth")
@expects("storefront_api", "file_manager", "getHealth")
@expects("storefront_api", "notifications", "getHealth")
@pytest.mark.parametrize("service", ["toys", "orders", "payments", "file_manager", "notifications"])
def test_every_private_service_answers_the_health_check(wire: Wire, service: str) -> None:
    assert wire.to(service).call(HEALTH).value.status == "ok"


DRAFT = {
    "name": "Kite",
    "description": "It flies.",
    "category": "outdoor",
    "brand": "Windy",
    "price": {"amount": 1250, "currency": "AUD"},
    "min_age": 6,
    "attributes": {"color": "dark red"},
}


def raw(document: Any) -> msgspec.Raw:
    """Return a body as the storefront forwards it, unchanged."""
    return msgspec.Raw(document if isinstance(document, bytes) else msgspec.json.encode(document))


def add_toy(toys_client: ServiceClient, **changes: Any) -> toys.Toy:
    reply = toys_client.call(toys.CREATE, body=raw(DRAFT | changes))
    assert reply.status == 201
    return reply.value


@expects("storefront_api", "toys", "createToy", "getToy")
def test_storefront_adds_and_reads_a_toy(wire: Wire) -> None:
    catalogue = wire.to("toys")
    toy = add_toy(catalogue)
    assert toy.version == 1
    assert toy.price == PRICE
    assert catalogue.call(toys.GET, {"toy_id": toy.id}).value == toy
    for nothing in ("toy_none", "a/b", "é ?#", "..", ""):
        with pytest.raises(NotFound):
            catalogue.call(toys.GET, {"toy_id": nothing})


@expects("storefront_api", "toys", "createToy")
@pytest.mark.parametrize(
    ("body", "error"),
    [(b"", BadRequest), (b"{", BadRequest), (b"\xff", BadRequest), (b"[]", Unprocessable),
     (DRAFT | {"color": 1}, Unprocessable), (DRAFT | {"name": ""}, Unprocessable)],
)  # fmt: skip
def test_toys_validates_forwarded_bodies(wire: Wire, body: Any, error: Any) -> None:
    with pytest.raises(error):
        wire.to("toys").call(toys.CREATE, body=raw(body))


@expects("storefront_api", "toys", "searchToys")
def test_storefront_searches_page_by_page(wire: Wire) -> None:
    catalogue = wire.to("toys")
    names = {add_toy(catalogue, name=f"Kite {number}").name for number in range(3)}
    add_toy(catalogue, name="Ball", attributes={"color": "blue"})
    query = toys.ToyQuery(
        q="kite", attributes={"color": "dark red"}, category="outdoor", age=7,
        price_min=1, price_max=1250, sort="-price", limit=2,
    )  # fmt: skip
    first = catalogue.call(toys.SEARCH, query=query).value
    assert first.next_cursor is not None
    query.cursor = first.next_cursor
    second = catalogue.call(toys.SEARCH, query=query).value
    assert second.next_cursor is None
    assert {toy.name for toy in first.items + second.items} == names
    query.cursor += "A"
    with pytest.raises(BadRequest) as error:
        catalogue.call(toys.SEARCH, query=query)
    assert [wrong.pointer for wrong in error.value.errors] == ["/cursor"]


@expects("storefront_api", "toys", "searchToys", "suggestToys")
def test_storefront_counts_and_suggests_toys(wire: Wire) -> None:
    catalogue = wire.to("toys")
    add_toy(catalogue, name="Kite")
    add_toy(catalogue, name="Ball", category="sports")
    query = toys.ToyQuery(category="sports", facets="category,price")
    page = catalogue.call(toys.SEARCH, query=query).value
    assert page.total == 1
    assert page.facets is not UNSET
    assert page.facets["category"] == {"outdoor": 1, "sports": 1}
    assert sum(page.facets["price"].values()) == 1
    suggested = catalogue.call(toys.SUGGEST, query=toys.SuggestionQuery(q="ki")).value
    assert [item.text for item in suggested.items] == ["Kite"]


@expects("storefront_api", "toys", "outlineCatalogue", "listCataloguePart")
def test_storefront_lists_the_catalogue(wire: Wire) -> None:
    catalogue = wire.to("toys")
    toy = add_toy(catalogue)
    # GIVEN that there is no index yet, which does not open the circuit breaker
    for _ in range(6):
        with pytest.raises(ServiceUnavailable, match="The search is starting"):
            catalogue.call(toys.OUTLINE)
    # WHEN a search has built one
    catalogue.call(toys.SEARCH, query=toys.ToyQuery())
    day = toy.updated_at.date()
    outline = catalogue.call(toys.OUTLINE).value
    assert outline == toys.CatalogueOutline(parts=[day], categories=[toy.category])
    part = catalogue.call(toys.LIST_PART, query=toys.CataloguePartQuery(number=1)).value
    assert part.items == [toys.ListedToy(id=toy.id, name=toy.name, updated_on=day)]
    with pytest.raises(NotFound):
        catalogue.call(toys.LIST_PART, query=toys.CataloguePartQuery(number=2))


@expects("storefront_api", "toys", "lookUpToys")
def test_storefront_looks_up_the_prices_of_an_order(wire: Wire) -> None:
    catalogue = wire.to("toys")
    toy = add_toy(catalogue)
    lookup = toys.ToyLookup(ids=[toy.id, "toy_none"])
    assert catalogue.call(toys.LOOKUP, body=lookup).value.items == [toy]


@expects("storefront_api", "toys", "replaceToy", "patchToy", "deleteToy")
def test_storefront_forwards_preconditions(wire: Wire) -> None:
    catalogue = wire.to("toys")
    path = {"toy_id": add_toy(catalogue).id}
    changes: list[tuple[Any, Any]] = [
        (toys.REPLACE, raw(DRAFT | {"name": "Big kite"})),
        (toys.PATCH, raw({"attributes": {"color": None}})),
        (toys.DELETE, None),
    ]
    for version, (operation, body) in enumerate(changes, start=1):
        for headers, error in (
            ({}, PreconditionRequired),
            ({"If-Match": '"99"'}, PreconditionFailed),
            ({"If-Match": "three"}, BadRequest),
        ):
            with pytest.raises(error):
                catalogue.call(operation, path, body=body, headers=headers)
        with pytest.raises(NotFound):
            catalogue.call(operation, {"toy_id": "toy_none"}, body=body)
        reply = catalogue.call(operation, path, body=body, headers={"If-Match": f'"{version}"'})
        assert reply.status == operation.status[0]
        if operation is toys.PATCH:
            assert (reply.value.name, reply.value.attributes) == ("Big kite", {})


@expects("storefront_api", "toys", "addToyImage", "listToyImages", "removeToyImage")
@expects("toys", "file_manager", "announceImage", "listImages")
def test_image_is_announced_through_toys_to_file_manager(wire: Wire) -> None:
    file_manager, catalogue = wire.to("file_manager"), wire.to("toys")
    toy = add_toy(catalogue)
    image = {"content_type": "image/png", "size": 1000, "alt": "A kite"}
    ticket = catalogue.call(toys.ADD_IMAGE, {"toy_id": toy.id}, body=raw(image))
    assert ticket.status == 201
    (announced,) = files_of(file_manager, ticket.value.image.id)
    assert (announced.subject, announced.status) == (toy.id, "pending")
    with pytest.raises(Unprocessable):
        catalogue.call(toys.ADD_IMAGE, {"toy_id": toy.id}, body=raw(image | {"size": 0}))
    second = catalogue.call(toys.ADD_IMAGE, {"toy_id": toy.id}, body=raw(image)).value.image
    let_reads_catch_up()
    path = {"toy_id": toy.id}
    first_page = catalogue.call(toys.LIST_IMAGES, path, query=toys.UploadedImageQuery(limit=1))
    (listed,) = first_page.value.items
    assert (listed.id, listed.url, listed.status) == (second.id, second.url, "pending")
    following = toys.UploadedImageQuery(cursor=first_page.value.next_cursor)
    second_page = catalogue.call(toys.LIST_IMAGES, path, query=following).value
    assert [one.id for one in second_page.items] == [ticket.value.image.id]
    assert second_page.next_cursor is None
    # it is not shown yet and cannot be removed
    path = {"toy_id": toy.id, "image_id": ticket.value.image.id}
    with pytest.raises(NotFound):
        catalogue.call(toys.REMOVE_IMAGE, path)


def order_request(key: str = "key-1", **changes: Any) -> orders.PlaceOrder:
    given: dict[str, Any] = {
        "customer_id": "cus_1",
        "idempotency_key": key,
        "fingerprint": "a" * 64,
        "contact": orders.Contact(email="zoe@example.com", name="Zoë"),
        "lines": [orders.PricedLine(toy_id="toy_1", name="Kite", quantity=2, unit_price=PRICE)],
        "shipping_address": orders.Address(
            name="Zoë", line1="1 Toy St", city="Sydney", postal_code="2000", country="AU"
        ),
        "payment_method": "pm_card_visa",
    }
    return orders.PlaceOrder(**given | changes)


@expects("storefront_api", "orders", "placeOrder", "findReplay", "getOrder")
def test_storefront_places_one_order_per_key(wire: Wire) -> None:
    service = wire.to("orders")
    lookup = orders.ReplayLookup(customer_id="cus_1", idempotency_key="key-1", fingerprint="a" * 64)
    with pytest.raises(NotFound):
        service.call(orders.REPLAY, body=lookup)
    first = service.call(orders.PLACE, body=order_request())
    again = service.call(orders.PLACE, body=order_request())
    assert (first.status, again.status) == (201, 200)
    assert first.value == again.value
    assert first.value.id == ORDER_ID
    assert first.value.total == Money(amount=2500, currency="AUD")
    assert first.value.placed_at.tzinfo is not None
    assert service.call(orders.REPLAY, body=lookup).value == first.value
    assert service.call(orders.GET, {"order_id": ORDER_ID}).value == first.value
    other = order_request(fingerprint="b" * 64)
    with pytest.raises(Unprocessable):
        service.call(orders.PLACE, body=other)
    lookup.fingerprint = "b" * 64
    with pytest.raises(Unprocessable):
        service.call(orders.REPLAY, body=lookup)
    for nothing in ("ord_none", "a/b", ".."):
        with pytest.raises(NotFound):
            service.call(orders.GET, {"order_id": nothing})


@expects("storefront_api", "orders", "listOrders")
def test_storefront_lists_the_orders_of_one_or_all_customers(wire: Wire) -> None:
    service = wire.to("orders")
    mine = [
        service.call(orders.PLACE, body=order_request(f"key-{number}")).value.id
        for number in range(3)
    ]
    service.call(orders.PLACE, body=order_request(customer_id="cus_2"))
    let_reads_catch_up()
    query = orders.OrderQuery(customer_id="cus_1", limit=2)
    first = service.call(orders.LIST, query=query).value
    second = service.call(
        orders.LIST,
        query=orders.OrderQuery(customer_id="cus_1", limit=2, cursor=first.next_cursor),
    ).value
    assert [order.id for order in first.items + second.items] == mine[::-1]
    assert second.next_cursor is None
    assert len(service.call(orders.LIST, query=orders.OrderQuery()).value.items) == 4
    with pytest.raises(BadRequest):
        service.call(orders.LIST, query=orders.OrderQuery(cursor=first.next_cursor))


@expects("storefront_api", "orders", "changeOrder", "cancelOrder")
def test_storefront_changes_and_cancels_an_order(wire: Wire) -> None:
    service, path = wire.to("orders"), {"order_id": ORDER_ID}
    service.call(orders.PLACE, body=order_request())
    patch = {"shipping_address": {"city": "Perth"}}
    with pytest.raises(PreconditionFailed):
        service.call(orders.CHANGE, path, body=patch, headers={"If-Match": '"9"'})
    with pytest.raises(Unprocessable) as error:
        service.call(orders.CHANGE, path, body={"total": 1}, headers={"If-Match": '"1"'})
    assert [wrong.pointer for wrong in error.value.errors] == ["/total"]
    changed = service.call(orders.CHANGE, path, body=patch, headers={"If-Match": '"1"'}).value
    assert (changed.shipping_address.city, changed.version) == ("Perth", 2)
    for _ in range(2):
        reply = service.call(orders.CANCEL, path)
        assert (reply.status, reply.value.status) == (202, "cancelled")
    with pytest.raises(Conflict):
        service.call(orders.CHANGE, path, body=patch, headers={"If-Match": '"3"'})


@expects("storefront_api", "orders", "listCountries", "placeOrder")
def test_storefront_learns_what_an_address_needs(wire: Wire) -> None:
    service = wire.to("orders")
    countries = {item.code: item for item in service.call(orders.LIST_COUNTRIES).value.items}
    assert [field.name for field in countries["AE"].fields] == ["region"]
    address = orders.Address(
        name="Zoë", line1="1 Toy St", city="", region="", postal_code="", country="AE"
    )
    with pytest.raises(Unprocessable) as error:
        service.call(orders.PLACE, body=order_request(shipping_address=address))
    assert [(wrong.pointer, wrong.detail) for wrong in error.value.errors] == [
        ("/shipping_address/region", "Emirate is required")
    ]


ADDRESS = orders.Address(
    name="Zoë", line1="1 High Street", city="Sydney", region="NSW", postal_code="2000", country="AU"
)


def record_payment(app: ModuleType, status: Any, **changes: Any) -> None:
    """Put an order's transaction into the table, as the charge would."""
    from chalicelib.payments.domain import Payment, transaction_id
    from chalicelib.payments.store import TransactionStore

    now = datetime.now(UTC)
    payment = Payment(
        id=transaction_id(ORDER_ID),
        order_id=ORDER_ID,
        customer_id="cus_1",
        status=status,
        amount=PRICE,
        contact=orders.Contact(email="zoe@example.com", name="Zoë"),
        lines=[order_line()],
        payment_method="pm_card_visa",
        attempt=1,
        version=1,
        created_at=now,
        updated_at=now,
        intent_id="pi_1",
        **changes,
    )
    assert TransactionStore(app.settings.table_name).add(payment)
    let_reads_catch_up()


@expects("storefront_api", "payments", "lookUpTransactions")
def test_storefront_looks_up_the_payments_of_orders(wire: Wire) -> None:
    service = wire.to("payments")
    record_payment(wire.app("payments"), "action_required", client_secret="pi_1_secret_2")
    lookup = payments.TransactionLookup(order_ids=[ORDER_ID, "ord_none"])
    (transaction,) = service.call(payments.LOOKUP, body=lookup).value.items
    assert transaction.order_id == ORDER_ID
    assert transaction.id == derived_id("txn", ORDER_ID)
    assert (transaction.status, transaction.client_secret) == ("action_required", "pi_1_secret_2")
    assert (transaction.decline_code, transaction.receipt_file_id) == (None, None)


@expects("storefront_api", "payments", "retryPayment")
def test_storefront_pays_an_order_again(wire: Wire) -> None:
    service = wire.to("payments")
    retry = payments.PaymentRetry(
        order_id=ORDER_ID, order_status="placed", payment_method="pm_card_visa",
        idempotency_key="again", fingerprint="a" * 64,
    )  # fmt: skip
    with pytest.raises(Conflict):
        service.call(payments.RETRY, body=retry)
    record_payment(wire.app("payments"), "declined")
    for _ in range(2):
        transaction = service.call(payments.RETRY, body=retry).value
        assert (transaction.order_id, transaction.status) == (ORDER_ID, "pending")
    with pytest.raises(Unprocessable):
        service.call(payments.RETRY, body=msgspec.structs.replace(retry, fingerprint="b" * 64))


def webhook(payload: bytes, secret: str = WEBHOOK_SECRET) -> payments.Webhook:
    stamp = int(time.time())
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + payload, hashlib.sha256)
    return payments.Webhook(payload=payload, signature=f"t={stamp},v1={signature.hexdigest()}")


@expects("storefront_api", "payments", "receiveWebhook")
def test_storefront_forwards_webhooks_byte_for_byte(wire: Wire) -> None:
    service = wire.to("payments")
    intent = {"id": "pi_1", "metadata": {"order_id": ORDER_ID}, "odd": "é\u2028 \\u00e9"}
    event = {"type": "payment_intent.succeeded", "data": {"object": intent}}
    payload = msgspec.json.format(msgspec.json.encode(event), indent=3)
    # GIVEN a webhook about a payment that is not recorded yet, which the gateway must repeat
    with pytest.raises(Conflict):
        service.call(payments.RECEIVE_WEBHOOK, body=webhook(payload))
    record_payment(wire.app("payments"), "action_required")
    # WHEN it is sent with a valid and with an invalid signature
    with pytest.raises(BadRequest):
        service.call(payments.RECEIVE_WEBHOOK, body=webhook(payload, "whsec_of_another"))
    assert service.call(payments.RECEIVE_WEBHOOK, body=webhook(payload)).status == 204
    # THEN it is recorded
    let_reads_catch_up()
    lookup = payments.TransactionLookup(order_ids=[ORDER_ID])
    (transaction,) = service.call(payments.LOOKUP, body=lookup).value.items
    assert transaction.status == "succeeded"
    with pytest.raises(BadRequest):
        service.call(payments.RECEIVE_WEBHOOK, body=webhook(b"\xff not JSON"))


@expects("storefront_api", "file_manager", "linkDocument")
def test_storefront_gets_a_link_to_a_receipt(wire: Wire) -> None:
    file_manager = wire.to("file_manager")
    with pytest.raises(NotFound):
        file_manager.call(files.LINK_DOCUMENT, {"file_id": RECEIPT_ID})
    file_manager.call(files.ARCHIVE_DOCUMENT, {"file_id": RECEIPT_ID}, body=document())
    link = file_manager.call(files.LINK_DOCUMENT, {"file_id": RECEIPT_ID}).value
    assert link.url.startswith("http")
    assert link.expires_at > datetime.now(UTC)


@expects("storefront_api", "orders", "reemitOrder", "listOrders", "getOrder")
def test_storefront_lists_orders_by_time_and_reemits_one(wire: Wire) -> None:
    service = wire.to("orders")
    placed = service.call(orders.PLACE, body=order_request()).value
    later = placed.placed_at + timedelta(seconds=1)
    let_reads_catch_up()
    query = orders.OrderQuery(since=placed.placed_at, until=later)
    assert service.call(orders.LIST, query=query).value.items == [placed]
    query = orders.OrderQuery(since=later)
    assert service.call(orders.LIST, query=query).value.items == []
    with pytest.raises(BadRequest):
        service.call(orders.LIST, query=orders.OrderQuery(since=later, until=placed.placed_at))
    assert service.call(orders.REEMIT, {"order_id": ORDER_ID}).status == 202
    assert service.call(orders.GET, {"order_id": ORDER_ID}).value == placed
    with pytest.raises(NotFound):
        service.call(orders.REEMIT, {"order_id": "ord_none"})


class OneCharge:
    """The gateway's records, which contain one intent."""

    def __init__(self, charge: payments.GatewayCharge) -> None:
        self._charge = charge

    def between(self, *_: datetime) -> list[payments.GatewayCharge]:
        return [self._charge]

    def of_intent(self, _: str) -> payments.GatewayCharge | None:
        return self._charge


@expects("storefront_api", "payments", "auditTransactions", "reemitTransaction")
def test_storefront_audits_charges_at_the_gateway(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, app, now = wire.to("payments"), wire.app("payments"), datetime.now(UTC)
    from chalicelib.payments.bootstrap import build

    charge = payments.GatewayCharge(
        intent_id="pi_1", order_id=ORDER_ID, status="succeeded", charged=PRICE,
        refunded=Money(amount=0, currency="AUD"), created_at=now.replace(microsecond=0),
    )  # fmt: skip
    monkeypatch.setattr(app, "components", build(app.settings, ledger=OneCharge(charge)))

    def audit(*order_ids: str) -> payments.TransactionAuditAnswer:
        request = payments.TransactionAudit(order_ids=list(order_ids), since=now, until=now)
        return service.call(payments.AUDIT, body=request).value

    # a charge without a transaction
    assert audit().unrecorded == [charge]
    (item,) = audit(ORDER_ID).items
    assert (item.transaction, item.charges) == (None, [charge])
    with pytest.raises(NotFound):
        service.call(payments.REEMIT, {"transaction_id": derived_id("txn", ORDER_ID)})
    # and with a transaction: the expected ids are those that payments uses
    record_payment(app, "succeeded")
    answer = audit(ORDER_ID)
    (item,) = answer.items
    assert (answer.unrecorded, item.charges, item.intent_id) == ([], [charge], "pi_1")
    assert item.receipt_file_id == RECEIPT_ID
    assert item.messages == [payments.ExpectedMessage(id=MESSAGE_ID, template="payment_succeeded")]
    assert item.transaction is not None
    path = {"transaction_id": item.transaction.id}
    assert service.call(payments.REEMIT, path).status == 202


@expects("storefront_api", "file_manager", "lookUpFiles")
def test_storefront_looks_up_the_receipts_of_many_orders(wire: Wire) -> None:
    service = wire.to("file_manager")
    service.call(files.ARCHIVE_DOCUMENT, {"file_id": RECEIPT_ID}, body=document())
    lookup = files.FileLookup(ids=[RECEIPT_ID, derived_id("fil", "x"), RECEIPT_ID])
    (found,) = service.call(files.LOOKUP, body=lookup).value.items
    assert (found.id, found.status, found.subject) == (RECEIPT_ID, "ready", ORDER_ID)
    with pytest.raises(Unprocessable):
        service.call(files.LOOKUP, body=files.FileLookup(ids=[]))


@expects("storefront_api", "notifications", "lookUpMessages")
def test_storefront_looks_up_the_emails_of_many_orders(
    wire: Wire, email_sender: EmailSender
) -> None:
    service = wire.to("notifications")
    service.call(notifications.SEND, {"message_id": MESSAGE_ID}, body=message("payment_succeeded"))
    lookup = notifications.MessageLookup(ids=[MESSAGE_ID, derived_id("msg", "x"), MESSAGE_ID])
    (found,) = service.call(notifications.LOOKUP, body=lookup).value.items
    assert (found.id, found.status, found.template) == (MESSAGE_ID, "sent", "payment_succeeded")
    assert len(email_sender.sent) == 1


# the storefront restores a lost order


@expects("storefront_api", "payments", "getRecordedOrder")
def test_storefront_reads_the_order_of_a_transaction(wire: Wire) -> None:
    service, path = wire.to("payments"), {"order_id": ORDER_ID}
    with pytest.raises(NotFound):
        service.call(payments.RECORDED_ORDER, path)
    record_payment(wire.app("payments"), "succeeded", shipping_address=ADDRESS)
    recorded = service.call(payments.RECORDED_ORDER, path).value
    assert (recorded.order_id, recorded.cancelled_at) == (ORDER_ID, None)
    assert recorded.lines == [order_line()]
    assert recorded.shipping_address == ADDRESS


@expects("storefront_api", "orders", "restoreOrder")
def test_storefront_restores_a_lost_order_once(wire: Wire) -> None:
    from chalicelib.storefront_api.reconciliation import lost_order

    record_payment(wire.app("payments"), "succeeded", shipping_address=ADDRESS)
    path = {"order_id": ORDER_ID}
    recorded = wire.to("payments").call(payments.RECORDED_ORDER, path).value
    service, lost = wire.to("orders"), lost_order(recorded)
    replies = [service.call(orders.RESTORE, path, body=lost) for _ in range(2)]
    assert [reply.status for reply in replies] == [201, 200]
    assert replies[0].value.id == ORDER_ID
    assert replies[0].value == replies[1].value == service.call(orders.GET, path).value
    future = msgspec.structs.replace(lost, placed_at=lost.placed_at + timedelta(days=9999))
    with pytest.raises(Unprocessable):
        service.call(orders.RESTORE, {"order_id": "ord_2"}, body=future)


# the storefront erases a customer


@expects("storefront_api", "orders", "eraseCustomerOfOrders")
def test_storefront_erases_the_customer_of_orders_once(wire: Wire) -> None:
    service = wire.to("orders")
    service.call(orders.PLACE, body=order_request())
    erasure = orders.OrderErasure(order_ids=[ORDER_ID, "ord_none"])
    for erased in ([ORDER_ID], []):
        assert service.call(orders.ERASE, body=erasure).value.erased == erased
    left = service.call(orders.GET, {"order_id": ORDER_ID}).value
    assert left.contact == orders.ERASED
    assert left.total == Money(amount=2500, currency="AUD")
    with pytest.raises(Unprocessable):
        service.call(orders.ERASE, body=orders.OrderErasure(order_ids=[]))


@expects("storefront_api", "payments", "eraseCustomerOfTransactions")
def test_storefront_erases_the_customer_of_finished_transactions(wire: Wire) -> None:
    service = wire.to("payments")
    record_payment(wire.app("payments"), "declined")
    erasure = payments.TransactionErasure(order_ids=[ORDER_ID])
    answer = service.call(payments.ERASE, body=erasure).value
    assert (answer.erased, answer.receipts) == ([ORDER_ID], [])
    assert service.call(payments.ERASE, body=erasure).value.erased == []
    let_reads_catch_up()
    lookup = payments.TransactionLookup(order_ids=[ORDER_ID])
    (transaction,) = service.call(payments.LOOKUP, body=lookup).value.items
    assert transaction.erased


@expects("storefront_api", "payments", "eraseCustomerOfTransactions")
def test_storefront_cannot_erase_the_customer_of_a_pending_transaction(wire: Wire) -> None:
    record_payment(wire.app("payments"), "pending")
    erasure = payments.TransactionErasure(order_ids=[ORDER_ID])
    with pytest.raises(Conflict):
        wire.to("payments").call(payments.ERASE, body=erasure)


@expects("storefront_api", "file_manager", "replaceDocument")
def test_storefront_replaces_a_receipt(wire: Wire) -> None:
    service, path = wire.to("file_manager"), {"file_id": RECEIPT_ID}
    with pytest.raises(NotFound):
        service.call(files.REPLACE_DOCUMENT, path, body=document())
    service.call(files.ARCHIVE_DOCUMENT, path, body=document())
    other = document(PDF.replace(b"1.7", b"1.4"))
    for _ in range(2):
        replaced = service.call(files.REPLACE_DOCUMENT, path, body=other).value
        assert (replaced.id, replaced.status) == (RECEIPT_ID, "ready")


@expects("storefront_api", "notifications", "eraseMessages")
def test_storefront_erases_the_address_of_a_sent_email(
    wire: Wire, email_sender: EmailSender
) -> None:
    service = wire.to("notifications")
    assert email_sender.sent == []
    service.call(notifications.SEND, {"message_id": MESSAGE_ID}, body=message("payment_succeeded"))
    erasure = notifications.MessageErasure(ids=[MESSAGE_ID, derived_id("msg", "x")])
    for erased in ([MESSAGE_ID], []):
        assert service.call(notifications.ERASE, body=erasure).value.erased == erased
    assert len(email_sender.sent) == 1
    let_reads_catch_up()
    lookup = notifications.MessageLookup(ids=[MESSAGE_ID])
    (found,) = service.call(notifications.LOOKUP, body=lookup).value.items
    assert (found.to, found.status) == ("", "sent")


def test_every_declared_call_has_an_expectation() -> None:
    declared = {
        (manifest["name"], provider, operation)
        for path in (ROOT / "apps").glob("*/service.toml")
        for manifest in [tomllib.loads(path.read_text())]
        for provider, operations in manifest["calls"].items()
        for operation in operations
    }
    assert declared == declared_calls()
