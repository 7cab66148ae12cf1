"""Services deployed by `chalice deploy` in each app's folder; the tests tell one story."""

import subprocess
from typing import Any

import pytest
from deploy.trial import ROOT, Customer, Trial

ORDER = ("file_manager", "notifications", "orders", "toys", "payments", "storefront_api")


def chalice(trial: Trial, service: str, command: str = "deploy") -> None:
    done = subprocess.run(
        [str(ROOT / ".venv" / "bin" / "chalice"), command, "--stage", "own"],
        cwd=trial.apps / service,
        env=trial.environment(
            AWS_DEFAULT_REGION="us-east-1",
            AWS_ACCESS_KEY_ID="000000000000",
            AWS_SECRET_ACCESS_KEY="local",
        ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def functions(trial: Trial) -> dict[str, Any]:
    """Return the stage's functions by name."""
    pages = trial.cloud.client("lambda").get_paginator("list_functions").paginate()
    found = {function["FunctionName"]: function for page in pages for function in page["Functions"]}
    return {name: found[name] for name in found if "-own" in name}


@pytest.fixture(scope="module")
def customer(trial: Trial) -> Customer:
    return Customer.of(trial, "own")


def test_app_whose_neighbours_are_missing_is_not_configured(trial: Trial) -> None:
    said = trial.shop("configure", "--stage", "own", "toys", fails=True)
    assert said.startswith("file_manager has not published its api-url yet.")


def test_every_app_is_deployed_in_its_folder(trial: Trial) -> None:
    # GIVEN what outlives a release
    assert "6 of 6 stacks changed" in trial.shop("deploy", "--stage", "own", "--resources")
    for service in ORDER:
        # WHEN an app is configured, deployed and given its delivery settings
        trial.shop("configure", "--stage", "own", service)
        chalice(trial, service)
        trial.shop("deliver", "--stage", "own", service)
    # THEN a second time there is nothing to do
    for command in ("configure", "deliver"):
        lines = trial.shop(command, "--stage", "own").splitlines()
        assert sorted(lines) == sorted(f"{service}: unchanged" for service in ORDER)


def test_delivery_settings_are_applied(trial: Trial) -> None:
    client = trial.cloud.client("lambda")
    name = "toyshop-payments-own-on_dynamodb_record"
    (mapping,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"]
    dead_letters = mapping["DestinationConfig"]["OnFailure"]["Destination"]
    assert dead_letters.endswith(":toyshop-own-payments-relay-dead-letters")
    asynchronous = client.get_function_event_invoke_config(
        FunctionName="toyshop-payments-own-charge"
    )
    assert asynchronous["MaximumEventAgeInSeconds"] == 3600
    sns = trial.cloud.client("sns")
    topic = trial.published("orders/topic-arn", "own")
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])
    assert "shop.order.placed.v1" in attributes["Attributes"]["FilterPolicy"]


def test_order_is_paid(customer: Customer) -> None:
    customer.pays(customer.order())


def test_change_of_one_app_touches_no_other(trial: Trial, customer: Customer) -> None:
    # GIVEN a change of one app
    before = functions(trial)
    with trial.changed("orders/app.py", "Place an order, once per key.", "Place it."):
        # WHEN it is deployed again
        chalice(trial, "orders")
    assert "orders: unchanged" in trial.shop("deliver", "--stage", "own", "orders")
    # THEN only its functions have changed, and orders are paid as before
    after = functions(trial)
    changed = {n for n in after if after[n]["CodeSha256"] != before[n]["CodeSha256"]}
    assert changed == {"toyshop-orders-own", "toyshop-orders-own-on_dynamodb_record"}
    customer.pays(customer.order())


def test_every_app_is_deleted_in_its_folder(trial: Trial) -> None:
    for service in reversed(ORDER):
        chalice(trial, service, "delete")
    assert functions(trial) == {}
