"""A stage whose releases go through the alias ``live``: what is invoked is a version.

The embedded AWS has no CodeDeploy, so the alias moves at once; tests/templates holds the rest.
The tests tell one story, in their order.
"""

from typing import Any

import pytest
from deploy.trial import Customer, Trial

STAGE = ("--stage", "shifted")


@pytest.fixture(scope="module")
def customer(trial: Trial) -> Customer:
    trial.shop("deploy", *STAGE)
    return Customer.of(trial, "shifted")


def live(trial: Trial, function: str) -> str:
    """Return the version that a function's alias names."""
    alias = trial.cloud.client("lambda").get_alias(FunctionName=function, Name="live")
    return str(alias["FunctionVersion"])


def functions(trial: Trial) -> list[dict[str, Any]]:
    pages = trial.cloud.client("lambda").get_paginator("list_functions").paginate()
    found = [function for page in pages for function in page["Functions"]]
    return [f for f in found if f["FunctionName"].startswith("toyshop-shifted-")]


def test_order_is_paid_through_the_aliases(customer: Customer) -> None:
    customer.pays(customer.order())


def test_every_function_has_its_alias_on_a_version(trial: Trial) -> None:
    found = functions(trial)
    assert len(found) > 10
    assert {live(trial, function["FunctionName"]) for function in found} == {"1"}


def test_whatever_invokes_a_function_invokes_its_alias(trial: Trial) -> None:
    # GIVEN each mapping, subscription and integration of the stage
    aws = trial.cloud.client
    invoked = [
        mapping["FunctionArn"]
        for function in functions(trial)
        for mapping in aws("lambda").list_event_source_mappings(
            FunctionName=function["FunctionName"]
        )["EventSourceMappings"]
    ]
    invoked += [
        subscription["Endpoint"]
        for subscription in aws("sns").list_subscriptions()["Subscriptions"]
        if ":toyshop-shifted-" in subscription["Endpoint"]
    ]
    assert len(invoked) >= 9
    assert [arn for arn in invoked if not arn.endswith(":live")] == []


def test_new_settings_are_a_new_version_and_a_change_of_another_service_is_none(
    trial: Trial, customer: Customer
) -> None:
    # WHEN a setting of one service changes, and no code
    with trial.changed(
        "orders/.chalice/config.json", '"lambda_timeout": 30', '"lambda_timeout": 29'
    ):
        said = trial.shop("deploy", *STAGE)
    # THEN its aliases go to new versions, which have the setting
    assert "1 of 12 stacks changed" in said
    name = "toyshop-shifted-orders-api-handler"
    assert live(trial, name) == "2"
    serving = trial.cloud.client("lambda").get_function_configuration(
        FunctionName=name, Qualifier="live"
    )
    assert serving["Timeout"] == 29
    # AND the others stay where they were
    assert live(trial, "toyshop-shifted-payments-charge") == "1"
    customer.pays(customer.order())
