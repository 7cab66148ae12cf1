"""Functions, their event sources, and the destinations of failed invocations."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from shopctl.aws import dynamic_references
from shopctl.drift import code
from shopctl.drift.change import Change
from shopctl.drift.kinds.kind import (
    BETWEEN,
    Facts,
    Kind,
    belongs_to_stage,
    describe,
    name_in_arn,
    pages,
    reported,
)
from shopctl.drift.model import FUNCTION, DeclaredResource, Model
from shopctl.packaging.package import Package

CODE = "Code"
"""Key of the differences in a function's code, which is not compared as a property."""
_DOWNLOAD_SECONDS = 60
# the rule's name depends on how it was deployed
_SCHEDULE = "its schedule"
_QUEUE_DEFAULTS = {"BatchSize": 10}
_STREAM_DEFAULTS = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "MaximumRetryAttempts": -1,
    "MaximumRecordAgeInSeconds": -1,
    "ParallelizationFactor": 1,
}
_SOURCES = {"SQS": ("Queue", _QUEUE_DEFAULTS), "DynamoDB": ("Stream", _STREAM_DEFAULTS)}


def _functions(model: Model) -> Facts:
    return {declared.name: _function(model, declared) for declared in model.of(FUNCTION)}


def _function(model: Model, declared: DeclaredResource) -> dict[str, Any]:
    properties = declared.properties
    variables = properties.get("Environment", {}).get("Variables", {})
    vpc = properties.get("VpcConfig", {})
    return {
        "Runtime": properties["Runtime"],
        "Handler": properties["Handler"],
        "Timeout": properties["Timeout"],
        "MemorySize": properties["MemorySize"],
        "Role": name_in_arn(str(properties["Role"])),
        "Environment": {"Variables": dynamic_references.resolved(model.to.cloud, variables)},
        "Layers": properties.get("Layers", []),
        "SubnetIds": _sorted_ids(vpc.get("SubnetIds", [])),
        "SecurityGroupIds": _sorted_ids(vpc.get("SecurityGroupIds", [])),
        "Tracing": properties.get("Tracing", "PassThrough"),
        "SnapStart": _snap_start(properties),
        "ReservedConcurrentExecutions": properties.get("ReservedConcurrentExecutions"),
        "EventInvokeConfig": _invocation(properties.get("EventInvokeConfig", {})),
        "InvokedBy": sorted(set(_invokers(model, declared))),
    }


def _snap_start(settings: Mapping[str, Any]) -> str:
    return str(settings.get("SnapStart", {}).get("ApplyOn", "None"))


def _sorted_ids(ids: Any) -> Any:
    return sorted(ids) if isinstance(ids, list) else ids


def _invocation(settings: Mapping[str, Any]) -> dict[str, Any]:
    destination = settings.get("DestinationConfig") or {}
    return {
        "MaximumRetryAttempts": settings.get("MaximumRetryAttempts", 2),
        "MaximumEventAgeInSeconds": settings.get("MaximumEventAgeInSeconds", 21_600),
        "OnFailure": destination.get("OnFailure", {}).get("Destination"),
        "OnSuccess": destination.get("OnSuccess", {}).get("Destination"),
    }


def _invokers(model: Model, declared: DeclaredResource) -> Iterator[str]:
    """Yield the principals and sources that a function's policy allows to invoke it."""
    for event in declared.properties.get("Events", {}).values():
        if event["Type"] == "SNS":
            yield f"sns.amazonaws.com for {name_in_arn(str(event['Properties']['Topic']))}"
        elif event["Type"] == "Schedule":
            yield f"events.amazonaws.com for {_SCHEDULE}"
    for permission in model.of("AWS::Lambda::Permission"):
        properties = permission.properties
        if (
            permission.service == declared.service
            and _named(str(properties["FunctionName"])) == declared.name
        ):
            yield _invoker(properties["Principal"], str(properties.get("SourceArn", "")))


def _named(function: str) -> str:
    """Return a function's name from its name or ARN, or from those of its alias."""
    return name_in_arn(function) if function.startswith("arn:") else function.partition(":")[0]


def _invoker(principal: Any, source: str) -> str:
    if isinstance(principal, Mapping):
        principal = ", ".join(str(who) for who in principal.values())
    if ":execute-api:" in source:
        return f"{principal} for {source.split(':', 5)[-1].partition('/')[0]}"
    if ":rule/" in source:
        return f"{principal} for {_SCHEDULE}"
    return f"{principal} for {name_in_arn(source) if source else 'anything'}"


def _actual_functions(model: Model) -> Facts:
    cloud = model.to.cloud
    packages = {one.name: model.packages[one.service.name] for one in model.of(FUNCTION)}
    known: dict[tuple[str, str], list[Change]] = {}
    facts: Facts = {}
    for function in pages(cloud, "lambda", "list_functions", "Functions"):
        name = function["FunctionName"]
        if not belongs_to_stage(model.to, name):
            continue
        facts[name] = _actual_function(model, function)
        if package := packages.get(name):
            # the functions of a service have the same code
            one = (package.service.name, function["CodeSha256"])
            if one not in known:
                known[one] = _code(model, package, function)
            facts[name][CODE] = known[one]
    return facts


