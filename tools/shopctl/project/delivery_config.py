"""Reads a service's `delivery.yaml` and `resources.yaml` for one stage, without CloudFormation."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem
from shopctl.project.services import Service
from shopctl.project.stages import Stage
from shopctl.project.yaml_lines import parse_yaml

Trigger = Literal["stream", "topic", "queue", "other"]

_SOURCES: dict[str, Trigger] = {"Stream": "stream", "Topic": "topic", "Queue": "queue"}
_VARIABLE = re.compile(r"\$\{([A-Za-z:]+)\}")
_PARAMETER = re.compile(r"\{\{resolve:ssm:/toyshop/[^/]+/([^}]+)\}\}")

_RESERVED = "ReservedConcurrentExecutions"
# concurrent invocations that Lambda accepts as the maximum of a queue's mapping
_LEAST_OF_MAPPING = 2


@dataclass(frozen=True)
class FunctionDelivery:
    """The delivery settings of one function.

    Attributes
    ----------
    name
        Name in app.py, such as ``charge_retry``.
    trigger
        Kind of its event source.
    source
        ARN of its event source; empty for the API's function and for authorizers.
    event
        Properties of its event source: batch size, retries, filter policy.
    invoke
        Retries, age limit and failure destination of asynchronous invocations.
    concurrency
        Concurrent invocations that are reserved for it and its maximum; None for no limit.
    """

    name: str
    trigger: Trigger
    source: str
    event: Mapping[str, Any]
    invoke: Mapping[str, Any]
    concurrency: int | None


@dataclass(frozen=True)
class Delivery:
    """The delivery settings of a service.

    Attributes
    ----------
    functions
        Settings of each function.
    gateway_responses
        Responses that the API gateway sends without invoking a function.
    throttling
        Limits of the API's methods: requests per second, and how many may come at once.
    """

    functions: tuple[FunctionDelivery, ...]
    gateway_responses: Mapping[str, Any]
    throttling: Mapping[str, Mapping[str, float]]


def read(service: Service, stage: Stage, published: Mapping[str, str]) -> Delivery:
    """Read the delivery settings of a service for a stage.

    Parameters
    ----------
    published
        Values that the stage's services published.

    Raises
    ------
    ShopProblem
        If a value is not published, or the template uses a variable that only a stack knows.
    """
    path = service.delivery_file
    resources = parse_yaml(path.read_text())["Resources"]
    names = function_names(service)

    def resolve(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
                return _substitute(value["Fn::Sub"], stage, published, str(path))
            return {key: resolve(child) for key, child in value.items()}
        if isinstance(value, list):
            return [resolve(child) for child in value]
        return value

    functions = []
    for logical_id, resource in resources.items():
        if logical_id not in names:
            continue
        properties = resolve(resource.get("Properties", {}))
        scale(properties, stage.concurrency)
        events = [event["Properties"] for event in properties.get("Events", {}).values()]
        event = events[0] if events else {}
        functions.append(
            FunctionDelivery(
                names[logical_id],
                next((kind for key, kind in _SOURCES.items() if key in event), "other"),
                next((event[key] for key in _SOURCES if key in event), ""),
                {key: value for key, value in event.items() if key not in _SOURCES},
                properties.get("EventInvokeConfig", {}),
                properties.get(_RESERVED),
            )
        )
    api = resolve(resources.get("RestAPI", {}).get("Properties", {}))
    return Delivery(
        tuple(functions), api.get("GatewayResponses", {}), throttling(api.get("MethodSettings", []))
    )


def scale(properties: dict[str, Any], factor: float) -> None:
    """Multiply the concurrency limits of a function by a factor, in place.

    Parameters
    ----------
    properties
        Properties of a function as a template has them.
    """
    if _RESERVED in properties:
        reserved = scaled(properties.pop(_RESERVED), factor)
        if reserved is not None:
            properties[_RESERVED] = reserved
    for event in properties.get("Events", {}).values():
        if limits := event["Properties"].get("ScalingConfig"):
            present = limits["MaximumConcurrency"]
            limits["MaximumConcurrency"] = max(int(present * factor), _LEAST_OF_MAPPING)


def scaled(reserved: int, factor: float) -> int | None:
    """Return reserved concurrency multiplied by a factor, at least 1; None if the factor is 0."""
    return max(int(reserved * factor), 1) if factor else None


def throttling(settings: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the throttling limits of methods by their `method_key`.

    Parameters
    ----------
    settings
        ``MethodSettings`` of a template.
    """
    return {
        method_key(f"{one['ResourcePath']}/{one['HttpMethod']}"): {
            "throttlingRateLimit": float(one["ThrottlingRateLimit"]),
            "throttlingBurstLimit": int(one["ThrottlingBurstLimit"]),
        }
        for one in settings
    }


