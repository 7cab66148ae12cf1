"""Faults planted in policies and endpoints, which the rules report with file and line."""

import shutil
from pathlib import Path

import pytest

from shopctl.checking.rules import (
    configured,
    functions,
    one_stage,
    permitted_calls,
    policies,
    private,
)
from support.checkout_copy import CheckoutCopy

POLICY = "apps/orders/.chalice/policy-api_handler-local.json"
TABLE = "arn:aws:dynamodb:*:*:table/toyshop-local-orders"


# policies


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (f'"{TABLE}"', f'"{TABLE.replace("orders", "payments")}"', "is not a resource of orders"),
        (f'"{TABLE}"', f'"{TABLE.replace("local-orders", "*")}"', "is not a resource of orders"),
        (f'"{TABLE}"', '"*"', "is allowed on all resources, and AWS can limit it"),
        (f'"{TABLE}"', '"table/orders"', "is not an ARN"),
        (f'"{TABLE}"', '"arn:aws:kms:*:*:key/1"', "orders owns nothing in kms"),
        ('"dynamodb:GetItem"', '"dynamodb:Get*"', "dynamodb:Get* allows more than one action"),
        ('"dynamodb:GetItem"', '"dynamodb:ReadItem"', "AWS has no action dynamodb:ReadItem"),
        ('"dynamodb:GetItem"', '"sqs:SendMessage"', "sqs:SendMessage never applies to"),
    ],
)
def test_policy_that_allows_too_much_is_reported(
    checkout: CheckoutCopy, old: str, new: str, what: str
) -> None:
    line = checkout.line_of(POLICY, old)
    checkout.replace(POLICY, old, new)
    found = [finding for finding in checkout.findings(policies) if what in finding.what]
    assert found
    assert {finding.path for finding in found} == {Path(POLICY)}
    assert all(finding.remedy for finding in found)
    assert what.startswith("sqs:") or found[0].line == line


def test_policy_that_is_not_json_is_reported_with_its_line(checkout: CheckoutCopy) -> None:
    checkout.replace(POLICY, '"Version": "2012-10-17",', '"Version": "2012-10-17"')
    found = checkout.only(policies)
    assert (found.path, found.line) == (Path(POLICY), 3)
    assert found.what.startswith("This is not JSON")


def test_policy_with_an_exception_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(POLICY, '"Action": "dynamodb:Query"', '"NotAction": "dynamodb:Scan"')
    assert "does not list what it allows" in checkout.only(policies).what


def test_policy_that_allows_an_undeclared_call_is_reported(checkout: CheckoutCopy) -> None:
    path = "apps/toys/.chalice/policy-images-local.json"
    checkout.replace(
        path,
        "toyshop-local-file-manager/api/DELETE/files/*",
        "toyshop-local-file-manager/api/*/files/*",
    )
    found = checkout.only(policies)
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, "api/*/files"))
    assert "call lookUpFiles of file_manager" in found.what


def test_declared_call_that_no_policy_allows_is_reported(checkout: CheckoutCopy) -> None:
    for function in ("fulfil", "fulfil_retry"):
        checkout.replace(
            f"apps/payments/.chalice/policy-{function}-local.json",
            "local-notifications/api/PUT/messages/*",
            "local-file-manager/api/PUT/documents/x",
        )
    found = checkout.only(permitted_calls)
    assert found.path == Path("apps/payments/service.toml")
    assert "allows payments to call sendMessage of notifications" in found.what


# functions


def test_function_without_a_policy_file_is_reported(checkout: CheckoutCopy) -> None:
    (checkout.root / POLICY).unlink()
    found = checkout.only(functions)
    config = "apps/orders/.chalice/config.json"
    assert (found.path, found.line) == (Path(config), checkout.line_of(config, '"api_handler"'))
    assert "api_handler has no policy file of its own" in found.what


def test_policy_file_without_a_function_is_reported(checkout: CheckoutCopy) -> None:
    shutil.copy(
        checkout.root / POLICY, (checkout.root / POLICY).with_name("policy-refund-local.json")
    )
    found = checkout.only(functions)
    assert found.path.name == "policy-refund-local.json"
    assert "No function of orders uses this policy" in found.what


