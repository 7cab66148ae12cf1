"""Runs of a small shop that are generated from a seed.

They cover what the state machine covers, with random choices. A run that fails names its seed, and
``--seed`` repeats it.
"""

from functools import partial
from random import Random

from support.world import invariants, writers
from support.world.schedule import Schedule
from support.world.world import NeverIdle, World


def run_seed(seed: int, *, fault_rate: float = 0.4) -> World:
    """Run a shop with one or two orders to its end, and check the invariants.

    Parameters
    ----------
    fault_rate
        Probability, from 0 to 1, that a fault is planned for a delivery.

    Raises
    ------
    InvariantViolation, NeverIdle
        With the seed in the message.
    """
    random = Random(seed)
    with World() as world:
        try:
            schedule = Schedule(world, seed, fault_rate=fault_rate, writers_act=True)
            _run_with_faults(world, random, schedule)
            finish(world, seed)
        except (invariants.InvariantViolation, NeverIdle) as error:
            raise type(error)(f"run with seed {seed}: {error}") from None
    return world


def finish(world: World, seed: int) -> None:
    """Deliver everything without faults, replay the dead letters, and check the invariants.

    Raises
    ------
    InvariantViolation
        If an invariant is violated at the end.
    NeverIdle
        If something always remains to be delivered.
    """
    # AWS may still deliver in any order, repeatedly, and overlapping.
    schedule = Schedule(world, seed)
    world.run_until_idle(schedule.step)
    for _ in range(3):
        if not world.replay_dead_letters():
            break
        world.run_until_idle(schedule.step)
    invariants.check_when_idle(world)


def _run_with_faults(world: World, random: Random, schedule: Schedule) -> None:
    methods = [random.choice(writers.PAYMENT_METHODS) for _ in range(random.randint(1, 2))]
    for number, method in enumerate(methods):
        world.place_order(number, method)
    for _ in range(random.randint(5, 50)):
        event = random.random()
        if event < 0.8:
            due = world.due()
            if due:
                schedule.step(due)
            else:
                world.advance(random.choice((61, 400, 3700)))
        elif event < 0.84:
            number = random.randrange(len(methods))
            schedule.disturb(partial(world.place_order, number, methods[number]))
        elif event < 0.95 and world.orders():
            schedule.disturb(partial(writers.act, world, random))
        elif event < 0.98:
            world.forget_idempotency_keys()
        else:
            world.replay_dead_letters()
        invariants.check_always(world)
