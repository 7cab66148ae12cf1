"""Requests and results of the client, blocking and asynchronous."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from support.fake_storefront import (
    LINE,
    MONEY,
    ORDER,
    ORIGIN,
    SESSION,
    TOY,
    FakeStorefront,
    answer,
    order,
    problem,
)
from support.paths import DOCS
from toyshop_client import (
    DraftLine,
    Money,
    NewAddress,
    NewMoney,
    PaymentActionRequired,
    PaymentCancelled,
    PaymentDeclined,
    PaymentPending,
    PriceChanged,
    StorageFailed,
    ToyDraft,
    ToyPatch,
    ToyShop,
    UnexpectedAnswer,
    __version__,
)

ADDRESS = NewAddress(
    name="Alice", line1="1 Toy St", city="Sydney", postal_code="2000", country="AU"
)


def place(shop: Any, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "lines": [DraftLine(toy_id="toy_1", quantity=1)],
        "shipping_address": ADDRESS,
        "payment_method": "pm_card_visa",
    }
    return shop.orders.place(**fields | changes)


def test_toy_has_typed_fields(shop: Any, storefront: FakeStorefront) -> None:
    storefront.on("GET /toys/toy_1", answer(200, TOY))
    toy = shop.toys.get("toy_1")
    assert toy.price == Money(amount=1250, currency="AUD")
    assert toy.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    (request,) = storefront.requests
    assert str(request.url) == f"{ORIGIN}/api/toys/toy_1"
    assert request.headers["User-Agent"].startswith(f"toyshop-client/{__version__} ")


def test_unknown_fields_and_values_in_responses_are_tolerated(
    shop: Any, storefront: FakeStorefront
) -> None:
    changed = {**order("on_hold"), "status": "parked", "gift_wrap": {"color": "blue"}}
    storefront.on("GET /orders/ord_1", answer(200, changed))
    found = shop.orders.get("ord_1")
    assert (found.status, found.payment.status) == ("parked", "on_hold")


def test_response_that_does_not_match_the_api_is_an_error(
    shop: Any, storefront: FakeStorefront
) -> None:
    storefront.on("GET /toys/toy_1", answer(200, {"id": "toy_1"}), answer(204))
    with pytest.raises(UnexpectedAnswer, match="missing required field"):
        shop.toys.get("toy_1")
    with pytest.raises(UnexpectedAnswer, match="answers 204"):
        shop.toys.get("toy_1")


@pytest.mark.parametrize("toy_id", ["", ".", ".."])
def test_id_cannot_change_the_path(shop: Any, toy_id: str) -> None:
    with pytest.raises(ValueError, match="is not an id"):
        shop.toys.get(toy_id)


def test_id_is_escaped(shop: Any, storefront: FakeStorefront) -> None:
    storefront.on("GET /toys/a/b?c", problem(404))
    with pytest.raises(Exception, match="404"):
        shop.toys.get("a/b?c")
    assert storefront.requests[0].url.raw_path == b"/api/toys/a%2Fb%3Fc"


@pytest.mark.parametrize("origin", ["shop.example", "ftp://shop.example", "https://"])
def test_origin_must_be_a_url(origin: str) -> None:
    with pytest.raises(ValueError, match="must begin with"):
        ToyShop(origin)


def test_list_requests_pages_as_they_are_needed(shop: Any, storefront: FakeStorefront) -> None:
    first = {"items": [TOY, TOY], "next_cursor": "next/1", "total": 3, "facets": {"age": {"3": 3}}}
    last = {"items": [TOY], "next_cursor": None, "total": 3}
    storefront.on("GET /toys", answer(200, first), answer(200, last))
    # GIVEN a search, WHEN the items of its first page are read
    found = shop.toys.list(
        q="kite", sort="-price", attributes={"color": "red"}, facets=["age"], page_size=2
    )
    items = iter(found)
    next(items), next(items)
    # THEN only that page is requested
    (request,) = storefront.requests
    assert dict(request.url.params) == {
        "q": "kite",
        "sort": "-price",
        "attr.color": "red",
        "facets": "age",
        "limit": "2",
    }
    # AND the next one follows with the cursor and the same search
    assert len(list(items)) == 1
    assert dict(storefront.requests[1].url.params) == {
        **dict(request.url.params),
        "cursor": "next/1",
    }


def test_pages_have_total_and_facets(shop: Any, storefront: FakeStorefront) -> None:
    page = {"items": [TOY], "next_cursor": None, "total": 1, "facets": {"age": {"3": 1}}}
    storefront.on("GET /toys", answer(200, page))
    (found,) = shop.toys.list(facets=["age"]).pages()
    assert (found.total, found.facets) == (1, {"age": {"3": 1}})


def test_orders_of_a_status_continue_after_an_empty_page(
    shop: Any, storefront: FakeStorefront
) -> None:
    storefront.on(
        "GET /orders",
        answer(200, {"items": [], "next_cursor": "next"}),
        answer(200, {"items": [ORDER], "next_cursor": None}),
    )
    (found,) = shop.orders.list(status="placed", email="alice@example.com", page_size=5)
    assert found.id == ORDER["id"]
    searched = {"status": "placed", "email": "alice@example.com", "limit": "5"}
    assert [dict(request.url.params) for request in storefront.requests] == [
        searched,
        {**searched, "cursor": "next"},
    ]


def test_write_names_the_version_that_was_read(shop: Any, storefront: FakeStorefront) -> None:
    storefront.on("GET /toys/toy_1", answer(200, TOY))
    storefront.on("PATCH /toys/toy_1", answer(200, {**TOY, "version": 5}))
    storefront.on("DELETE /toys/toy_1", answer(204))
    toy = shop.toys.get("toy_1")
    changed = shop.toys.update(toy, ToyPatch(name="Dragon", attributes={"color": None}))
    shop.toys.delete(changed)
    _, patch, delete = storefront.requests
    assert (patch.headers["If-Match"], delete.headers["If-Match"]) == ('"4"', '"5"')
    assert patch.headers["Content-Type"] == "application/merge-patch+json"
    assert json.loads(patch.content) == {"name": "Dragon", "attributes": {"color": None}}


def test_fields_with_defaults_are_not_sent(shop: Any, storefront: FakeStorefront) -> None:
    storefront.on("POST /toys", answer(201, TOY))
    draft = ToyDraft(
        name="Kite", description="Flies", category="outdoor", brand="Windy",
        price=NewMoney(amount=1250, currency="AUD"), min_age=3,
    )  # fmt: skip
    shop.toys.create(draft)
    (body,) = storefront.bodies()
    assert "attributes" not in body
    assert body["price"] == MONEY


def test_each_order_has_a_new_idempotency_key(shop: Any, storefront: FakeStorefront) -> None:
    storefront.on("POST /orders", answer(201, ORDER))
    place(shop)
    place(shop)
    place(shop, idempotency_key="mine")
    keys = [request.headers["Idempotency-Key"] for request in storefront.requests]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_price_change_names_the_new_lines_and_total(shop: Any, storefront: FakeStorefront) -> None:
    storefront.on(
        "POST /orders",
        problem(409, type="/problems.html#price-changed", lines=[LINE], total=MONEY),
        answer(201, ORDER),
    )
    with pytest.raises(PriceChanged) as caught:
        place(shop, expected_total=Money(amount=1000, currency="AUD"))
    assert caught.value.lines[0].name == "Kite"
    # AND the new total can be confirmed
    place(shop, expected_total=caught.value.total)
    first, second = storefront.bodies()
    assert first["expected_total"] == {"amount": 1000, "currency": "AUD"}
    assert second["expected_total"] == MONEY


def test_waiting_returns_the_paid_order(
    shop: Any, storefront: FakeStorefront, pauses: list[float]
) -> None:
    replies = [order("unknown"), order("pending"), order("pending"), order("succeeded")]
    storefront.on("GET /orders/ord_1", *(answer(200, one) for one in replies))
    assert shop.orders.wait_until_paid("ord_1").payment.status == "succeeded"
    assert pauses == sorted(set(pauses))
    assert len(pauses) == 3


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("declined", PaymentDeclined),
        ("action_required", PaymentActionRequired),
        ("cancelled", PaymentCancelled),
        ("refunded", PaymentCancelled),
    ],
)
def test_waiting_ends_when_the_order_will_not_be_paid(
    shop: Any, storefront: FakeStorefront, status: str, error: type[Exception]
) -> None:
    storefront.on("GET /orders/ord_1", answer(200, order(status)))
    with pytest.raises(error) as caught:
        shop.orders.wait_until_paid("ord_1")
    assert caught.value.order.payment.status == status  # type: ignore[attr-defined]


def test_waiting_ends_after_the_given_time(
    shop: Any, storefront: FakeStorefront, pauses: list[float]
) -> None:
    storefront.on("GET /orders/ord_1", answer(200, order("pending")))
    with pytest.raises(PaymentPending, match="ord_1 is still pending"):
        shop.orders.wait_until_paid("ord_1", timeout=10)
    assert sum(pauses) == pytest.approx(10)


def test_image_is_announced_and_sent_to_the_storage(shop: Any, storefront: FakeStorefront) -> None:
    upload = {
        "method": "POST",
        "url": "https://storage.example/bucket",
        "headers": {},
        "fields": {"key": "incoming/fil_1", "X-Amz-Signature": "signature"},
        "expires_at": "2026-01-02T03:04:05Z",
    }
    ticket = {"image": {"id": "fil_1", "url": "/files/fil_1", "alt": "A kite"}, "upload": upload}
    storefront.on("POST /toys/toy_1/images", answer(201, ticket))
    storefront.on("POST /bucket", answer(204))
    storefront.on("POST /sessions", answer(200, SESSION))
    shop.sign_in("staff@example.com", "secret")
    image = shop.toys.add_image("toy_1", b"PNG...", content_type="image/png", alt="A kite")
    assert image.id == "fil_1"
    _, announced, sent = storefront.requests
    assert json.loads(announced.content) == {
        "content_type": "image/png",
        "size": 6,
        "alt": "A kite",
    }
    # the fields precede the file, and the token is not sent
    parts = sent.content.split(b"Content-Disposition: form-data; ")
    assert [part.partition(b";")[0].split(b"\r\n")[0] for part in parts[1:]] == [
        b'name="key"',
        b'name="X-Amz-Signature"',
        b'name="file"',
    ]
    assert "Authorization" not in sent.headers
    # AND a refusal of the storage is an error of its own
    storefront.on("POST /bucket", httpx_response(403))
    with pytest.raises(StorageFailed) as caught:
        shop.toys.add_image("toy_1", b"PNG...", content_type="image/png", alt="A kite")
    assert caught.value.status == 403


def httpx_response(status: int, content: bytes = b"<Error/>") -> Any:
    response = answer(status)
    return type(response)(status, content=content)


def test_journey_of_an_order_has_typed_hops(shop: Any, storefront: FakeStorefront) -> None:
    example = json.loads((DOCS / "openapi/storefront_api.json").read_text())["paths"]
    response = example["/orders/{order_id}/journey"]["get"]["responses"]["200"]
    document = response["content"]["application/json"]["example"]
    storefront.on("GET /orders/ord_1/journey", answer(200, document))
    journey = shop.orders.journey("ord_1")
    assert [hop.service for hop in journey.hops[:2]] == ["storefront_api", "toys"]
    assert journey.started_at.tzinfo == UTC
    assert journey.missing is None


def test_receipt_is_downloaded_without_the_token(
    shop: Any, storefront: FakeStorefront, caplog: pytest.LogCaptureFixture
) -> None:
    url = "https://storage.example/receipt.pdf?X-Amz-Signature=hidden"
    storefront.on("POST /sessions", answer(200, SESSION))
    storefront.on("GET /orders/ord_1/receipt", answer(303, headers={"Location": url}))
    storefront.on("GET /receipt.pdf", httpx_response(200, b"%PDF-1.7"))
    shop.sign_in("alice@example.com", "secret")
    with caplog.at_level("INFO"):
        assert shop.orders.receipt("ord_1") == b"%PDF-1.7"
    _, asked, sent = storefront.requests
    assert asked.headers["Authorization"] == "Bearer access-1"
    assert "Authorization" not in sent.headers
    assert sent.extensions["target"] == b"/receipt.pdf?X-Amz-Signature=hidden"
    # AND the signature is in no line of the log
    assert "receipt.pdf" in caplog.text
    assert "hidden" not in caplog.text


def test_health_of_a_degraded_shop_is_returned(shop: Any, storefront: FakeStorefront) -> None:
    degraded = {"status": "degraded", "services": {"toys": "down"}}
    response = answer(200, degraded)
    storefront.on(
        "GET /health",
        type(response)(503, content=response.content, headers=response.headers),
    )
    assert shop.health(deep=True).services == {"toys": "down"}
    assert len(storefront.requests) == 1
    assert dict(storefront.requests[0].url.params) == {"deep": "1"}


def test_secrets_are_not_in_representations(shop: Any, storefront: FakeStorefront) -> None:
    storefront.on("POST /sessions", answer(200, SESSION))
    session = shop.sign_in("alice@example.com", "secret")
    assert session.access_token == "access-1"
    assert repr(session) == (
        "Session(access_token=***, id_token=***, refresh_token=***, token_type='Bearer', "
        "expires_in=3600)"
    )
