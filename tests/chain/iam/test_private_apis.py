"""Private APIs answer their declared callers; everyone else gets a 403."""

import json
from collections.abc import Iterator

import pytest

from shopctl.deploying.api_policy import calling_roles
from shopctl.project import stages
from shopctl.project.layout import Layout
from support.iam_roles import POLICIES, ROLES, SERVICES, Roles, invocations
from support.running_shop import Shop

LOCAL = stages.load(Layout.find().stages, "local")
CALLERS = {name: calling_roles(service, LOCAL) for name, service in SERVICES.items()}
PRIVATE = [name for name, service in SERVICES.items() if not service.is_public]
# a path that each API serves, for callers that are refused
PATHS = {
    "toys": "/toys",
    "orders": "/orders",
    "payments": "/health",
    "file_manager": "/health",
    "notifications": "/health",
}


@pytest.fixture(scope="module")
def intruder(shop: Shop) -> Iterator[str]:
    """Create a role whose own policy allows it to call every API."""
    iam, name = shop.client("iam"), "toyshop-local-intruder"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    everything = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=_document({**trust, "Action": "sts:AssumeRole"}),
    )
    iam.put_role_policy(
        RoleName=name, PolicyName="everything", PolicyDocument=_document(everything)
    )
    yield name
    iam.delete_role_policy(RoleName=name, PolicyName="everything")
    iam.delete_role(RoleName=name)


def _document(statement: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize("role", sorted(POLICIES))
def test_role_reaches_every_api_that_its_policy_names(shop: Shop, roles: Roles, role: str) -> None:
    refused = [
        (api, method, path)
        for api, method, path in invocations(role)
        if roles.call(role, api, method, path).status in (401, 403)
    ]
    assert refused == []


@pytest.mark.parametrize("api", PRIVATE)
def test_every_other_role_is_refused(shop: Shop, roles: Roles, intruder: str, api: str) -> None:
    assert CALLERS[api], "nobody calls this API"
    others = [role for role in POLICIES if role not in CALLERS[api]]
    assert others
    assert [
        role
        for role in [*others, intruder]
        if roles.call(role, api, "GET", PATHS[api]).status != 403
    ] == []


@pytest.mark.parametrize("api", PRIVATE)
def test_api_refuses_the_roles_of_its_own_service(shop: Shop, roles: Roles, api: str) -> None:
    for role in ROLES[api]:
        assert roles.call(role, api, "GET", PATHS[api]).status == 403


@pytest.mark.parametrize("api", PRIVATE)
def test_unsigned_call_is_refused(shop: Shop, roles: Roles, api: str) -> None:
    answer = roles.call(None, api, "GET", PATHS[api])
    assert answer.status == 403


def test_refusal_comes_from_the_policy_of_the_api(shop: Shop, roles: Roles, intruder: str) -> None:
    # GIVEN a role whose own policy allows the call
    assert roles.call(intruder, "orders", "GET", "/health").status == 403
    # WHEN the API has no policy
    gateway = shop.client("apigateway")
    api = "toyshop-local-orders"
    policy = json.loads(f'"{gateway.get_rest_api(restApiId=api)["policy"]}"')
    replace = {"op": "replace", "path": "/policy"}
    gateway.update_rest_api(restApiId=api, patchOperations=[{**replace, "value": ""}])
    try:
        # THEN the call succeeds
        assert roles.call(intruder, "orders", "GET", "/health").status == 200
    finally:
        gateway.update_rest_api(restApiId=api, patchOperations=[{**replace, "value": policy}])
    assert roles.call(intruder, "orders", "GET", "/health").status == 403
