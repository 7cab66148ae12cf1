"""Those who change orders and payments besides the deliveries.

They are shoppers, their banks, operators, and people who use the gateway's dashboard.
"""

from random import Random

from chalicelib.payments.domain import transaction_id
from contracts import orders as orders_api
from contracts import payments as payments_api
from support.world.world import World

CARDS = ("pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired")
PAYMENT_METHODS = (*CARDS, "pm_nobody")
"""The last one is unknown to the gateway; the others are cards."""
CITIES = ("Cairns", "Perth", "Hobart")


def act(world: World, random: Random) -> None:
    """Make one random change to one of the orders, or to its payment."""
    order_id = random.choice(list(world.orders()))
    if random.random() < 0.15:
        _reverse(world, random, order_id)
        return
    kind = random.random()
    if kind < 0.2:
        world.cancel_order(order_id)
    elif kind < 0.3:
        pay_again(world, random, order_id)
    elif kind < 0.5:
        world.change_city(order_id, random.choice(CITIES))
    elif kind < 0.6:
        world.call_api(orders_api.REEMIT, "orders", {"order_id": order_id}, body={})
    elif kind < 0.7:
        path = {"transaction_id": transaction_id(order_id)}
        world.call_api(payments_api.REEMIT, "payments", path, body={})
    else:
        _authenticate_or_pay_again(world, random, order_id)


def pay_again(world: World, random: Random, order_id: str) -> None:
    """Pay an order again, or repeat an earlier request, also if the order was just cancelled."""
    key = random.randrange(4)
    status = random.choice(("", "", "placed"))
    world.pay_again(order_id, key, PAYMENT_METHODS[key], status)


def _authenticate_or_pay_again(world: World, random: Random, order_id: str) -> None:
    for intent in world.gateway.intents_of(order_id):
        if intent["status"] == "requires_action":
            succeeds = random.random() < 0.5
            world.gateway.authenticate(intent["id"], "succeeded" if succeeds else "failed")
        elif authentication_failed(intent):
            world.gateway.pay_from_browser(intent["id"], random.choice(CARDS))


def _reverse(world: World, random: Random, order_id: str) -> None:
    """Refund or dispute the order's charge, or let one of its refunds or disputes end."""
    kind = random.random()
    for intent in world.gateway.intents_of(order_id):
        refunds, disputes = world.gateway.reversals_of(intent["id"])
        if kind < 0.4:
            amount = str(random.choice((1, 500, 5000)))
            world.gateway.use_dashboard("refunds", payment_intent=intent["id"], amount=amount)
        elif kind < 0.5:
            world.gateway.use_dashboard("refunds", payment_intent=intent["id"])
        elif kind < 0.65 and refunds:
            world.gateway.use_dashboard("refunds/{id}/fail", random.choice(refunds)["id"])
        elif kind < 0.85:
            bank = random.choice(("chargeback", "inquiry"))
            world.gateway.use_dashboard("disputes", payment_intent=intent["id"], kind=bank)
        elif disputes:
            outcome = random.choice(("won", "lost"))
            dispute_id = random.choice(disputes)["id"]
            world.gateway.use_dashboard("disputes/{id}/close", dispute_id, outcome=outcome)


def authentication_failed(intent: dict[str, object]) -> bool:
    """Return whether an intent's authentication failed, so that another card can be used."""
    error = intent["last_payment_error"]
    return (
        intent["status"] == "requires_payment_method"
        and isinstance(error, dict)
        and error.get("code") == "payment_intent_authentication_failure"
    )
