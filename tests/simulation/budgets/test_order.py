"""What one order uses of AWS, from the storefront to the email: exact counts that must not grow."""

import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from contracts import toys as toys_api
from gateway_simulator.webhooks import signature
from support.world import apps, deliveries
from support.world.deliveries import now
from support.world.usage import Usage, counted, item_size
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


class WholeChain(World):
    """A world in which webhooks pass through the storefront, as they do on AWS."""

    def _send_webhook(self, event: dict[str, Any]) -> bool:
        payload = json.dumps(event, separators=(",", ":")).encode()
        secret = apps.load_app("payments").settings.stripe_webhook_secret
        headers = {"Content-Type": "application/json"}
        headers["Stripe-Signature"] = signature(payload, secret, int(now()))
        answer = self.serve_request(
            "storefront_api", "POST", "/webhooks/payments", payload, headers, ("gateway",)
        )
        return answer.status == 204


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
    usage = order(world, toy(world))
    print(usage)
    for n, t in world.tables.tables.items():
        for i in t.items.values():
            print(n, item_size(i), i)
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
