"""What one order uses of AWS, from the storefront to the email: exact counts that must not grow."""

import json
from collections.abc import Iterator
from unittest import mock

import pytest

from contracts import payments as payments_api
from contracts import toys as toys_api
from support.world import apps, deliveries, event_sources
from support.world.usage import WRITE_UNIT, Usage, counted, item_size
from support.world.whole_chain import WholeChain
from support.world.world import World

USER = {
    "sub": "5b7c0f7e-6d6f-4c0f-9a4e-1d1f3f0a9c11",
    "email": "alexandra.papadopoulos@example.com",
    "email_verified": "true",
    "name": "Alexandra Papadopoulos",
}
ADDRESS = {
    "name": "Alexandra Papadopoulos",
    "line1": "Unit 12, 145 Macquarie Street",
    "city": "Parramatta",
    "region": "NSW",
    "postal_code": "2150",
    "country": "AU",
}
TOY = {
    "name": "Wooden Railway Starter Set",
    "description": "Forty tracks of beech wood, a bridge and a train of three coaches.",
    "category": "vehicles",
    "brand": "Birchwood Toys",
    "price": {"amount": 5995, "currency": "AUD"},
    "min_age": 3,
}


@pytest.fixture
def world() -> Iterator[World]:
    # each stream record is an invocation of its own, as in a shop that is not busy
    with (
        mock.patch.object(deliveries, "BATCH_SIZE", 1),
        mock.patch.object(apps, "SIGNED_IN_USER", {"sub": USER["sub"], "groups": ""}),
        WholeChain() as world,
    ):
        world.cloud.user = dict(USER)
        yield world


def order(world: World, *toy_ids: str) -> Usage:
    """Order toys in the storefront, and return what was used until the email was sent."""
    body = {
        "lines": [{"toy_id": toy_id, "quantity": 1} for toy_id in toy_ids],
        "shipping_address": ADDRESS,
        "payment_method": "pm_card_visa",
    }
    headers = {"Content-Type": "application/json", "Authorization": "Bearer token"}
    headers["Idempotency-Key"] = "9f0c7a52-8d0e-4c43-8a63-2b8ad8b1a3f1"
    with counted(world) as usage:
        answer = world.serve_request(
            "storefront_api", "POST", "/orders", json.dumps(body).encode(), headers
        )
        assert answer.status == 201
        world.run_until_idle()
    assert world.emails_sent.total() == 1
    return usage


def toy(world: World) -> str:
    """Add a toy, and return its id."""
    toy_id: str = json.loads(world.call_api(toys_api.CREATE, "toys", body=TOY).data)["id"]
    world.advance(2)
    return toy_id


def test_order_makes_eleven_invocations_and_seven_requests(world: World) -> None:
    usage = order(world, toy(world), toy(world))
    # THEN every function runs once; API Gateway remembers what the authorizer has answered
    assert usage.invocations == {
        "storefront_api api_handler": 2,  # the order, and the gateway's webhook
        "toys api_handler": 1,
        "orders api_handler": 1,
        "orders on_dynamodb_record": 1,
        "payments charge": 1,
        "payments on_dynamodb_record": 1,
        "payments fulfil": 1,
        "payments api_handler": 1,
        "file_manager api_handler": 1,
        "notifications api_handler": 1,
    }
    assert usage.requests == {
        "storefront_api": 2,
        "toys": 1,
        "orders": 1,
        "payments": 1,
        "file_manager": 1,
        "notifications": 1,
    }
    assert usage.operations == {
        "cognito-idp GetUser": 1,
        "dynamodb BatchGetItem toys": 1,
        "dynamodb GetItem file-manager": 1,
        "dynamodb GetItem notifications": 1,
        "dynamodb GetItem payments": 3,  # by `charge`, `fulfil` and the webhook
        "dynamodb PutItem file-manager": 1,
        "dynamodb PutItem notifications": 2,
        "dynamodb PutItem orders": 1,
        "dynamodb PutItem payments": 3,
        "s3 PutObject": 1,
        "sesv2 SendEmail": 1,
        "sns PublishBatch": 2,
    }
    assert usage.write_units == {
        "orders": 1,
        "orders/by_customer": 1,
        "orders/by_month": 1,
        "payments": 3,
        "file-manager": 1,
        "notifications": 2,
    }


def test_order_of_five_toys_fits_into_one_write_unit(world: World) -> None:
    usage = order(world, *(toy(world) for _ in range(5)))
    (item,) = world.orders().values()
    assert item_size(item) <= WRITE_UNIT
    assert usage.write_units.total() == 9


def test_relay_is_not_invoked_for_what_emits_nothing(world: World) -> None:
    # GIVEN a payment that was opened and whose receipt was archived
    order(world, toy(world))
    stream = world.tables.tables["toyshop-local-payments"].stream
    assert len(stream) == 3
    # THEN the filter passes only the payment's success
    [pattern] = event_sources.stream_filters("payments")
    passed = [event_sources.matches(pattern, record) for record in stream]
    assert passed == [False, True, False]
    # AND a repeated event, which stores the trace again
    payment = stream[-1]["dynamodb"]["NewImage"]["id"]["S"]
    world.call_api(payments_api.REEMIT, "payments", {"transaction_id": payment}, body={})
    with counted(world) as usage:
        world.run_until_idle()
    assert usage.operations["sns PublishBatch"] == 1
