"""Scenarios of one order; a process may crash at any point of them."""

from collections.abc import Callable
from typing import NamedTuple

from support.world import invariants
from support.world.apps import Answer
from support.world.world import World, newest_first

CONFIRM = "gateway POST /v1/payment_intents/pi/confirm"


class Scenario(NamedTuple):
    """A scenario and its possible results.

    Attributes
    ----------
    play
        Runs the scenario; requests without an answer are repeated, as clients do.
    final_statuses
        The statuses that the payment may have at the end.
    """

    play: Callable[[World], None]
    final_statuses: tuple[str, ...]


def retry_until_answered(send: Callable[[], Answer]) -> None:
    """Send a request up to five times until it is answered, as a client with a key may.

    Raises
    ------
    AssertionError
        If all five attempts fail.
    """
    for _ in range(5):
        if send().status < 500:
            return
    raise AssertionError("no answer after five attempts")


def only_order_id(world: World) -> str:
    """Return the id of the only order."""
    (order_id,) = world.orders()
    return order_id


def _place(world: World, payment_method: str = "pm_card_visa") -> None:
    retry_until_answered(lambda: world.place_order(1, payment_method))


def _cancel(world: World) -> None:
    retry_until_answered(lambda: world.cancel_order(only_order_id(world)))


def _intent_id(world: World) -> str:
    (order,) = invariants.evidence_of(world)
    assert order.intent is not None
    return str(order.intent["id"])


def paid(world: World) -> None:
    """The card is charged at once."""
    _place(world)
    world.run_until_idle()


def declined(world: World) -> None:
    """The card is declined."""
    _place(world, "pm_card_chargeDeclined")
    world.run_until_idle()


def unknown_payment_method(world: World) -> None:
    """The gateway does not know the payment method."""
    _place(world, "pm_nobody")
    world.run_until_idle()


def cancellation_delivered_before_order(world: World) -> None:
    """The event of the cancellation is delivered before the event of the order."""
    _place(world)
    _cancel(world)
    world.run_until_idle(newest_first)


def cancelled_before_charge(world: World) -> None:
    """The order is cancelled before the charge starts; its event is delivered after the charge."""
    _place(world)
    _cancel(world)
    world.run_until_idle()


def cancelled_during_charge(world: World) -> None:
    """The whole cancellation happens between recording and confirming the intent."""
    _place(world)

    def cancel_and_deliver() -> None:
        _cancel(world)
        for _ in range(2):
            for delivery in world.due():
                delivery.run(False)

    world.calls.plan_at(CONFIRM, cancel_and_deliver)
    world.run_until_idle()
    _cancel(world)
    world.run_until_idle()


def cancelled_after_charge(world: World) -> None:
    """The order is cancelled after the charge, which is refunded."""
    _place(world)
    world.run_until_idle()
    _cancel(world)
    world.run_until_idle()


def authenticated(world: World) -> None:
    """The bank asks for authentication, and it succeeds."""
    _place(world, "pm_card_authenticationRequired")
    world.run_until_idle()
    world.gateway.authenticate(_intent_id(world), "succeeded")
    world.run_until_idle()


def authentication_failed(world: World) -> None:
    """The bank asks for authentication, and it fails."""
    _place(world, "pm_card_authenticationRequired")
    world.run_until_idle()
    world.gateway.authenticate(_intent_id(world), "failed")
    world.run_until_idle()


def declined_then_paid(world: World) -> None:
    """Authentication fails, and the shopper pays with another card."""
    authentication_failed(world)
    world.gateway.pay_from_browser(_intent_id(world), "pm_card_visa")
    world.run_until_idle()


def declined_then_paid_then_cancelled(world: World) -> None:
    """The shopper pays at the second attempt and then cancels."""
    declined_then_paid(world)
    _cancel(world)
    world.run_until_idle()


def cancelled_instead_of_authenticated(world: World) -> None:
    """The shopper cancels the order while the bank waits for the authentication."""
    _place(world, "pm_card_authenticationRequired")
    world.run_until_idle()
    _cancel(world)
    world.run_until_idle()


def cancelled_while_authenticated(world: World) -> None:
    """The shopper authenticates and cancels at once; the cancellation is delivered first."""
    _place(world, "pm_card_authenticationRequired")
    world.run_until_idle()
    world.gateway.authenticate(_intent_id(world), "succeeded")
    _cancel(world)
    world.run_until_idle()