def test_policy_file_that_two_functions_share_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(
        "apps/orders/.chalice/config.json",
        "policy-on_dynamodb_record-local.json",
        "policy-api_handler-local.json",
    )
    assert any("named after another" in finding.what for finding in checkout.findings(functions))


def test_role_with_another_name_is_reported(checkout: CheckoutCopy) -> None:
    path = "apps/orders/delivery.yaml"
    checkout.replace(
        path, 'RoleName: {"Fn::Sub": "toyshop-${Stage}-orders-api', 'RoleName: {"Fn::Sub": "my-api'
    )
    found = checkout.only(functions)
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, "my-api"))


# private services


def test_private_service_on_a_public_endpoint_is_reported(checkout: CheckoutCopy) -> None:
    path = "apps/orders/delivery.yaml"
    checkout.replace(path, "Type: PRIVATE", "Type: REGIONAL")
    found = checkout.only(private)
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, "REGIONAL"))
    assert "orders is private, and its endpoint is REGIONAL" in found.what


@pytest.mark.parametrize("version", ["", '      OpenApiVersion: "3.0.1"\n'])
def test_api_with_a_second_stage_is_reported(checkout: CheckoutCopy, version: str) -> None:
    path = "apps/orders/delivery.yaml"
    checkout.replace(path, '      OpenApiVersion: "2.0"\n', version)
    found = checkout.only(one_stage)
    assert found.path == Path(path)
    assert found.what.startswith("SAM adds a stage that no web ACL protects")


def test_public_route_of_a_private_service_is_reported(checkout: CheckoutCopy) -> None:
    path = "apps/orders/app.py"
    checkout.replace(path, "@app.serves(api.LIST)", "@app.serves(api.LIST, authorizer=None)")
    found = checkout.only(private)
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, "authorizer=None"))


def test_private_service_with_a_public_app_is_reported(checkout: CheckoutCopy) -> None:
    path = "apps/orders/app.py"
    checkout.replace(
        path, 'ServiceApp("toyshop-orders", settings)', 'ServiceApp("o", settings, public=True)'
    )
    found = checkout.only(private)
    assert found.line == checkout.line_of(path, "public=True")
    assert "orders is private in its service.toml, and public in its app" in found.what


def test_api_that_another_role_may_call_is_reported(checkout: CheckoutCopy) -> None:
    path = "apps/orders/.chalice/callers-local.json"
    checkout.replace(path, "storefront-api-api-handler", "storefront-api-jwt-authorizer")
    found = checkout.only(configured)
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, "jwt-authorizer"))
    assert "run ./shop configure" in found.remedy


def test_outdated_missing_and_unused_generated_files_are_reported(checkout: CheckoutCopy) -> None:
    # GIVEN a permission that service.toml does not have, a policy that is missing, and one that
    # no function has
    directory = checkout.root / "apps/orders/.chalice"
    checkout.replace(POLICY, '"dynamodb:GetItem"', '"dynamodb:Scan"')
    line = checkout.line_of(POLICY, "Scan")
    (directory / "policy-backfill-local.json").rename(directory / "policy-refund-local.json")
    # WHEN they are compared with what ./shop configure would write THEN each is found
    assert [(finding.path.name, finding.line) for finding in checkout.findings(configured)] == [
        ("policy-api_handler-local.json", line),
        ("policy-backfill-local.json", 1),
        ("policy-refund-local.json", 1),
    ]


def test_manifest_that_cannot_be_rendered_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/orders/service.toml", '"table:orders"\n', '"table:toys"\n')
    found = checkout.only(configured)
    assert found.path == Path("apps/orders/service.toml")
    assert "`environment.TABLE_NAME` names toys, which is not in owns.tables" in found.what


def test_api_without_its_resource_policy_is_reported(checkout: CheckoutCopy) -> None:
    path = "apps/orders/.chalice/config.json"
    line = checkout.line_of(path, "api_gateway_policy_file")
    checkout.replace(path, "callers-local.json", "everyone.json")
    found = checkout.only(private)
    assert (found.path, found.line) == (Path(path), line)
