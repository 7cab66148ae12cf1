"""How Lambda, SNS and SQS deliver: what the templates say, with every freedom that AWS has.

AWS promises at least once and no order. So anything that is due may be delivered next, or again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.world import apps

ASYNC_RETRY_WAITS = (60, 120)
"""Seconds before Lambda's second and third try of an event (Lambda's guide, "Asynchronous")."""
WEBHOOK_RETRY_WAIT = 3600


@dataclass
class Subscription:
    """A function that hears a topic, with what ``delivery.yaml`` says of it.

    Attributes
    ----------
    types
        What the filter policy lets through.
    retries, max_age
        Of the function's asynchronous invocations.
    destination
        The queue that gets what is given up.
    """

    service: str
    function: str
    topic: str
    types: frozenset[str]
    retries: int
    max_age: int
    destination: str


@dataclass
class Invocation:
    """An asynchronous invocation that Lambda holds."""

    subscription: Subscription
    event: dict[str, Any]
    since: float
    due: float
    attempts: int = 0


@dataclass
class Shard:
    """What has been read of a part of a table's stream."""

    service: str
    table: str
    number: int
    records: list[dict[str, Any]] = field(default_factory=list)
    read: int = 0


@dataclass
class Webhook:
    """An event that the gateway tells of until it is told."""

    event: dict[str, Any]
    due: float


@dataclass
class Late:
    """A request that took its time."""

    name: str
    do: Callable[[], object]


def subscriptions() -> list[Subscription]:
    """Return every subscription of the services that the world has."""
    found = []
    for service in apps.SERVICES:
        resources = apps.template_of(service, "delivery.yaml")["Resources"]
        for name, resource in resources.items():
            properties = resource.get("Properties", {})
            for source in properties.get("Events", {}).values():
                if "Topic" not in source["Properties"]:
                    continue
                config = properties["EventInvokeConfig"]
                found.append(
                    Subscription(
                        service,
                        _function(name),
                        _name(source["Properties"]["Topic"]),
                        frozenset(source["Properties"]["FilterPolicy"]["type"]),
                        config["MaximumRetryAttempts"],
                        config["MaximumEventAgeInSeconds"],
                        _name(config["DestinationConfig"]["OnFailure"]["Destination"]),
                    )
                )
    return found


def consumers() -> dict[str, tuple[str, str]]:
    """Return the service and function that read each queue."""
    found = {}
    for service in apps.SERVICES:
        resources = apps.template_of(service, "delivery.yaml")["Resources"]
        for name, resource in resources.items():
            for source in resource.get("Properties", {}).get("Events", {}).values():
                if "Queue" in source["Properties"]:
                    found[_name(source["Properties"]["Queue"])] = (service, _function(name))
    return found


def sns_event(subscription: Subscription, message: str, kind: str) -> dict[str, Any]:
    """Return what SNS hands to a function."""
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventSubscriptionArn": f"{subscription.topic}:{subscription.function}",
                "Sns": {
                    "Message": message,
                    "Subject": None,
                    "MessageAttributes": {"type": {"Type": "String", "Value": kind}},
                },
            }
        ]
    }


def failure_of(invocation: Invocation) -> str:
    """Return what Lambda puts into a failure destination."""
    return json.dumps(
        {
            "version": "1.0",
            "requestContext": {
                "condition": "RetriesExhausted",
                "approximateInvokeCount": invocation.attempts,
            },
            "requestPayload": invocation.event,
        }
    )


def _function(logical_id: str) -> str:
    """Return a function's name in ``app.py``: ``ChargeRetry`` is ``charge_retry``."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in logical_id).strip("_")


def _name(arn: dict[str, str]) -> str:
    return arn["Fn::Sub"].rpartition(":")[2].replace("${Stage}", "local")