def _pay_again(world: World, key: int, method: str = "pm_card_visa", status: str = "") -> None:
    order_id = only_order_id(world)
    retry_until_answered(lambda: world.pay_again(order_id, key, method, status))


def paid_again(world: World) -> None:
    """Two cards are declined, and the third is charged."""
    declined(world)
    _pay_again(world, 1, "pm_card_chargeDeclined")
    world.run_until_idle()
    _pay_again(world, 2)
    world.run_until_idle()


def paid_again_instead_of_authenticated(world: World) -> None:
    """The shopper fails to authenticate and pays again; the decline's webhook arrives last."""
    _place(world, "pm_card_authenticationRequired")
    world.run_until_idle()
    world.gateway.authenticate(_intent_id(world), "failed")
    _pay_again(world, 1, "pm_card_authenticationRequired")
    world.run_until_idle(newest_first)
    world.gateway.authenticate(_intent_id(world), "succeeded")
    world.run_until_idle()


def paid_again_while_authenticated(world: World) -> None:
    """The bank confirms the first card while the shopper pays again with another."""
    _place(world, "pm_card_authenticationRequired")
    world.run_until_idle()
    _pay_again(world, 1)
    world.gateway.authenticate(_intent_id(world), "succeeded")
    world.run_until_idle()


def cancelled_while_paid_again(world: World) -> None:
    """The shopper pays again and cancels before the second card is charged."""
    declined(world)
    _pay_again(world, 1)
    _cancel(world)
    world.run_until_idle()


def partially_refunded_then_cancelled(world: World) -> None:
    """A part is refunded in the gateway's dashboard, and the customer cancels the rest."""
    _place(world)
    world.run_until_idle()
    intent_id = _intent_id(world)
    assert world.gateway.use_dashboard("refunds", payment_intent=intent_id, amount="500")
    world.run_until_idle()
    _cancel(world)
    world.run_until_idle()


def cancelled_while_disputed(world: World) -> None:
    """The customer cancels while the bank has taken the money, and the bank returns it later."""
    _place(world)
    world.run_until_idle()
    intent_id = _intent_id(world)
    dispute = world.gateway.use_dashboard("disputes", payment_intent=intent_id, kind="chargeback")
    assert dispute
    world.run_until_idle()
    _cancel(world)
    world.run_until_idle()
    assert world.gateway.use_dashboard("disputes/{id}/close", dispute["id"], outcome="won")
    world.run_until_idle()


def paid_again_while_cancelled(world: World) -> None:
    """The storefront reads the order before it is cancelled, and asks for another attempt after."""
    declined(world)
    _cancel(world)
    world.run_until_idle()
    _pay_again(world, 1, status="placed")
    world.run_until_idle()


SCENARIOS: dict[str, Scenario] = {
    scenario.play.__name__: scenario
    for scenario in (
        Scenario(paid, ("succeeded",)),
        Scenario(declined, ("declined",)),
        Scenario(unknown_payment_method, ("declined",)),
        Scenario(cancellation_delivered_before_order, ("cancelled", "refunded")),
        Scenario(cancelled_before_charge, ("refunded", "cancelled")),
        Scenario(cancelled_during_charge, ("cancelled", "refunded")),
        Scenario(cancelled_after_charge, ("refunded",)),
        Scenario(authenticated, ("succeeded",)),
        Scenario(authentication_failed, ("declined",)),
        Scenario(declined_then_paid, ("succeeded",)),
        Scenario(declined_then_paid_then_cancelled, ("refunded",)),
        Scenario(cancelled_instead_of_authenticated, ("cancelled",)),
        Scenario(cancelled_while_authenticated, ("refunded",)),
        Scenario(paid_again, ("succeeded",)),
        Scenario(paid_again_instead_of_authenticated, ("succeeded",)),
        Scenario(paid_again_while_authenticated, ("succeeded",)),
        Scenario(cancelled_while_paid_again, ("cancelled", "refunded")),
        Scenario(paid_again_while_cancelled, ("cancelled",)),
        Scenario(partially_refunded_then_cancelled, ("refunded",)),
        Scenario(cancelled_while_disputed, ("refunded",)),
    )
}
