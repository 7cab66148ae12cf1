"""The process stopped at each call in turn."""

from collections.abc import Callable
from functools import partial
from typing import Literal
from unittest import mock

from support.crash.stories import STORIES, Story
from support.world import promise
from support.world.world import Delivery, World, oldest_first

Death = Literal["dies_before", "dies_after"]

_BETWEEN_ANSWER_AND_RECORD = {
    ("sesv2 SendEmail", "dies_after"),
    ("dynamodb PutItem toyshop-local-notifications", "dies_before"),
}
"""The only points of death that excuse a second copy of an e-mail."""


def crash_everywhere(name: str, death: Death, *, keys_forgotten: bool) -> list[str]:
    """Tell a story again and again, each time with a death at the next call, and hold the promise.

    Returns
    -------
    list
        The calls at which a process has died, in the story's order.

    Raises
    ------
    BrokenPromise
        If the promise does not hold after one of the deaths.
    """
    died_at: list[str] = []
    while True:
        with World() as world:
            world.outside.plan(len(died_at) + 1, death)
            if keys_forgotten:
                world.outside.on_death = world.forget_keys
            STORIES[name].tell(world)
            if not world.outside.befell:
                return died_at
            died_at.append(world.outside.befell[0][0])
            _hold(world, STORIES[name])


def _hold(world: World, story: Story) -> None:
    promise.in_the_end(world)
    (books,) = promise.books_of(world)
    assert books.status in story.ends, (books.history, world.outside.befell)
    copies = sum(world.mails.values()) - len(world.mails)
    assert copies == 0 or world.outside.befell[0] in _BETWEEN_ANSWER_AND_RECORD


def calls_of(name: str, function: str) -> list[str]:
    """Return the names of the calls that a function makes in a story, each once."""
    calls: list[str] = []
    with World() as world:
        starts: list[tuple[bool, int]] = []

        def note(delivery: Delivery) -> None:
            starts.append((delivery.name == function, len(world.outside.made)))

        _tell(world, name, note)
        ends = [start for _, start in starts[1:]] + [len(world.outside.made)]
        for (wanted, start), end in zip(starts, ends, strict=True):
            calls += world.outside.made[start:end] if wanted else []
    return list(dict.fromkeys(calls))


def die_until_parked(name: str, function: str, call: str, death: Death) -> int:
    """Have a function die at the same call at every try, until what it was to do is parked.

    Then the gateway forgets every key, the dead letters are sent back, and the promise must hold.

    Returns
    -------
    int
        How many dead letters there were; none if the function gets past the call after all.

    Raises
    ------
    BrokenPromise
        If the promise does not hold in the end.
    """
    with World() as world:
        park(world, name, function, call, death)
        parked = world.replay()
        world.settle()
        promise.in_the_end(world)
        return parked


def park(world: World, name: str, function: str, call: str, death: Death) -> None:
    """Tell a story in which a function dies at a call at every try; the keys are forgotten then."""

    def doom(delivery: Delivery) -> None:
        world.outside.calm()
        if delivery.name in (function, f"{function}_retry"):
            world.outside.plan_at(call, death)

    _tell(world, name, doom)
    world.outside.calm()
    assert {call for call, _ in world.outside.befell} == {call}
    world.forget_keys()


def _tell(world: World, name: str, before: Callable[[Delivery], None]) -> None:
    """Tell a story with a word before each delivery."""

    def step(due: list[Delivery]) -> None:
        before(due[0])
        oldest_first(due)

    with mock.patch.object(world, "settle", partial(world.settle, step)):
        STORIES[name].tell(world)
