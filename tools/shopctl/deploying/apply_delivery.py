"""Applies `delivery.yaml` through AWS's APIs after `chalice deploy`, which does not read it."""

import json
from collections.abc import Mapping
from typing import Any

from shopctl.aws import dynamic_references, ssm_parameters
from shopctl.aws.clients import Cloud
from shopctl.aws.ssm_parameters import PublishedValues
from shopctl.aws.target import Target
from shopctl.deploying import deploy, stage_config
from shopctl.deploying.references import References
from shopctl.project import delivery_config
from shopctl.project.delivery_config import FunctionDelivery
from shopctl.project.errors import ShopProblem
from shopctl.project.manifest import LOG_RETENTION_DAYS
from shopctl.project.services import Service

# not settings of an event source mapping, or only of a new one
_NOT_IN_MAPPING = ("StartingPosition", "FilterPolicy", "RedrivePolicy")
# limits of a method, and how a change names them
_THROTTLING = {"throttlingRateLimit": "rateLimit", "throttlingBurstLimit": "burstLimit"}
# settings of a topic's subscription
_SUBSCRIPTION = {
    "FilterPolicy": "filter policy",
    "RedrivePolicy": "dead-letter queue of the subscription",
}


def deliver(to: Target) -> dict[str, list[str]]:
    """Apply the delivery settings of services, and publish the URLs of their APIs.

    Returns
    -------
    dict
        What was changed, by service; empty lists the second time.

    Raises
    ------
    ShopProblem
        If the stage is not deployed with Chalice, or a service was not deployed from here.
    """
    to.stage.require("chalice")
    deployed = {service.name: _deployed(to, service) for service in to.services}
    published = ssm_parameters.read(to.cloud)
    changed: dict[str, list[str]] = {}
    for service in to.services:
        resources = deployed[service.name]
        settings = delivery_config.read(service, to.stage, published)
        secrets = _secrets(to, service, published)
        changes = changed[service.name] = []
        for function in settings.functions:
            if function.name in resources:
                arn = resources[function.name]["lambda_arn"]
                done = ["secrets"] if _set_variables(to.cloud, arn, secrets) else []
                done += _apply(to.cloud, arn, function)
                if _set_log_retention(to.cloud, arn, LOG_RETENTION_DAYS):
                    done.append("log group")
                changes += [f"{function.name}: {what}" for what in done]
        api_id = resources["rest_api"]["rest_api_id"]
        changes += _set_gateway_responses(to.cloud, api_id, settings.gateway_responses)
        changes += _set_throttling(to.cloud, api_id, settings.throttling)
        deploy.publish_api(to, service, api_id)
    return changed


def _deployed(to: Target, service: Service) -> dict[str, dict[str, Any]]:
    """Return the resources that `chalice deploy` recorded, by name."""
    path = service.directory / ".chalice" / "deployed" / f"{to.stage.name}.json"
    try:
        resources = json.loads(path.read_text())["resources"]
    except FileNotFoundError:
        raise ShopProblem(
            f"{service.name} is not deployed to the stage {to.stage.name} from this checkout.",
            f"Run `chalice deploy --stage {to.stage.name}` in {service.directory} first.",
        ) from None
    return {resource["name"]: resource for resource in resources}


def _apply(cloud: Cloud, arn: str, function: FunctionDelivery) -> list[str]:
    changes = []
    event = {name: value for name, value in function.event.items() if name not in _NOT_IN_MAPPING}
    # without a filter, one of an earlier release is removed
    if event and _change_mapping(cloud, arn, {"FilterCriteria": {}, **_for_api(event)}):
        changes.append("event source")
    for attribute, what in _SUBSCRIPTION.items():
        if attribute in function.event and _change_subscription(cloud, arn, function, attribute):
            changes.append(what)
    if function.invoke and _change_invocation(cloud, arn, _for_api(function.invoke)):
        changes.append("retries and failure destination")
    if _set_concurrency(cloud, arn, function.concurrency):
        changes.append("concurrency")
    return changes


