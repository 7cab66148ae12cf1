"""The gateway's own responses, and the user pool's password policy."""

import json
from typing import Any

import pytest
import yaml

from chalicelib.storefront_api.users import POLICY
from support.paths import APPS

APP = APPS / "storefront_api"
DELIVERY = yaml.safe_load((APP / "delivery.yaml").read_text())
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
        ("ACCESS_DENIED", 403),
        ("MISSING_AUTHENTICATION_TOKEN", 404),
        ("REQUEST_TOO_LARGE", 413),
        ("THROTTLED", 429),
    ],
)
def test_gateway_response_has_the_documented_status(name: str, status: int) -> None:
    assert RESPONSES[name]["StatusCode"] == status


def test_all_other_errors_have_a_response() -> None:
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= RESPONSES.keys()


def test_described_password_policy_is_the_configured_one() -> None:
    resources = yaml.safe_load((APP / "resources.yaml").read_text())["Resources"]
    policy = resources["UserPool"]["Properties"]["Policies"]["PasswordPolicy"]
    assert f"{policy['MinimumLength']} characters" in POLICY
    required = {name for name, value in policy.items() if value is True}
    assert required == {
        "RequireLowercase",
        "RequireUppercase",
        "RequireNumbers",
        "RequireSymbols",
    }
