"""What the gateway in front answers by itself, and what the user pool asks of a password."""

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
def test_every_answer_of_the_gateway_is_a_problem(name: str) -> None:
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
def test_its_statuses_are_the_designs(name: str, status: int) -> None:
    assert RESPONSES[name]["StatusCode"] == status


def test_everything_else_is_covered_too() -> None:
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= RESPONSES.keys()


def test_the_policy_in_words_is_the_one_in_force() -> None:
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
