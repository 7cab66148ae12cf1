"""What may become of an order, told so that a process may die anywhere in it."""

from collections.abc import Callable
from typing import NamedTuple

from support.world import promise
from support.world.world import Answer, World, youngest_first

CONFIRM = "gateway POST /v1/payment_intents/pi/confirm"


class Story(NamedTuple):
    """One story.

    Attributes
    ----------
    tell
        Makes it happen; what was not answered is asked for again, as clients do.
    ends
        The statuses that its payment may have in the end.
    """

    tell: Callable[[World], None]
    ends: tuple[str, ...]


def insist(ask: Callable[[], Answer]) -> None:
    """Ask until there is an answer, as a client with an idempotency key may."""
    for _ in range(5):
        if ask().status < 500:
            return
    raise AssertionError("five times no answer")


def the_order(world: World) -> str:
    """Return the id of the only order."""
    (order_id,) = world.tables.tables["toyshop-local-orders"].items
    return order_id


def _place(world: World, method: str = "pm_card_visa") -> None:
    insist(lambda: world.place(1, method))


def _cancel(world: World) -> None:
    insist(lambda: world.cancel(the_order(world)))


def _intent(world: World) -> str:
    (books,) = promise.books_of(world)
    assert books.intent is not None
    return str(books.intent["id"])


def paid(world: World) -> None:
    """Pay at once."""
    _place(world)
    world.settle()


def declined(world: World) -> None:
    """Be declined by the bank."""
    _place(world, "pm_card_chargeDeclined")
    world.settle()


def unknown_card(world: World) -> None:
    """Pay with what the gateway does not know."""
    _place(world, "pm_nobody")
    world.settle()


def cancelled_before_it_is_seen(world: World) -> None:
    """Have the cancellation delivered before the order."""
    _place(world)
    _cancel(world)
    world.settle(youngest_first)


def cancelled_before_the_charge(world: World) -> None:
    """Have the cancellation placed before the charge begins, and delivered after it."""
    _place(world)
    _cancel(world)
    world.settle()


def cancelled_during_the_charge(world: World) -> None:
    """Have the whole cancellation happen between the record and the confirmation."""
    _place(world)

    def meanwhile() -> None:
        _cancel(world)
        for _ in range(2):
            for delivery in world.due():
                delivery.run(False)

    world.outside.plan_at(CONFIRM, meanwhile)
    world.settle()
    _cancel(world)
    world.settle()


def cancelled_after_the_charge(world: World) -> None:
    """Be refunded."""
    _place(world)
    world.settle()
    _cancel(world)
    world.settle()


def confirmed_later(world: World) -> None:
    """Have the bank ask, and say yes."""
    _place(world, "pm_card_authenticationRequired")
    world.settle()
    world.gateway.authenticate(_intent(world), "succeeded")
    world.settle()


def declined_late(world: World) -> None:
    """Have the bank ask, and say no."""
    _place(world, "pm_card_authenticationRequired")
    world.settle()
    world.gateway.authenticate(_intent(world), "failed")
    world.settle()


def declined_then_paid(world: World) -> None:
    """Have the bank say no, and pay with another card."""
    declined_late(world)
    world.gateway.pay_from_browser(_intent(world), "pm_card_visa")
    world.settle()


def declined_then_paid_then_cancelled(world: World) -> None:
    """Pay at the second try, and call the order off."""
    declined_then_paid(world)
    _cancel(world)
    world.settle()


def cancelled_while_the_bank_asks(world: World) -> None:
    """Call the order off instead of saying yes."""
    _place(world, "pm_card_authenticationRequired")
    world.settle()
    _cancel(world)
    world.settle()


def cancelled_as_the_bank_says_yes(world: World) -> None:
    """Say yes and call off at once; the cancellation is delivered before the yes."""
    _place(world, "pm_card_authenticationRequired")
    world.settle()
    world.gateway.authenticate(_intent(world), "succeeded")
    _cancel(world)
    world.settle()


STORIES: dict[str, Story] = {
    story.tell.__name__: story
    for story in (
        Story(paid, ("succeeded",)),
        Story(declined, ("declined",)),
        Story(unknown_card, ("declined",)),
        Story(cancelled_before_it_is_seen, ("cancelled", "refunded")),
        Story(cancelled_before_the_charge, ("refunded", "cancelled")),
        Story(cancelled_during_the_charge, ("cancelled", "refunded")),
        Story(cancelled_after_the_charge, ("refunded",)),
        Story(confirmed_later, ("succeeded",)),
        Story(declined_late, ("declined",)),
        Story(declined_then_paid, ("succeeded",)),
        Story(declined_then_paid_then_cancelled, ("refunded",)),
        Story(cancelled_while_the_bank_asks, ("cancelled",)),
        Story(cancelled_as_the_bank_says_yes, ("refunded",)),
    )
}
