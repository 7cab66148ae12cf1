"""Deploys all services with `chalice deploy` in each app's folder, as one series of tests."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.deploy import drift
from support.deploy.trial import BROKEN, SERVICES, Customer, Trial, all_paid_once, ordering
from support.http import http

# each after those it depends on
WAVES = (("file_manager", "notifications", "orders"), ("payments", "toys"), ("storefront_api",))


def deploy(trial: Trial, services: Iterable[str], *, configured: bool = True) -> None:
    """Deploy services in parallel, since Chalice takes long to package them."""

    def one(service: str) -> None:
        if not configured:
            trial.shop("configure", "--stage", "own", service)
        trial.chalice("own", service)
        trial.shop("deliver", "--stage", "own", service)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(one, services))


def functions(trial: Trial) -> dict[str, Any]:
    """Return the stage's functions by name."""
    pages = trial.cloud.client("lambda").get_paginator("list_functions").paginate()
    found = {function["FunctionName"]: function for page in pages for function in page["Functions"]}
    return {name: found[name] for name in found if "-own" in name}


def with_other_code(trial: Trial, before: dict[str, Any]) -> set[str]:
    """Return the services whose functions' code has changed."""
    after = functions(trial)
    changed = {name for name in after if after[name]["CodeSha256"] != before[name]["CodeSha256"]}
    return {
        service
        for service in SERVICES
        for name in changed
        if name.startswith(f"toyshop-{service.replace('_', '-')}-own")
    }


@pytest.fixture(scope="module")
def customer(trial: Trial) -> Customer:
    return Customer.of(trial, "own")


def test_app_is_not_configured_before_the_services_it_calls(trial: Trial) -> None:
    output = trial.shop("configure", "--stage", "own", "toys", fails=True)
    assert output.startswith("file_manager has not published its api-url yet.")


def test_every_app_is_deployed_in_its_folder(trial: Trial) -> None:
    # GIVEN the stateful resources
    assert "6 of 6 stacks changed" in trial.shop("deploy", "--stage", "own", "--resources")
    # WHEN each app is configured and deployed, and its delivery settings are applied
    for wave in WAVES:
        deploy(trial, wave, configured=False)
    # THEN a second run changes nothing
    for command in ("configure", "deliver"):
        lines = trial.shop(command, "--stage", "own").splitlines()
        assert sorted(lines) == sorted(f"{service}: unchanged" for service in SERVICES)
    # AND the stage matches the repository
    status, found = trial.diff("--stage", "own", "--live")
    assert (status, found["resources"]) == (0, [])


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_answers(trial: Trial, service: str) -> None:
    assert trial.health(service, "own") == 200


def test_storefront_refuses_requests_that_go_around_the_edge(trial: Trial) -> None:
    url = trial.published("storefront-api/api-url", "own")
    assert http("GET", f"{url}/health").status == 403


def test_delivery_settings_are_applied(trial: Trial) -> None:
    client = trial.cloud.client("lambda")
    name = "toyshop-payments-own-on_dynamodb_record"
    (mapping,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"]
    assert "traceparent" in mapping["FilterCriteria"]["Filters"][0]["Pattern"]
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


def test_change_of_one_app_changes_no_other_and_loses_no_order(
    trial: Trial, customer: Customer
) -> None:
    # GIVEN a change of one app, and a client that keeps placing orders
    before = functions(trial)
    with trial.with_more("orders/app.py", "\n# changed\n"):
        status, found = trial.diff("--stage", "own")
        with ordering(customer) as placed:
            # WHEN it is deployed again
            trial.chalice("own", "orders")
    # THEN `./shop diff` had reported the change
    changes = [{"kind": "changed", "path": "app.py"}]
    assert status == 1
    assert {one["name"]: one["changes"] for one in found["resources"]} == {
        "toyshop-orders-own": changes,
        "toyshop-orders-own-backfill": changes,
        "toyshop-orders-own-on_dynamodb_record": changes,
    }
    # AND only its functions have changed, with all their delivery settings
    assert with_other_code(trial, before) == {"orders"}
    assert "orders: unchanged" in trial.shop("deliver", "--stage", "own", "orders")
    # AND every order is paid exactly once
    all_paid_once(trial, customer, placed)


def test_broken_releases_are_deployed(trial: Trial) -> None:
    # GIVEN a release of every app that deploys successfully and responds with 500
    files = [trial.apps / service / "app.py" for service in SERVICES]
    good = {file: file.read_text() for file in files}
    try:
        for file in files:
            file.write_text(good[file] + BROKEN)
        deploy(trial, SERVICES)
    finally:
        for file in files:
            file.write_text(good[file])
    assert {trial.health(service, "own") for service in SERVICES} == {500}


@pytest.mark.parametrize("service", SERVICES)
def test_broken_release_is_rolled_back(trial: Trial, service: str) -> None:
    # GIVEN the previous version in the app's folder, as `git checkout <version> -- apps/…` gives it
    before = functions(trial)
    # WHEN it is deployed again
    deploy(trial, [service])
    # THEN it works again, and no other app has changed
    assert trial.health(service, "own") == 200
    assert with_other_code(trial, before) == {service}


def test_orders_are_paid_after_the_rollbacks(trial: Trial, customer: Customer) -> None:
    customer.pays(customer.order())
    status, found = trial.diff("--stage", "own", "--live")
    assert (status, found["resources"]) == (0, [])


def test_keys_are_references_until_they_are_delivered(trial: Trial) -> None:
    secrets, functions = trial.cloud.client("secretsmanager"), trial.cloud.client("lambda")
    secret = "toyshop-own-payments-gateway"

    def keys(number: int) -> str:
        return json.dumps({"api_key": f"sk_{number}", "webhook_secret": f"whsec_{number}"})

    def used(name: str) -> str:
        found = functions.get_function_configuration(FunctionName=f"toyshop-payments-own{name}")
        return str(found["Environment"]["Variables"]["STRIPE_WEBHOOK_SECRET"])

    # GIVEN payments with keys from Secrets Manager, deployed by Chalice
    simulator = f'gateway = "http://127.0.0.1:{trial.gateway_port}"'
    secrets.create_secret(Name=secret, SecretString=keys(1))
    with trial.changed("../stages.toml", simulator, 'gateway = ""'):
        trial.shop("configure", "--stage", "own", "payments")
        trial.chalice("own", "payments")
        # THEN it does not work with what anyone can read in the repository
        assert used("").startswith("{{resolve:secretsmanager:")
        assert trial.health("payments", "own") == 503
        # WHEN they are delivered, and after a rotation again THEN its functions have the keys
        for number in (1, 2):
            secrets.put_secret_value(SecretId=secret, SecretString=keys(number))
            assert "secrets" in trial.shop("deliver", "--stage", "own", "payments")
            assert used("") == used("-charge") == f"whsec_{number}"
            assert "payments: unchanged" in trial.shop("deliver", "--stage", "own", "payments")
        assert trial.health("payments", "own") == 200
    secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    deploy(trial, ["payments"], configured=False)


def test_manual_changes_are_reported(trial: Trial) -> None:
    # GIVEN a stage with manual changes
    at = drift.Drift(trial, "own")
    drift.plant(at)
    try:
        # WHEN it is compared
        status, found = trial.diff("--stage", "own", "--live")
    finally:
        drift.undo(at)
    # THEN each change is reported
    assert drift.expected(at) - set(drift.reported(at, found)) == set()
    assert status == 1


def test_every_app_is_deleted_in_its_folder(trial: Trial) -> None:
    for wave in reversed(WAVES):
        for service in wave:
            trial.chalice("own", service, "delete")
    assert functions(trial) == {}
