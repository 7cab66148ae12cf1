"""Reads a service's `delivery.yaml` as one stage needs it, without CloudFormation."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem
from shopctl.project.services import Service
from shopctl.project.stages import Stage

Trigger = Literal["stream", "topic", "queue", "other"]

_SOURCES: dict[str, Trigger] = {"Stream": "stream", "Topic": "topic", "Queue": "queue"}
_VARIABLE = re.compile(r"\$\{([A-Za-z:]+)\}")
_PARAMETER = re.compile(r"\{\{resolve:ssm:/toyshop/[^/]+/([^}]+)\}\}")


@dataclass(frozen=True)
class Delivered:
    """What `delivery.yaml` says of one function.

    Attributes
    ----------
    name
        As in app.py, such as ``charge_retry``.
    trigger
        What kind of source invokes it.
    source
        ARN of what invokes it; empty for the API's function and authorizers.
    event
        Properties of that source: batch size, retries, filter policy.
    invoke
        Retries, age limit and failure destination of asynchronous invocations.
    concurrency
        How many may run at once; None is unlimited.
    """

    name: str
    trigger: Trigger
    source: str
    event: Mapping[str, Any]
    invoke: Mapping[str, Any]
    concurrency: int | None


@dataclass(frozen=True)
class Delivery:
    """A service's delivery settings.

    Attributes
    ----------
    functions
        Of each function.
    gateway_responses
        What the API's gateway answers by itself.
    """

    functions: tuple[Delivered, ...]
    gateway_responses: Mapping[str, Any]


def read(service: Service, stage: Stage, published: Mapping[str, str]) -> Delivery:
    """Read the delivery settings of a service for a stage.

    Parameters
    ----------
    published
        What services published under ``/toyshop/<stage>/``, by the rest of the name.

    Raises
    ------
    ShopProblem
        If something is published that cannot be found.
    """
    path = service.directory / "delivery.yaml"
    resources = yaml.safe_load(path.read_text())["Resources"]
    names = function_names(service)

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
                return _substitute(value["Fn::Sub"], stage, published, str(path))
            return {key: plain(child) for key, child in value.items()}
        if isinstance(value, list):
            return [plain(child) for child in value]
        return value

    functions = []
    for logical_id, resource in resources.items():
        if logical_id not in names:
            continue
        properties = plain(resource.get("Properties", {}))
        events = [event["Properties"] for event in properties.get("Events", {}).values()]
        event = events[0] if events else {}
        functions.append(
            Delivered(
                names[logical_id],
                next((kind for key, kind in _SOURCES.items() if key in event), "other"),
                next((event[key] for key in _SOURCES if key in event), ""),
                {key: value for key, value in event.items() if key not in _SOURCES},
                properties.get("EventInvokeConfig", {}),
                properties.get("ReservedConcurrentExecutions"),
            )
        )
    api = plain(resources.get("RestAPI", {}).get("Properties", {}))
    return Delivery(tuple(functions), api.get("GatewayResponses", {}))


def triggers(service: Service) -> dict[str, str]:
    """Return what invokes each function of a service.

    Returns
    -------
    dict
        ``stream``, ``queue``, ``topic``, ``schedule`` or ``call``, by the function's name.
    """
    resources = yaml.safe_load((service.directory / "delivery.yaml").read_text())["Resources"]
    names = function_names(service)
    return {
        name: _trigger(resources.get(logical_id, {}).get("Properties", {}))
        for logical_id, name in names.items()
        if logical_id in resources
    }


def _trigger(properties: Mapping[str, Any]) -> str:
    for event in properties.get("Events", {}).values():
        for source in _SOURCES:
            if source in event["Properties"]:
                return source.lower()
    # of a schedule only the decorator tells; what is invoked so has limits for its retries
    return "schedule" if "EventInvokeConfig" in properties else "call"


def redrives(service: Service, stage: Stage) -> dict[str, str | None]:
    """Read the queues of a service, and the dead-letter queue of each that has one, by name."""
    path = service.directory / "resources.yaml"
    queues = {
        logical_id: resource["Properties"]
        for logical_id, resource in yaml.safe_load(path.read_text())["Resources"].items()
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


def function_names(service: Service) -> dict[str, str]:
    """Return the functions' names by their logical ids, which Chalice derives from the names."""
    return {aws_names.logical_id(name): name for name in service.manifest.functions}


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
            f"{path} uses {', '.join(sorted(unknown))}, which is known to a stack alone.",
            "Publish the value in resources.yaml as an SSM parameter.",
        )
    text = _VARIABLE.sub(lambda found: values[found[1]], text)
    return _PARAMETER.sub(lambda found: published[found[1]], text)
