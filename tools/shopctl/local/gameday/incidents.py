"""The incidents: what breaks, which alarms fire, and which runbook ends it."""

from collections.abc import Callable
from dataclasses import dataclass

from shopctl.local.gameday.world import World


@dataclass(frozen=True)
class Incident:
    """One incident.

    Attributes
    ----------
    name
        What ``./shop gameday`` calls it.
    title
        What happens, in one sentence.
    alarms
        Alarms that fire, without ``toyshop-<stage>-``.
    runbook
        Name of the runbook in ``docs/runbooks``, whose blocks with this incident's name are the
        repair.
    begin
        Breaks the shop.
    external
        Whether the cause lies outside of the shop and ends by itself; the runbook then repairs what
        is left.
    backed_up
        Whether a backup is made before, which the runbook restores.
    """

    name: str
    title: str
    alarms: tuple[str, ...]
    runbook: str
    begin: Callable[[World], None]
    external: bool = True
    backed_up: bool = False


def _gateway_timeout(world: World) -> None:
    match = {"method": "POST", "path": "/v1/payment_intents/*/confirm"}
    fault = {"match": match, "kind": "timeout_after", "seconds": 11, "times": _MANY}
    world.gateway("POST", "/faults", fault)


def _full_dead_letter_queue(world: World) -> None:
    match = {"method": "POST", "path": "/v1/payment_intents"}
    world.gateway("POST", "/faults", {"match": match, "kind": "reject", "times": _MANY})


def _clock_skew(world: World) -> None:
    world.gateway("POST", "/webhooks", {"skew_seconds": 3600})


def _expired_signing_key(world: World) -> None:
    world.gateway("POST", "/keys/webhook_secret/roll")


def _leaked_key(world: World) -> None:
    world.gateway("POST", "/keys/api_key/roll")


def _missing_table(world: World) -> None:
    world.back_up("notifications")
    world.cloud.client("dynamodb").delete_table(TableName="toyshop-local-notifications")


def _hot_partition(world: World) -> None:
    world.inject(throttled=["toyshop-local-orders"])


def _slow_service(world: World) -> None:
    world.inject(slow=["toyshop-local-toys-api-handler"], slow_seconds=3)


def _topic_down(world: World) -> None:
    world.inject(reject=1)


def _poison_event(world: World) -> None:
    world.publish(
        "orders-events",
        {
            "specversion": "1.0",
            "id": "ord_00000000000000000000000000.1.shop.order.placed.v1",
            "source": "/orders",
            "type": "shop.order.placed.v1",
            "time": "2026-01-01T00:00:00Z",
            "data": {"total": "not an order"},
        },
    )


def _bad_release(world: World) -> None:
    world.release_broken("orders")


_MANY = 100_000

INCIDENTS = (
    Incident(
        "gateway-timeout",
        "The gateway charges the cards, but responds too late.",
        ("payments-orders-unsettled",),
        "orders",
        _gateway_timeout,
    ),
    Incident(
        "full-dead-letter-queue",
        "The gateway rejects every charge as invalid, and the events are parked.",
        ("payments-charge-dead-letters", "payments-many-parked"),
        "dead-letters",
        _full_dead_letter_queue,
    ),
    Incident(
        "poison-event",
        "Someone publishes an event that is not an order.",
        ("payments-charge-dead-letters",),
        "dead-letters",
        _poison_event,
        external=False,
    ),
    Incident(
        "clock-skew",
        "The gateway's clock is an hour ahead, so its webhooks are rejected.",
        ("payments-webhooks-rejected",),
        "webhooks",
        _clock_skew,
    ),
    Incident(
        "expired-signing-key",
        "The secret that signs webhooks was rolled at the gateway.",
        ("payments-webhooks-rejected",),
        "webhooks",
        _expired_signing_key,
        external=False,
    ),
    Incident(
        "leaked-key",
        "The gateway's API key has leaked, and the gateway has replaced it.",
        ("payments-charge-failures", "payments-orders-unsettled"),
        "refusals",
        _leaked_key,
        external=False,
    ),
    Incident(
        "missing-table",
        "Someone deletes the notifications table.",
        ("notifications-api-failing",),
        "api-failing",
        _missing_table,
        external=False,
        backed_up=True,
    ),
    Incident(
        "hot-partition",
        "A hot partition of the orders table is throttled.",
        ("orders-table-throttled", "orders-api-failing"),
        "throttling",
        _hot_partition,
    ),
    Incident(
        "slow-service",
        "The service toys takes three seconds longer for each response.",
        ("toys-api-latency", "storefront-api-api-latency"),
        "api-latency",
        _slow_service,
    ),
    Incident(
        "bad-release",
        "A release of orders fails to start.",
        ("orders-api-failing", "storefront-api-api-failing"),
        "releases",
        _bad_release,
        external=False,
    ),
    Incident(
        "topic-down",
        "SNS accepts no events.",
        ("orders-outbox-lag",),
        "outbox",
        _topic_down,
    ),
)
