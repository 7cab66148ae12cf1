"""Retries: which requests, and after which pauses."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from support.fake_storefront import ORDER, SESSION, TOY, FakeStorefront, Reply, answer, problem
from toyshop_client import (
    ConnectionFailed,
    DraftLine,
    NewAddress,
    ProblemError,
    RateLimited,
    Retries,
    TimedOut,
    Toy,
    ToyPatch,
    Unavailable,
)

LOST = httpx.ReadError("")
REFUSED = httpx.ConnectError("Connection refused")


def get(shop: Any) -> Any:
    return shop.toys.get("toy_1")


def place(shop: Any) -> Any:
    return shop.orders.place(
        lines=[DraftLine(toy_id="toy_1", quantity=1)],
        shipping_address=NewAddress(name="Alice", line1="1 Toy St", country="AU"),
        payment_method="pm_card_visa",
    )


@pytest.mark.parametrize(
    "failure",
    [LOST, REFUSED, httpx.ReadTimeout(""), *(problem(status) for status in (429, 500, 503))],
    ids=repr,
)
def test_read_is_retried_after_growing_pauses(
    shop: Any, storefront: FakeStorefront, pauses: list[float], failure: Reply
) -> None:
    storefront.on("GET /toys/toy_1", failure, failure, answer(200, TOY))
    assert get(shop).id == "toy_1"
    # up to half of each pause is random
    first, second = pauses
    assert 0.5 <= first <= 1
    assert 1 <= second <= 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422])
def test_client_error_is_not_retried(shop: Any, storefront: FakeStorefront, status: int) -> None:
    storefront.on("GET /toys/toy_1", problem(status))
    with pytest.raises(ProblemError):
        get(shop)
    assert len(storefront.requests) == 1


def test_last_attempt_decides(shop: Any, storefront: FakeStorefront) -> None:
    storefront.on("GET /toys/toy_1", LOST, problem(429), problem(503))
    with pytest.raises(Unavailable):
        get(shop)
    assert len(storefront.requests) == 3
    storefront.on("GET /toys/toy_1", problem(503), httpx.ReadTimeout(""))
    with pytest.raises(TimedOut, match=r"shop.example did not answer in time"):
        get(shop)


def test_order_is_repeated_with_the_same_key_and_body(
    shop: Any, storefront: FakeStorefront
) -> None:
    storefront.on("POST /orders", LOST, problem(503), answer(200, ORDER))
    assert place(shop).id == "ord_1"
    assert len({request.headers["Idempotency-Key"] for request in storefront.requests}) == 1
    assert len({request.content for request in storefront.requests}) == 1
    assert len(storefront.requests) == 3


@pytest.mark.parametrize("failure", [LOST, problem(503), problem(429)], ids=repr)
def test_write_that_may_have_happened_is_not_repeated(
    shop: Any, storefront: FakeStorefront, failure: Reply
) -> None:
    storefront.on("GET /toys/toy_1", answer(200, TOY))
    storefront.on("PATCH /toys/toy_1", failure)
    storefront.on("POST /sessions", failure)
    toy: Toy = get(shop)
    for write in (
        lambda: shop.toys.update(toy, ToyPatch(name="Dragon")),
        lambda: shop.sign_in("alice@example.com", "secret"),
    ):
        storefront.requests.clear()
        with pytest.raises((ConnectionFailed, ProblemError)):
            write()
        assert len(storefront.requests) == 1


def test_request_that_was_never_sent_is_repeated(shop: Any, storefront: FakeStorefront) -> None:
    storefront.on("POST /sessions", REFUSED, answer(200, SESSION))
    assert shop.sign_in("alice@example.com", "secret").expires_in == 3600
    storefront.on("POST /sessions", REFUSED)
    with pytest.raises(ConnectionFailed, match=r"shop.example does not answer: Connection refused"):
        shop.sign_in("alice@example.com", "secret")


@pytest.mark.parametrize("in_seconds", [True, False])
def test_retry_after_sets_the_pause(
    shop: Any, storefront: FakeStorefront, pauses: list[float], in_seconds: bool
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    header = {"Retry-After": "20" if in_seconds else date}
    storefront.on("GET /toys/toy_1", problem(429, header), answer(200, TOY))
    get(shop)
    assert pauses == pytest.approx([20], abs=2)


def test_too_long_retry_after_is_not_waited_for(
    shop: Any, storefront: FakeStorefront, pauses: list[float]
) -> None:
    storefront.on("GET /toys/toy_1", problem(429, {"Retry-After": "3600"}))
    with pytest.raises(RateLimited) as caught:
        get(shop)
    assert caught.value.retry_after == 3600
    assert pauses == []


@pytest.mark.parametrize("value", ["soon", "-1", ""])
def test_invalid_retry_after_is_ignored(
    shop: Any, storefront: FakeStorefront, pauses: list[float], value: str
) -> None:
    header = {"Retry-After": value}
    storefront.on("GET /toys/toy_1", problem(503, header), answer(200, TOY))
    get(shop)
    assert len(pauses) == 1
    assert pauses[0] <= 1


def test_pauses_stop_growing_and_attempts_end() -> None:
    retries = Retries(attempts=2000, first_pause=0.5, longest_pause=4)
    assert all(2 <= (retries.pause(attempt) or 0) <= 4 for attempt in (4, 10, 1999))
    assert len({retries.pause(5) for _ in range(20)}) > 1
    assert retries.pause(2000) is None
    assert Retries(attempts=1).pause(1) is None
