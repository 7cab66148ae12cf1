"""Whole lives of a small shop, each by one seed: what Hypothesis explores, walked at random.

A life that fails names its seed, and ``--seed`` lives it again.
"""

from random import Random

from support.world import promise
from support.world.schedule import Schedule
from support.world.world import NeverQuiet, World

METHODS = (
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_authenticationRequired",
    "pm_nobody",
)


def live(seed: int, *, trouble: float = 0.4) -> World:
    """Live one life to its end, and hold the promise.

    Parameters
    ----------
    trouble
        How likely it is that something is to go wrong with a delivery.

    Raises
    ------
    BrokenPromise, NeverQuiet
        With the seed.
    """
    random = Random(seed)
    with World() as world:
        try:
            _live(world, random, Schedule(world, seed, trouble=trouble))
            calm = Schedule(world, seed)
            world.settle(calm.step)
            for _ in range(3):
                if not world.replay():
                    break
                world.settle(calm.step)
            promise.in_the_end(world)
        except (promise.BrokenPromise, NeverQuiet) as error:
            raise type(error)(f"the life of seed {seed}: {error}") from None
    return world


def _live(world: World, random: Random, schedule: Schedule) -> None:
    methods = [random.choice(METHODS) for _ in range(random.randint(1, 2))]
    for number, method in enumerate(methods):
        world.place(number, method)
    for _ in range(random.randint(5, 50)):
        event = random.random()
        orders = list(world.tables.tables["toyshop-local-orders"].items)
        if event < 0.8:
            due = world.due()
            if due:
                schedule.step(due)
            else:
                world.advance(random.choice((61, 400, 3700)))
        elif event < 0.84:
            number = random.randrange(len(methods))
            world.place(number, methods[number])
        elif event < 0.89 and orders:
            world.cancel(random.choice(orders))
        elif event < 0.95 and orders:
            _ask_the_bank(world, random, random.choice(orders))
        elif event < 0.98:
            world.forget_keys()
        else:
            world.replay()
        promise.so_far(world)


def _ask_the_bank(world: World, random: Random, order_id: str) -> None:
    for intent in world.gateway.intents_of(order_id):
        if intent["status"] == "requires_action":
            yes = random.random() < 0.5
            world.gateway.authenticate(intent["id"], "succeeded" if yes else "failed")
        elif (intent["last_payment_error"] or {}).get("code") == (
            "payment_intent_authentication_failure"
        ) and intent["status"] == "requires_payment_method":
            world.gateway.pay_from_browser(intent["id"], random.choice(METHODS[:3]))
