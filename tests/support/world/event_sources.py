"""The queues, subscriptions and queue consumers of all services, read from their templates."""

import json
from dataclasses import dataclass, field
from typing import Any

from support.world import apps


@dataclass
class Message:
    """A message in a queue; times are Unix times in seconds."""

    id: str
    body: str
    visible_at: float
    attributes: dict[str, str] = field(default_factory=dict)
    receives: int = 0


@dataclass
class MemoryQueue:
    """A queue with its settings from ``resources.yaml``.

    Attributes
    ----------
    visibility
        Visibility timeout in seconds.
    max_receives
        Number of receives after which a message moves to ``dead_letters``; ``None`` without one.
    dead_letters
        Name of the dead-letter queue, if there is one.
    sent
        Number of messages sent to this queue so far; their ids contain it.
    """

    name: str
    visibility: float = 30
    max_receives: int | None = None
    dead_letters: str | None = None
    messages: list[Message] = field(default_factory=list)
    sent: int = 0

    def send(self, body: str, now: float, attributes: dict[str, str] | None = None) -> None:
        """Add a message that is visible at once."""
        self.sent += 1
        self.messages.append(Message(f"{self.name}-{self.sent}", body, now, attributes or {}))


@dataclass
class Subscription:
    """A function's subscription to a topic, with the settings from ``delivery.yaml``.

    Attributes
    ----------
    types
        Event types that the filter policy accepts.
    retries, max_age
        Limits of the function's asynchronous invocations: retries, and age in seconds.
    destination
        Name of the failure destination, a queue.
    """

    service: str
    function: str
    topic: str
    types: frozenset[str]
    retries: int
    max_age: int
    destination: str


def queues() -> dict[str, MemoryQueue]:
    """Return the queues of all services by name."""
    found = {}
    for service in apps.SERVICES:
        resources = apps.read_template(service, "resources.yaml")["Resources"]
        names = {
            logical_id: resource["Properties"]["QueueName"]["Fn::Sub"].replace("${Stage}", "local")
            for logical_id, resource in resources.items()
            if resource["Type"] == "AWS::SQS::Queue"
        }
        for logical_id, name in names.items():
            properties = resources[logical_id]["Properties"]
            redrive = properties.get("RedrivePolicy")
            found[name] = MemoryQueue(
                name,
                properties.get("VisibilityTimeout", 30),
                redrive and redrive["maxReceiveCount"],
                redrive and names[redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]],
            )
    return found


def subscriptions() -> list[Subscription]:
    """Return the subscriptions of all services."""
    found = []
    for service in apps.SERVICES:
        resources = apps.read_template(service, "delivery.yaml")["Resources"]
        for logical_id, resource in resources.items():
            properties = resource.get("Properties", {})
            for source in properties.get("Events", {}).values():
                if "Topic" not in source["Properties"]:
                    continue
                config = properties["EventInvokeConfig"]
                found.append(
                    Subscription(
                        service,
                        _function_name(logical_id),
                        _resource_name(source["Properties"]["Topic"]),
                        frozenset(source["Properties"]["FilterPolicy"]["type"]),
                        config["MaximumRetryAttempts"],
                        config["MaximumEventAgeInSeconds"],
                        _resource_name(config["DestinationConfig"]["OnFailure"]["Destination"]),
                    )
                )
    return found


def queue_consumers() -> dict[str, tuple[str, str]]:
    """Return the service and the function that consume each queue, by the queue's name."""
    found = {}
    for service in apps.SERVICES:
        resources = apps.read_template(service, "delivery.yaml")["Resources"]
        for logical_id, resource in resources.items():
            for source in resource.get("Properties", {}).get("Events", {}).values():
                if "Queue" in source["Properties"]:
                    queue = _resource_name(source["Properties"]["Queue"])
                    found[queue] = (service, _function_name(logical_id))
    return found


def stream_filters(service: str) -> list[dict[str, Any]]:
    """Return the patterns of which a record of the service's stream must match one, if any."""
    resources = apps.read_template(service, "delivery.yaml")["Resources"]
    [source] = resources["OnDynamodbRecord"]["Properties"]["Events"].values()
    filters = source["Properties"].get("FilterCriteria", {}).get("Filters", [])
    return [json.loads(one["Pattern"]) for one in filters]


def matches(pattern: dict[str, Any], record: dict[str, Any]) -> bool:
    """Return whether a record matches a pattern, as far as the services' filters use them."""
    for name, wanted in pattern.items():
        value = record.get(name)
        if isinstance(wanted, dict):
            if not isinstance(value, dict) or not matches(wanted, value):
                return False
        elif not any(
            str(value).startswith(one["prefix"]) if isinstance(one, dict) else value == one
            for one in wanted
        ):
            return False
    return True


def sns_event(subscription: Subscription, message: str, event_type: str) -> dict[str, Any]:
    """Return the Lambda event with which SNS delivers a message."""
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventSubscriptionArn": f"{subscription.topic}:{subscription.function}",
                "Sns": {
                    "TopicArn": subscription.topic,
                    "Message": message,
                    "Subject": None,
                    "MessageAttributes": {"type": {"Type": "String", "Value": event_type}},
                },
            }
        ]
    }


def sqs_event(message: Message) -> dict[str, Any]:
    """Return the Lambda event with which SQS delivers a message."""
    record = {
        "messageId": message.id,
        "receiptHandle": message.id,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receives)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
    return {"Records": [record]}


def failure_record(event: dict[str, Any], attempts: int) -> str:
    """Return the message that Lambda sends to a failure destination, as JSON."""
    return json.dumps(
        {
            "version": "1.0",
            "requestContext": {
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": event,
        }
    )


def _function_name(logical_id: str) -> str:
    """Return a function's name in ``app.py``: ``ChargeRetry`` is ``charge_retry``."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in logical_id).strip("_")


def _resource_name(arn: dict[str, str]) -> str:
    return arn["Fn::Sub"].rpartition(":")[2].replace("${Stage}", "local")
