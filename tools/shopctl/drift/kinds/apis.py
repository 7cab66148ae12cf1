"""REST APIs: their policies, routes and gateway responses."""

import re
from collections.abc import Mapping
from typing import Any

from shopctl.drift.kinds.kind import Facts, Kind, belongs_to_stage, pages, policy, reported
from shopctl.drift.model import API, DeclaredResource, Model
from shopctl.project import aws_names
from shopctl.project.delivery_config import method_key, throttling

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "any")
_FUNCTION = re.compile(r":function:([^:/]+)(?::[^/]+)?/invocations")
_HEADER = "gatewayresponse.header."


def _apis(model: Model) -> Facts:
    return {declared.name: _api(declared) for declared in model.of(API)}


def _api(declared: DeclaredResource) -> dict[str, Any]:
    properties = declared.properties
    body = properties["DefinitionBody"]
    definitions = body.get("securityDefinitions", {})
    routes: dict[str, Any] = {}
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            if method in _METHODS or method == "x-amazon-apigateway-any-method":
                name = "ANY" if method.startswith("x-") else method.upper()
                routes[f"{name} {path}"] = _route(operation, definitions)
    return {
        "EndpointType": properties.get("EndpointConfiguration", {}).get("Type"),
        "Policy": policy(body.get("x-amazon-apigateway-policy")),
        "Routes": routes,
        "GatewayResponses": {
            kind: {
                "StatusCode": str(response["StatusCode"]),
                "Headers": dict(response.get("ResponseParameters", {}).get("Headers", {})),
                "Templates": dict(response.get("ResponseTemplates", {})),
            }
            for kind, response in properties.get("GatewayResponses", {}).items()
        },
        "Throttling": throttling(properties.get("MethodSettings", [])),
    }


def _route(operation: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    integration = operation.get("x-amazon-apigateway-integration", {})
    named = [name for one in operation.get("security", []) for name in one]
    authorization = "NONE"
    for name in named:
        kind = definitions.get(name, {}).get("x-amazon-apigateway-authtype", "apiKey")
        authorization = {"awsSigv4": "AWS_IAM", "custom": f"CUSTOM {name}"}.get(kind, authorization)
    return {
        "Authorization": authorization,
        "ApiKey": any(
            definitions.get(name, {}).get("type") == "apiKey"
            and "x-amazon-apigateway-authtype" not in definitions.get(name, {})
            for name in named
        ),
        "Function": _function(integration.get("uri", "")),
    }


def _function(uri: Any) -> str | None:
    found = _FUNCTION.search(str(uri))
    return found[1] if found else None


def _actual_apis(model: Model) -> Facts:
    cloud = model.to.cloud
    expected = {
        model.published.get(f"{declared.service.dashed}/api-id"): declared
        for declared in model.of(API)
    }
    facts: Facts = {}
    for found in pages(cloud, "apigateway", "get_rest_apis", "items"):
        if declared := expected.get(found["id"]):
            facts[declared.name] = _actual_api(model, found)
        elif found["name"].startswith(aws_names.resource(model.to.stage.name, "")):
            name = found["name"]
            facts[name if name not in facts else f"{name} ({found['id']})"] = {}
    return {name: facts[name] for name in facts if belongs_to_stage(model.to, name)}


def _actual_api(model: Model, api: Mapping[str, Any]) -> dict[str, Any]:
    cloud, api_id = model.to.cloud, api["id"]
    gateway = cloud.client("apigateway")
    authorizers = {
        one["id"]: one["name"]
        for one in gateway.get_authorizers(restApiId=api_id, limit=500).get("items", [])
    }
    resources = pages(
        cloud, "apigateway", "get_resources", "items", restApiId=api_id, embed=["methods"]
    )
    routes = {
        f"{method} {resource['path']}": {
            "Authorization": " ".join(
                filter(
                    None,
                    (found["authorizationType"], authorizers.get(found.get("authorizerId", ""))),
                )
            ),
            "ApiKey": found.get("apiKeyRequired", False),
            "Function": _function(found.get("methodIntegration", {}).get("uri", "")),
        }
        for resource in resources
        for method, found in resource.get("resourceMethods", {}).items()
    }
    types = api.get("endpointConfiguration", {}).get("types") or [None]
    return {
        "EndpointType": reported(model, types[0]),
        "Policy": policy(api.get("policy")),
        "Routes": routes,
        "GatewayResponses": _responses(model, api_id),
        "Throttling": _throttling(gateway.get_stage(restApiId=api_id, stageName="api")),
    }


def _throttling(stage: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits of each method that has limits of its own."""
    names = ("throttlingRateLimit", "throttlingBurstLimit")
    return {
        method_key(method): {name: settings.get(name) for name in names}
        for method, settings in stage.get("methodSettings", {}).items()
        if method != "*/*"
    }


def _responses(model: Model, api_id: str) -> Any:
    items = model.to.cloud.client("apigateway").get_gateway_responses(restApiId=api_id, limit=500)
    changed = {
        one["responseType"]: {
            "StatusCode": one.get("statusCode"),
            "Headers": {
                name.removeprefix(_HEADER): value
                for name, value in one.get("responseParameters", {}).items()
                if name.startswith(_HEADER)
            },
            "Templates": one.get("responseTemplates", {}),
        }
        for one in items.get("items", [])
        if not one.get("defaultResponse")
    }
    return reported(model, changed)


KINDS = (Kind("API", (API,), _apis, _actual_apis, of_release=True),)
