"""The gateway's own responses, and the settings of the user pool."""

import json
from typing import Any

import pytest
import yaml

from chalicelib.storefront_api.passwords import POLICY
from support.paths import APPS, DOCS

APP = APPS / "storefront_api"
DELIVERY = yaml.safe_load((APP / "delivery.yaml").read_text())
RESOURCES: dict[str, Any] = yaml.safe_load((APP / "resources.yaml").read_text())["Resources"]
POOL: dict[str, Any] = RESOURCES["UserPool"]["Properties"]
CLIENT: dict[str, Any] = RESOURCES["UserPoolClient"]["Properties"]
RESPONSES: dict[str, Any] = DELIVERY["Resources"]["RestAPI"]["Properties"]["GatewayResponses"]


@pytest.mark.parametrize("name", RESPONSES)
def test_every_gateway_response_is_a_problem(name: str) -> None:
    response = RESPONSES[name]
    headers = response["ResponseParameters"]["Headers"]
    assert headers["Content-Type"] == "'application/problem+json'"
    problem = json.loads(response["ResponseTemplates"]["application/json"])
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert problem["status"] == response["StatusCode"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("UNAUTHORIZED", 401),
        ("ACCESS_DENIED", 401),
        ("MISSING_AUTHENTICATION_TOKEN", 404),
        ("REQUEST_TOO_LARGE", 413),
        ("THROTTLED", 429),
    ],
)
def test_gateway_response_has_the_documented_status(name: str, status: int) -> None:
    assert RESPONSES[name]["StatusCode"] == status


def test_denial_by_the_authorizer_is_the_same_as_a_missing_token() -> None:
    assert RESPONSES["ACCESS_DENIED"] == RESPONSES["UNAUTHORIZED"]
    assert (
        RESPONSES["UNAUTHORIZED"]["ResponseParameters"]["Headers"]["WWW-Authenticate"] == "'Bearer'"
    )


@pytest.mark.parametrize("name", ["THROTTLED", "DEFAULT_5XX"])
def test_client_is_told_when_to_try_again(name: str) -> None:
    assert int(RESPONSES[name]["ResponseParameters"]["Headers"]["Retry-After"].strip("'")) > 0


def test_writes_that_anybody_can_send_have_a_limit_of_their_own() -> None:
    """A burst of them takes no concurrency from those who read the catalog."""
    limits = {
        (one["HttpMethod"], one["ResourcePath"].replace("~1", "/")[1:]): one
        for one in DELIVERY["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
    }
    assert limits.keys() == {
        ("POST", "/orders"),
        ("POST", "/sessions"),
        ("POST", "/users"),
        ("POST", "/users/confirmation"),
        ("POST", "/users/confirmation/resend"),
        ("POST", "/users/password-reset"),
        ("POST", "/users/password-reset/confirmation"),
    }
    paths = json.loads((DOCS / "openapi/storefront_api.json").read_text())["paths"]
    for (method, path), limit in limits.items():
        assert method.lower() in paths[path]
        assert 0 < limit["ThrottlingRateLimit"] <= limit["ThrottlingBurstLimit"]


def test_all_other_errors_have_a_response() -> None:
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= RESPONSES.keys()


def test_described_password_policy_is_the_configured_one() -> None:
    policy = POOL["Policies"]["PasswordPolicy"]
    assert f"{policy['MinimumLength']} characters" in POLICY
    required = {name for name, value in policy.items() if value is True}
    assert required == {
        "RequireLowercase",
        "RequireUppercase",
        "RequireNumbers",
        "RequireSymbols",
    }


def test_new_address_of_a_user_applies_only_after_verification() -> None:
    settings = POOL["UserAttributeUpdateSettings"]
    assert settings == {"AttributesRequireVerificationBeforeUpdate": ["email"]}
    # AWS sends codes only to attributes that are verified automatically
    assert POOL["AutoVerifiedAttributes"] == ["email"]
    recovery = POOL["AccountRecoverySetting"]["RecoveryMechanisms"]
    assert [one["Name"] for one in recovery] == ["verified_email"]


def test_users_write_only_what_cognito_does_not_let_a_client_exclude() -> None:
    required = [one["Name"] for one in POOL["Schema"] if one["Required"]]
    assert CLIENT["WriteAttributes"] == required == ["email", "name"]
    assert CLIENT["ReadAttributes"] == ["email", "email_verified", "name"]


def test_users_sign_in_by_password_or_refresh_token_only() -> None:
    flows = {"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
    assert set(CLIENT["ExplicitAuthFlows"]) == flows
    assert CLIENT["AllowedOAuthFlowsUserPoolClient"] is False
    assert "AllowedOAuthFlows" not in CLIENT
    kinds = {one["Type"] for one in RESOURCES.values() if "Cognito" in one["Type"]}
    names = ("UserPool", "UserPoolClient", "UserPoolGroup")
    assert kinds == {f"AWS::Cognito::{name}" for name in names}


def test_cognito_neither_reveals_users_nor_keeps_revoked_tokens() -> None:
    assert CLIENT["PreventUserExistenceErrors"] == "ENABLED"
    assert CLIENT["EnableTokenRevocation"] is True
