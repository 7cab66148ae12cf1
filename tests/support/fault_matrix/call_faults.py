"""Injects a fault at one dependency of one hop, in one scenario, and returns what was observed."""

import re
from functools import cache
from typing import Literal, NamedTuple

from support.fault_matrix.scenarios import GATEWAY_FAILS, SCENARIOS
from support.world import event_sources
from support.world.calls import Fault
from support.world.world import World

Duration = Literal["one call", "four retries", "until parked"]


class FaultColumn(NamedTuple):
    """A column of the document's first table.

    Attributes
    ----------
    description
        The fault in words, for the document.
    fault, aws_fault
        The fault that is injected; the second one for calls to AWS, where it differs.
    duration
        One call, until four deliveries or requests have failed, or until the message is parked.
    hold_delayed
        Whether delayed requests are carried out only after everything else.
    """

    description: str
    fault: Fault
    aws_fault: Fault | None = None
    duration: Duration = "one call"
    hold_delayed: bool = False


FAULTS: dict[str, FaultColumn] = {
    "slow": FaultColumn(
        "it carries out the request; its response arrives after the caller's timeout",
        "response_lost",
    ),
    "down": FaultColumn(
        "no request reaches it until four deliveries (or four requests of a client) have failed",
        "request_lost",
        duration="four retries",
    ),
    "down for hours": FaultColumn(
        "no request reaches it until the function's message is parked",
        "request_lost",
        duration="until parked",
    ),
    "refused": FaultColumn("it refuses the connection", "connection_refused"),
    "500 after": FaultColumn("it carries out the request and answers 500", "error_after"),
    "garbage": FaultColumn(
        "it carries out the request; its response violates the contract", "garbage"
    ),
    "throttled": FaultColumn("it answers 429 without carrying out the request", "throttled"),
    "repeated": FaultColumn("it receives the same request twice", "repeated"),
    "out of order": FaultColumn(
        "no response; the request is carried out after later ones", "delayed", "delayed_by_aws"
    ),
    "late": FaultColumn(
        "no response; the request is carried out after everything else",
        "delayed",
        "delayed_by_aws",
        hold_delayed=True,
    ),
    "crash before": FaultColumn("the hop's process is killed before the call", "crash_before"),
    "crash after": FaultColumn("the hop's process is killed after the call", "crash_after"),
}

OUTCOMES: dict[str, str] = {
    "ok": "the hop continues: it does not notice the fault, or its client repeats the call at once",
    "client": "the client gets a 5xx answer and sends the request again; with the same "
    "idempotency key it gets the same order",
    "gateway": "the gateway's webhook gets a 5xx answer, and the gateway sends it again",
    "stream": "the stream's records are read again",
    "Lambda": "Lambda invokes the function again",
    "queue": "the retry queue (or the hop's own queue) delivers the message again",
    "schedule": "the scheduled function runs again, an hour later at the latest",
    "parked": "the message is parked in the dead-letter queue, and is handled once it is replayed",
    "2nd email": "in addition, a second copy of the email may be sent, the one exception to the "
    "guarantee",
}
"""The possible outcomes, from the least to the most severe."""

_HAS_QUEUE = {
    f"{service} {function.removesuffix('_retry')}"
    for service, function in event_sources.queue_consumers().values()
}
"""The functions whose messages end in a dead-letter queue."""

_SINGLE_PHASE = (
    "paid", "declined", "unknown_payment_method", "cancellation_delivered_before_order",
    "cancelled_before_charge", "toy_bought", "image_uploaded",
)  # fmt: skip
"""The scenarios in which no later step depends on an earlier one being completed."""

_DEPENDENCIES = {
    "dynamodb": "its table",
    "sns": "its topic",
    "s3": "its buckets",
    "sqs": "its queues",
    "sesv2": "SES",
    "cognito-idp": "Cognito",
    "documents": "the document storage",
    "gateway": "the gateway",
}
_ID = re.compile(r"_[0-9A-Z]{26}")


class Row(NamedTuple):
    """A hop and one of its dependencies."""

    hop: str
    dependency: str


def dependency_of(call: str) -> str:
    """Return the dependency that a call uses: a service of AWS, the gateway, or another API."""
    target = call.split()[0]
    return _DEPENDENCIES.get(target, f"{target} API")


@cache
def rows() -> dict[Row, list[tuple[str, str]]]:
    """Return every row with its calls, each with the name of a scenario that makes it."""
    found: dict[Row, list[tuple[str, str]]] = {}
    for name, scenario in SCENARIOS.items():
        with World() as world:
            scenario.play(world)
            scenario.check(world)
            made_by = [(hop, _ID.sub("", call)) for hop, call in world.calls.made_by]
        for hop, call in dict.fromkeys(made_by):
            row = found.setdefault(Row(hop, dependency_of(call)), [])
            # This scenario injects faults itself, so it is used only for calls that no other makes.
            if name != GATEWAY_FAILS or call not in (known for known, _ in row):
                row.append((call, name))
    return found


def outcomes_of(row: Row, column: str) -> set[str]:
    """Inject a fault at each call to a dependency, in each scenario, and return the outcomes.

    Raises
    ------
    InvariantViolation
        If an invariant is violated at the end.
    """
    outcomes: set[str] = set()
    for call, scenario in rows()[row]:
        if FAULTS[column].duration != "until parked" or scenario in _SINGLE_PHASE:
            outcomes |= _inject(row.hop, call, scenario, FAULTS[column])
    return outcomes


def _inject(hop: str, call: str, scenario: str, column: FaultColumn) -> set[str]:
    """Inject a fault at one call in one scenario, and return the outcomes; none if not injected."""
    with World() as world:
        calls = world.calls
        injected = retries_before = 0

        def fault_schedule(hops: tuple[str, ...], name: str) -> Fault | None:
            nonlocal injected, retries_before
            if hops[-1] != hop or _ID.sub("", name) != call:
                return None
            if column.duration == "one call" and injected:
                return None
            if not injected:
                retries_before = len(calls.retries)
            if column.duration == "four retries" and len(calls.retries) - retries_before >= 4:
                return None
            if column.duration == "until parked" and hops[0] not in _HAS_QUEUE:
                return None
            injected += 1
            is_aws = name.split()[0] in _DEPENDENCIES and not name.startswith("gateway")
            return column.aws_fault if column.aws_fault and is_aws else column.fault

        calls.fault_schedule = fault_schedule
        world.deliveries.hold_delayed = column.hold_delayed
        SCENARIOS[scenario].play(world)
        calls.fault_schedule = lambda _hops, _name: None
        return finish(world, scenario) if injected else set()


def finish(world: World, scenario: str) -> set[str]:
    """Deliver everything without faults, check the result, and return the outcomes.

    Raises
    ------
    InvariantViolation
        If an invariant is violated.
    """
    calls = world.calls
    world.deliveries.hold_delayed = False
    if world.replay_dead_letters():
        calls.retries.append("parked")
    world.run_until_idle()
    SCENARIOS[scenario].check(world)
    worst = max(["ok", *calls.retries], key=list(OUTCOMES).index)
    copies = sum(world.emails_sent.values()) - len(world.emails_sent)
    return {worst, "2nd email"} if copies else {worst}
