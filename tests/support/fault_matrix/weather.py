"""One fault at one dependency of one hop, in one story, and what was seen to follow."""

import re
from functools import cache
from typing import Literal, NamedTuple

from support.fault_matrix.stories import STORIES, STORMY
from support.world import delivery
from support.world.outside import Trouble
from support.world.world import World

Lasting = Literal["once", "four failures", "until parked"]


class Fault(NamedTuple):
    """A column of the first table.

    Attributes
    ----------
    means
        In words, for the document.
    trouble, of_aws
        What befalls a call; where AWS has another way of it, that.
    lasts
        One call, until four deliveries or requests have failed, or until something is parked.
    held
        Whether what comes late comes after all else.
    """

    means: str
    trouble: Trouble
    of_aws: Trouble | None = None
    lasts: Lasting = "once"
    held: bool = False


FAULTS: dict[str, Fault] = {
    "slow": Fault("it does the work; its answer comes after the caller's time-out", "answer_lost"),
    "down": Fault(
        "no request reaches it until four deliveries (or four of a client's requests) have failed",
        "request_lost",
        lasts="four failures",
    ),
    "down for hours": Fault(
        "no request reaches it until what a function was to do is parked",
        "request_lost",
        lasts="until parked",
    ),
    "refuses": Fault("no connection comes about", "refused"),
    "500 after": Fault("it does the work and answers 500", "faulty_after"),
    "garbage": Fault("it does the work and answers what its contract does not know", "garbage"),
    "throttles": Fault("it answers 429, and does nothing", "throttled"),
    "twice": Fault("the same request reaches it twice", "twice"),
    "out of order": Fault(
        "silence; the request is carried out after the ones that follow it", "late", "held_back"
    ),
    "late": Fault(
        "silence; the request is carried out when all is over", "late", "held_back", held=True
    ),
    "dies before": Fault("`kill -9` of the hop's process before the call", "dies_before"),
    "dies after": Fault("`kill -9` of the hop's process after the call", "dies_after"),
}

OUTCOMES: dict[str, str] = {
    "at once": "the hop goes on: the fault is not noticed, or its client tries again by itself",
    "client": "the client is answered 5xx; it asks again, and with the same key it gets the same "
    "order",
    "gateway": "the gateway's webhook is answered 5xx; the gateway tells again",
    "stream": "the stream's records are read again",
    "Lambda": "Lambda tries the event again",
    "queue": "the retry queue (or the hop's own queue) delivers it again",
    "parked": "it is parked in the dead-letter queue, and goes on once it is replayed",
    "2nd mail": "and a second copy of the e-mail may go out, the one exception of the promise",
}
"""What may follow, the mildest first."""

_PATIENT = {
    f"{service} {function.removesuffix('_retry')}"
    for service, function in delivery.consumers().values()
}
"""The functions that a queue stands behind."""

_AT_REST_ONCE = (
    "paid", "declined", "unknown_card", "cancelled_before_it_is_seen",
    "cancelled_before_the_charge", "bought", "pictured",
)  # fmt: skip
"""The stories in which nothing happens that needs an earlier part to have come to rest."""

_KINDS = {
    "dynamodb": "its table",
    "sns": "its topic",
    "s3": "its buckets",
    "sqs": "its queues",
    "sesv2": "SES",
    "cognito-idp": "Cognito",
    "gateway": "the gateway",
}
_AN_ID = re.compile(r"_[0-9A-Z]{26}")


class Row(NamedTuple):
    """A hop and one of its dependencies."""

    hop: str
    dependency: str


def dependency_of(call: str) -> str:
    """Return what a call is made to: a kind of AWS's, the gateway, or a neighbour's API."""
    kind = call.split()[0]
    return _KINDS.get(kind, f"{kind} API")


@cache
def rows() -> dict[Row, list[tuple[str, str]]]:
    """Return each row with its calls, and for each of them the stories that make it."""
    found: dict[Row, list[tuple[str, str]]] = {}
    for name, story in STORIES.items():
        with World() as world:
            story.tell(world)
            story.hold(world)
            asked = [(hop, _AN_ID.sub("", call)) for hop, call in world.outside.asked]
        for hop, call in dict.fromkeys(asked):
            row = found.setdefault(Row(hop, dependency_of(call)), [])
            # stormy by itself: it is told for what is called in storms alone
            if name != STORMY or call not in (known for known, _ in row):
                row.append((call, name))
    return found


def outcomes_of(row: Row, column: str) -> set[str]:
    """Put a fault to a dependency, at each call and in each story, and return what follows.

    Raises
    ------
    BrokenPromise
        If the promise does not hold in the end.
    """
    seen: set[str] = set()
    for call, story in rows()[row]:
        if FAULTS[column].lasts != "until parked" or story in _AT_REST_ONCE:
            seen |= outcome_of(row.hop, call, story, FAULTS[column])
    return seen


def outcome_of(hop: str, call: str, story: str, fault: Fault) -> set[str]:
    """Put a fault to a call in a story, and return what follows."""
    with World() as world:
        outside = world.outside
        struck = failed_before = 0

        def weather(hops: tuple[str, ...], name: str) -> Trouble | None:
            nonlocal struck, failed_before
            if hops[-1] != hop or _AN_ID.sub("", name) != call:
                return None
            if fault.lasts == "once" and struck:
                return None
            if not struck:
                failed_before = len(outside.again)
            if fault.lasts == "four failures" and len(outside.again) - failed_before >= 4:
                return None
            if fault.lasts == "until parked" and hops[0] not in _PATIENT:
                return None
            struck += 1
            is_aws = name.split()[0] in _KINDS and not name.startswith("gateway")
            return fault.of_aws if fault.of_aws and is_aws else fault.trouble

        outside.weather = weather
        world.late_held = fault.held
        STORIES[story].tell(world)
        outside.weather = lambda _hops, _name: None
        return in_the_end(world, story) if struck else set()


def in_the_end(world: World, story: str) -> set[str]:
    """Let all come to rest, hold the promise, and return what was seen."""
    outside = world.outside
    world.late_held = False
    if world.replay():
        outside.again.append("parked")
    world.settle()
    STORIES[story].hold(world)
    worst = max(["at once", *outside.again], key=list(OUTCOMES).index)
    copies = sum(world.mails.values()) - len(world.mails)
    return {worst, "2nd mail"} if copies else {worst}
