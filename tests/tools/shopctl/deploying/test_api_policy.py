"""Who may call a private API."""

import importlib
import json
import re
from typing import Any

import pytest

from contracts.health import HEALTH
from shopctl.deploying.api_policy import calling_roles, only_through, resource_policy
from shopctl.project import services, stages
from shopctl.project.layout import Layout
from support.function_policies import as_list, local_policies

LAYOUT = Layout.find()
SERVICES = services.read(LAYOUT.apps)
LOCAL = stages.load(LAYOUT.stages, "local")


def test_every_private_app_packages_its_policy() -> None:
    for service in SERVICES.values():
        config = json.loads((service.config_directory / "config.json").read_text())
        stage = config["stages"]["local"]
        endpoint = "REGIONAL" if service.is_public else "PRIVATE"
        assert stage.get("api_gateway_endpoint_type") == endpoint
        file = None if service.is_public else "callers-local.json"
        assert stage.get("api_gateway_policy_file") == file


@pytest.mark.parametrize("caller", [name for name in SERVICES if SERVICES[name].manifest.calls])
def test_service_may_invoke_exactly_the_operations_that_it_declares(caller: str) -> None:
    allowed = {
        resource
        for policy in local_policies(caller).values()
        for statement in policy["Statement"]
        if "execute-api:Invoke" in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    declared = {
        resource_of(callee, operation)
        for callee, names in SERVICES[caller].manifest.calls.items()
        for operation in operations_of(callee)
        if operation.name in names
    }
    assert allowed == declared


def operations_of(service: str) -> list[Any]:
    return [*importlib.import_module(SERVICES[service].manifest.api).OPERATIONS, HEALTH]


def resource_of(service: str, operation: Any) -> str:
    path = re.sub(r"\{[a-z_]+\}", "*", operation.path)
    api = f"toyshop-local-{service.replace('_', '-')}"
    return f"arn:aws:execute-api:*:*:{api}/api/{operation.method}{path}"


def test_calling_roles_are_those_of_the_functions_that_may_call() -> None:
    assert calling_roles(SERVICES["notifications"], LOCAL) == [
        "toyshop-local-payments-fulfil",
        "toyshop-local-payments-fulfil-retry",
        "toyshop-local-storefront-api-api-handler",
        "toyshop-local-storefront-api-forget",
        "toyshop-local-storefront-api-reconcile",
    ]


def test_denial_names_roles_as_principal_arns_name_them() -> None:
    allow, deny = resource_policy(["b", "a"], "123456789012")["Statement"]
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert deny["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] == [
        "arn:aws:iam::123456789012:role/a",
        "arn:aws:iam::123456789012:role/b",
    ]


def test_api_without_callers_denies_everyone() -> None:
    _, deny = resource_policy([], "123456789012")["Statement"]
    assert "Condition" not in deny


def test_calls_through_another_network_are_denied() -> None:
    deny = only_through("vpce-1")
    assert deny["Effect"] == "Deny"
    assert deny["Condition"] == {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}