def method_key(name: str) -> str:
    """Return ``orders/POST`` for each way to write it: slashes as ~1, or without the first one."""
    return name.replace("~1", "/").lstrip("/")


def triggers(service: Service) -> dict[str, str]:
    """Return what invokes each function of a service.

    Returns
    -------
    dict
        ``stream``, ``queue``, ``topic``, ``schedule`` or ``call``, by the function's name.
    """
    resources = parse_yaml(service.delivery_file.read_text())["Resources"]
    return {
        name: _trigger(resources[logical_id].get("Properties", {}))
        for logical_id, name in function_names(service).items()
        if logical_id in resources
    }


def redrives(service: Service, stage: Stage) -> dict[str, str | None]:
    """Return the dead-letter queue of each of a service's queues, or None, by queue name.

    Raises
    ------
    ShopProblem
        If a name uses a variable that only a stack knows.
    """
    path = service.resources_file
    queues = {
        logical_id: resource["Properties"]
        for logical_id, resource in parse_yaml(path.read_text())["Resources"].items()
        if resource["Type"] == "AWS::SQS::Queue"
    }
    names = {
        logical_id: _substitute(properties["QueueName"]["Fn::Sub"], stage, {}, str(path))
        for logical_id, properties in queues.items()
    }
    found: dict[str, str | None] = {}
    for logical_id, properties in queues.items():
        policy = properties.get("RedrivePolicy")
        target = policy["deadLetterTargetArn"]["Fn::GetAtt"][0] if policy else None
        found[names[logical_id]] = names[target] if target else None
    return found


def indexes(service: Service, stage: Stage) -> dict[str, list[str]]:
    """Return the global secondary indexes of a service's tables, by table name."""
    path = service.resources_file
    tables = [
        resource["Properties"]
        for resource in parse_yaml(path.read_text())["Resources"].values()
        if resource["Type"] == "AWS::DynamoDB::Table"
    ]
    return {
        _substitute(table["TableName"]["Fn::Sub"], stage, {}, str(path)): [
            index["IndexName"] for index in table.get("GlobalSecondaryIndexes", [])
        ]
        for table in tables
    }


def function_names(service: Service) -> dict[str, str]:
    """Return the functions' names by their logical ids, which Chalice derives from the names."""
    return {aws_names.logical_id(name): name for name in service.manifest.functions}


def _trigger(properties: Mapping[str, Any]) -> str:
    for event in properties.get("Events", {}).values():
        for source in _SOURCES:
            if source in event["Properties"]:
                return source.lower()
    # a schedule is only in the decorator; a function that it invokes has limits for its retries
    return "schedule" if "EventInvokeConfig" in properties else "call"


def _substitute(text: str, stage: Stage, published: Mapping[str, str], path: str) -> str:
    values = {
        "Stage": stage.name,
        "AWS::Partition": "aws",
        "AWS::Region": stage.region,
        "AWS::AccountId": stage.account,
    }
    unknown = set(_VARIABLE.findall(text)) - set(values)
    if unknown:
        raise ShopProblem(
            f"{path} uses {', '.join(sorted(unknown))}, which only a stack knows.",
            "Publish the value in resources.yaml as an SSM parameter.",
        )
    text = _VARIABLE.sub(lambda found: values[found[1]], text)
    return _PARAMETER.sub(lambda found: published[found[1]], text)
