"""Timeouts longer than those of the callers, and functions without a concurrency limit."""

from pathlib import Path

import pytest

from shopctl.checking.rules import limits
from support.checkout_copy import CheckoutCopy

CONFIG = "apps/orders/.chalice/config.json"
PAYMENTS = "apps/payments/delivery.yaml"


def test_api_with_a_longer_timeout_than_the_gateway_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(CONFIG, '"lambda_timeout": 28', '"lambda_timeout": 29')
    found = checkout.only(limits)
    assert (found.path, found.line) == (Path(CONFIG), checkout.line_of(CONFIG, "lambda_timeout"))
    assert found.what == "api_handler may take 29 s, and API Gateway waits 29 s."


def test_api_with_chalices_default_timeout_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(CONFIG, '  "lambda_timeout": 28,\n', "")
    assert checkout.only(limits).what == "api_handler may take 60 s, and API Gateway waits 29 s."


def test_authorizer_with_a_longer_timeout_than_the_gateway_is_reported(
    checkout: CheckoutCopy,
) -> None:
    path = "apps/storefront_api/.chalice/config.json"
    checkout.replace(path, '"lambda_timeout": 10', '"lambda_timeout": 30')
    found = checkout.only(limits)
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, '"lambda_timeout": 30'))
    assert found.what.startswith("jwt_authorizer may take 30 s")


def test_attempts_longer_than_the_maximum_event_age_are_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(PAYMENTS, "MaximumEventAgeInSeconds: 3600", "MaximumEventAgeInSeconds: 150")
    found = checkout.only(limits)
    assert found.what == "charge may take 60 s, and Lambda's event queue waits 50 s."


def test_relay_with_a_longer_timeout_than_its_records_is_reported(checkout: CheckoutCopy) -> None:
    path = "apps/orders/delivery.yaml"
    checkout.replace(path, "MaximumRecordAgeInSeconds: 72000", "MaximumRecordAgeInSeconds: 20")
    assert (
        "on_dynamodb_record may take 28 s, and its stream waits 20 s" in checkout.only(limits).what
    )


@pytest.mark.parametrize(
    ("old", "new", "function"),
    [
        ("      ReservedConcurrentExecutions: 20\n", "", "charge"),
        ("ReservedConcurrentExecutions: 20", "ReservedConcurrentExecutions: 0", "charge"),
        ("      ReservedConcurrentExecutions: 10\n", "", "on_dynamodb_record"),
        ("            ScalingConfig: {MaximumConcurrency: 5}\n", "", "charge_retry"),
        ("MaximumConcurrency: 5", "MaximumConcurrency: 1", "charge_retry"),
    ],
)
def test_function_without_a_concurrency_limit_is_reported(
    checkout: CheckoutCopy, old: str, new: str, function: str
) -> None:
    checkout.replace(PAYMENTS, old, new)
    found = checkout.only(limits)
    assert found.path == Path(PAYMENTS)
    assert found.what.startswith(f"A burst of events would give {function} ")
    assert ("ScalingConfig" in found.remedy) == function.endswith("_retry")


def test_concurrency_limits_that_leave_too_little_for_shoppers_are_reported(
    checkout: CheckoutCopy,
) -> None:
    checkout.replace(
        PAYMENTS, "ReservedConcurrentExecutions: 20", "ReservedConcurrentExecutions: 600"
    )
    found = checkout.only(limits)
    assert (found.path, found.line) == (Path(PAYMENTS), checkout.line_of(PAYMENTS, ": 600"))
    assert "600 of them charge" in found.what
