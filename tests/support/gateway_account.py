"""Charges and refunds made at the payment gateway, outside the shop."""

from typing import Any

import stripe

from support.running_shop import Shop


def stripe_client(shop: Shop) -> stripe.StripeClient:
    base: Any = {"api": f"http://127.0.0.1:{shop.gateway_port}"}
    return stripe.StripeClient("sk_test_x", base_addresses=base)


def create_charge(gateway: stripe.StripeClient, order_id: str) -> str:
    intent = gateway.v1.payment_intents.create(
        {
            "amount": 1200,
            "currency": "aud",
            "metadata": {"order_id": order_id},
            "payment_method": "pm_card_visa",
            "payment_method_types": ["card"],
            "confirm": True,
        }
    )
    return intent.id


def create_refund(gateway: stripe.StripeClient, intent_id: str) -> None:
    gateway.v1.refunds.create({"payment_intent": intent_id})