def _for_api(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as the API names them, without the type of a destination."""
    named = dict(settings)
    if "DestinationConfig" in named:
        target = named["DestinationConfig"]["OnFailure"]["Destination"]
        named["DestinationConfig"] = {"OnFailure": {"Destination": target}}
    return named


def _differs(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    def comparable(name: str, value: Any) -> Any:
        if name == "FilterCriteria":
            return [json.loads(one["Pattern"]) for one in (value or {}).get("Filters", [])]
        return (value or {}).get("OnFailure") if name == "DestinationConfig" else value

    return any(
        comparable(name, present.get(name)) != comparable(name, wanted[name]) for name in wanted
    )


def _change_mapping(cloud: Cloud, arn: str, wanted: dict[str, Any]) -> bool:
    functions = cloud.client("lambda")
    mappings = functions.list_event_source_mappings(FunctionName=arn)["EventSourceMappings"]
    differing = [mapping for mapping in mappings if _differs(mapping, wanted)]
    for mapping in differing:
        functions.update_event_source_mapping(UUID=mapping["UUID"], **wanted)
    return bool(differing)


def _change_subscription(
    cloud: Cloud, arn: str, function: FunctionDelivery, attribute: str
) -> bool:
    sns = cloud.client("sns")
    wanted, changed = function.event[attribute], False
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=function.source)
    subscriptions = [found for page in pages for found in page["Subscriptions"]]
    for subscription in subscriptions:
        if subscription["Endpoint"] != arn:
            continue
        own = {"SubscriptionArn": subscription["SubscriptionArn"]}
        present = sns.get_subscription_attributes(**own)["Attributes"].get(attribute)
        if not present or json.loads(present) != wanted:
            value = json.dumps(wanted)
            sns.set_subscription_attributes(**own, AttributeName=attribute, AttributeValue=value)
            changed = True
    return changed


def _change_invocation(cloud: Cloud, arn: str, wanted: dict[str, Any]) -> bool:
    functions = cloud.client("lambda")
    try:
        present = functions.get_function_event_invoke_config(FunctionName=arn)
    except functions.exceptions.ResourceNotFoundException:
        present = {}
    if not _differs(present, wanted):
        return False
    functions.put_function_event_invoke_config(FunctionName=arn, **wanted)
    return True


def _set_log_retention(cloud: Cloud, arn: str, days: int) -> bool:
    """Set a log group's retention; Chalice gives the API function's group a wrong name."""
    logs, name = cloud.client("logs"), f"/aws/lambda/{arn.rpartition(':')[2]}"
    found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    group = next((item for item in found if item["logGroupName"] == name), None)
    if group and group.get("retentionInDays") == days:
        return False
    if group is None:
        logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    return True


def _set_concurrency(cloud: Cloud, arn: str, wanted: int | None) -> bool:
    functions = cloud.client("lambda")
    answer = functions.get_function_concurrency(FunctionName=arn)
    if answer.get("ReservedConcurrentExecutions") == wanted:
        return False
    if wanted is None:
        functions.delete_function_concurrency(FunctionName=arn)
    else:
        functions.put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=wanted)
    return True


def _secrets(to: Target, service: Service, published: PublishedValues) -> dict[str, str]:
    """Return the present values of the environment variables that refer to secrets."""
    variables = stage_config.environment(References(service, to.stage, published))
    resolved = dynamic_references.resolved(to.cloud, variables)
    return {name: value for name, value in resolved.items() if value != variables[name]}


def _set_variables(cloud: Cloud, arn: str, wanted: Mapping[str, str]) -> bool:
    functions = cloud.client("lambda")
    found = functions.get_function_configuration(FunctionName=arn).get("Environment", {})
    present = found.get("Variables", {})
    if all(present.get(name) == value for name, value in wanted.items()):
        return False
    changed = {**present, **wanted}
    functions.update_function_configuration(FunctionName=arn, Environment={"Variables": changed})
    functions.get_waiter("function_updated_v2").wait(FunctionName=arn)
    return True


def _set_gateway_responses(cloud: Cloud, api_id: str, responses: Mapping[str, Any]) -> list[str]:
    """Set the API's gateway responses; they take effect with a new deployment of its stage."""
    gateway = cloud.client("apigateway")
    present = {
        found["responseType"]: found
        for found in gateway.get_gateway_responses(restApiId=api_id, limit=500).get("items", [])
    }
    differing = {}
    for kind, response in responses.items():
        headers = response.get("ResponseParameters", {}).get("Headers", {})
        wanted = {
            "statusCode": str(response["StatusCode"]),
            "responseParameters": {
                f"gatewayresponse.header.{name}": value for name, value in headers.items()
            },
            "responseTemplates": dict(response.get("ResponseTemplates", {})),
        }
        found = present.get(kind, {})
        if any(found.get(name) != value for name, value in wanted.items()):
            differing[kind] = wanted
    for kind, wanted in differing.items():
        gateway.put_gateway_response(restApiId=api_id, responseType=kind, **wanted)
    if differing:
        gateway.create_deployment(restApiId=api_id, stageName="api")
    return [f"API: {len(differing)} gateway responses"] if differing else []


def _set_throttling(
    cloud: Cloud, api_id: str, wanted: Mapping[str, Mapping[str, float]]
) -> list[str]:
    """Set the limits of the API's methods, which take effect at once."""
    gateway = cloud.client("apigateway")
    found = gateway.get_stage(restApiId=api_id, stageName="api").get("methodSettings", {})
    present = {
        delivery_config.method_key(name): {limit: settings.get(limit) for limit in _THROTTLING}
        for name, settings in found.items()
    }
    differing = [method for method, limits in wanted.items() if present.get(method) != limits]
    operations = []
    for method in differing:
        path, _, verb = method.rpartition("/")
        key = f"/~1{path.replace('/', '~1')}/{verb}/throttling"
        for name, patched in _THROTTLING.items():
            value = str(wanted[method][name])
            operations.append({"op": "replace", "path": f"{key}/{patched}", "value": value})
    if operations:
        gateway.update_stage(restApiId=api_id, stageName="api", patchOperations=operations)
    return [f"API: limits of {len(differing)} methods"] if differing else []
