"""Code that is built once for all stages, and gradual releases through the alias ``live``.

The embedded AWS has no CodeDeploy, so the alias moves at once; tests/templates holds the rest.
Each test continues where the one before it ended.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from support.deploy.trial import Customer, Trial

STAGE = ("--stage", "gradual")


@pytest.fixture(scope="module")
def packages(trial: Trial) -> Path:
    directory = trial.home / "packages"
    trial.shop("package", str(directory))
    return directory


@pytest.fixture(scope="module")
def customer(trial: Trial, packages: Path) -> Customer:
    trial.shop("deploy", *STAGE, "--packages", str(packages))
    return Customer.of(trial, "gradual")


def live(trial: Trial, function: str) -> str:
    """Return the version that a function's alias points to."""
    alias = trial.cloud.client("lambda").get_alias(FunctionName=function, Name="live")
    return str(alias["FunctionVersion"])


def functions(trial: Trial, stage: str = "gradual") -> list[dict[str, Any]]:
    pages = trial.cloud.client("lambda").get_paginator("list_functions").paginate()
    found = [function for page in pages for function in page["Functions"]]
    return [f for f in found if f["FunctionName"].startswith(f"toyshop-{stage}-")]


def test_order_is_paid_through_the_aliases(customer: Customer) -> None:
    customer.pays(customer.order())


def test_every_function_has_an_alias_for_a_version(trial: Trial) -> None:
    found = functions(trial)
    assert len(found) > 10
    assert {live(trial, function["FunctionName"]) for function in found} == {"1"}


def test_functions_run_on_the_python_that_built_them(trial: Trial, packages: Path) -> None:
    built_with = json.loads((packages / "packages.json").read_text())["python"]
    assert {function["Runtime"] for function in functions(trial)} == {f"python{built_with}"}


def test_event_sources_invoke_aliases(trial: Trial) -> None:
    # GIVEN each mapping and subscription of the stage
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
        if ":toyshop-gradual-" in subscription["Endpoint"]
    ]
    # THEN each refers to an alias
    assert len(invoked) >= 9
    assert [arn for arn in invoked if not arn.endswith(":live")] == []


def test_another_stage_runs_the_same_code(trial: Trial, packages: Path) -> None:
    # WHEN the same packages are deployed to another stage
    trial.shop("deploy", "--stage", "trial", "--packages", str(packages), "notifications")
    # THEN its functions' code is that of the packages, as in the first stage
    built = hashlib.sha256((packages / "notifications.zip").read_bytes()).digest()
    code = {
        stage: {
            function["CodeSha256"]
            for function in functions(trial, stage)
            if "-notifications-" in function["FunctionName"]
        }
        for stage in ("trial", "gradual")
    }
    assert code["trial"] == code["gradual"] == {base64.b64encode(built).decode()}
    trial.shop("delete", "--stage", "trial")


def test_only_a_changed_service_is_released(
    trial: Trial, customer: Customer, packages: Path, tmp_path: Path
) -> None:
    # GIVEN packages that were built again elsewhere after a change of one service
    with trial.changed("orders/app.py", "def place_order()", "def place_one_order()"):
        trial.shop("package", str(tmp_path / "new"))
        refused = trial.shop("deploy", *STAGE, "--packages", str(packages), fails=True)
        # WHEN they are deployed
        output = trial.shop("deploy", *STAGE, "--packages", str(tmp_path / "new"))
    # THEN only that service's release has changed
    assert "toyshop-gradual-orders updated" in output
    assert "1 of 12 stacks changed" in output
    assert live(trial, "toyshop-gradual-orders-api-handler") == "2"
    assert live(trial, "toyshop-gradual-payments-charge") == "1"
    customer.pays(customer.order())
    # AND packages of other sources are refused
    assert "was built from other sources than these" in refused


def test_new_setting_makes_a_new_version(trial: Trial, customer: Customer) -> None:
    # WHEN a setting of a service changes without a change of code
    handler = "[functions.api_handler.allow]"
    shorter = f"[functions.api_handler]\ntimeout_seconds = 27\n\n{handler}"
    with trial.changed("orders/service.toml", handler, shorter):
        trial.shop("deploy", *STAGE, "orders")
    # THEN its alias points to a new version with the setting
    name = "toyshop-gradual-orders-api-handler"
    assert live(trial, name) == "3"
    serving = trial.cloud.client("lambda").get_function_configuration(
        FunctionName=name, Qualifier="live"
    )
    assert serving["Timeout"] == 27
    customer.pays(customer.order())
    # AND the versions before it are gone, whose snapshots AWS would still bill
    client = trial.cloud.client("lambda")
    versions = client.list_versions_by_function(FunctionName=name)["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "3"]