def _code(model: Model, package: Package, function: Mapping[str, Any]) -> list[Change]:
    """Return what differs between a function's code and its service's package."""
    digest = hashlib.sha256(package.archive.read_bytes()).digest()
    if function["CodeSha256"] == base64.b64encode(digest).decode():
        return []
    client = model.to.cloud.client("lambda")
    url = client.get_function(FunctionName=function["FunctionName"])["Code"]["Location"]
    response = requests.get(url, timeout=_DOWNLOAD_SECONDS)
    response.raise_for_status()
    # `chalice deploy` builds its own package, with other files of the dependencies
    exactly = model.to.stage.mode == "cloudformation"
    return code.differing(package, response.content, exactly=exactly)


def _actual_function(model: Model, function: Mapping[str, Any]) -> dict[str, Any]:
    client, name = model.to.cloud.client("lambda"), function["FunctionName"]
    vpc = function.get("VpcConfig", {})
    configs = client.list_function_event_invoke_configs(FunctionName=name)
    invocation = (configs.get("FunctionEventInvokeConfigs") or [{}])[0]
    limit = client.get_function_concurrency(FunctionName=name)
    return {
        "Runtime": function.get("Runtime"),
        "Handler": function.get("Handler"),
        "Timeout": function["Timeout"],
        "MemorySize": function["MemorySize"],
        "Role": name_in_arn(function["Role"]),
        "Environment": {"Variables": function.get("Environment", {}).get("Variables", {})},
        "Layers": [layer["Arn"] for layer in function.get("Layers", [])],
        "SubnetIds": sorted(vpc.get("SubnetIds", [])),
        "SecurityGroupIds": sorted(vpc.get("SecurityGroupIds", [])),
        "Tracing": function.get("TracingConfig", {}).get("Mode", "PassThrough"),
        "SnapStart": _snap_start(function),
        "ReservedConcurrentExecutions": reported(model, limit.get("ReservedConcurrentExecutions")),
        "EventInvokeConfig": _invocation(invocation),
        "InvokedBy": sorted(set(_actual_invokers(client, function))),
    }


def _actual_invokers(client: Any, function: Mapping[str, Any]) -> Iterator[str]:
    # a function with an alias is invoked through the alias
    for qualifier in ("", "live"):
        request = {"Qualifier": qualifier} if qualifier else {}
        name = function["FunctionName"]
        found = describe(client.get_policy, "NotFound", FunctionName=name, **request)
        for statement in json.loads(found.get("Policy", "{}")).get("Statement", []):
            conditions = statement.get("Condition", {}).values()
            source = next(
                (
                    str(value)
                    for condition in conditions
                    for key, value in condition.items()
                    if key.lower() == "aws:sourcearn"
                ),
                "",
            )
            yield _invoker(statement["Principal"], source)


def _mappings(model: Model) -> Facts:
    facts: Facts = {}
    for declared in model.of(FUNCTION):
        for event in declared.properties.get("Events", {}).values():
            if event["Type"] not in _SOURCES:
                continue
            key, defaults = _SOURCES[event["Type"]]
            properties = event["Properties"]
            source = str(properties[key])
            facts[f"{declared.name}{BETWEEN}{name_in_arn(source)}"] = _mapping(
                {**properties, "EventSourceArn": source, "Enabled": True}, defaults
            )
    return facts


def _mapping(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    destination = settings.get("DestinationConfig") or {}
    return {
        "EventSourceArn": settings["EventSourceArn"],
        "Enabled": settings["Enabled"],
        **{name: settings.get(name, default) for name, default in defaults.items()},
        "MaximumBatchingWindowInSeconds": settings.get("MaximumBatchingWindowInSeconds", 0),
        "FunctionResponseTypes": settings.get("FunctionResponseTypes") or [],
        # the embedded AWS keeps an empty one where AWS removes it
        "FilterCriteria": settings.get("FilterCriteria") or None,
        "MaximumConcurrency": (settings.get("ScalingConfig") or {}).get("MaximumConcurrency"),
        "OnFailure": destination.get("OnFailure", {}).get("Destination"),
    }


def _actual_mappings(model: Model) -> Facts:
    facts: Facts = {}
    for found in pages(
        model.to.cloud, "lambda", "list_event_source_mappings", "EventSourceMappings"
    ):
        source = found.get("EventSourceArn", "")
        function = name_in_arn(found["FunctionArn"])
        if not (
            belongs_to_stage(model.to, function) or belongs_to_stage(model.to, name_in_arn(source))
        ):
            continue
        defaults = _QUEUE_DEFAULTS if ":sqs:" in source else _STREAM_DEFAULTS
        enabled = found.get("State") not in ("Disabled", "Disabling")
        name = f"{function}{BETWEEN}{name_in_arn(source)}"
        # two mappings of one source would consume every event twice
        name += " (duplicate)" * (name in facts)
        facts[name] = mapping = _mapping({**found, "Enabled": enabled}, defaults)
        mapping["MaximumConcurrency"] = reported(model, mapping["MaximumConcurrency"])
    return facts


KINDS = (
    Kind(
        "function",
        (FUNCTION, "AWS::Lambda::Permission"),
        _functions,
        _actual_functions,
        of_release=True,
    ),
    Kind("event source mapping", (), _mappings, _actual_mappings, of_release=True),
)
