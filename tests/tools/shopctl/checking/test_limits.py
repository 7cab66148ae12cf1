"""Time-outs that outlast their callers and functions that nothing holds back, planted and seen."""

from pathlib import Path

import pytest

from shopctl.checking.rules import limits
from support.checkout_copy import Copy

CONFIG = "apps/orders/.chalice/config.json"
PAYMENTS = "apps/payments/delivery.yaml"


def test_an_api_that_answers_after_the_gateway_has_given_up(copy: Copy) -> None:
    copy.replace(CONFIG, '"lambda_timeout": 28', '"lambda_timeout": 29')
    found = copy.only(limits)
    assert (found.path, found.line) == (Path(CONFIG), copy.line_of(CONFIG, "lambda_timeout"))
    assert found.what == "api_handler may take 29 s, and API Gateway waits 29 s."


def test_an_api_without_a_time_out_of_its_own(copy: Copy) -> None:
    copy.replace(CONFIG, '  "lambda_timeout": 28,\n', "")
    assert copy.only(limits).what == "api_handler may take 60 s, and API Gateway waits 29 s."


def test_an_authorizer_that_outlasts_the_gateway(copy: Copy) -> None:
    path = "apps/storefront_api/.chalice/config.json"
    copy.replace(path, '"lambda_timeout": 10', '"lambda_timeout": 30')
    found = copy.only(limits)
    assert (found.path, found.line) == (Path(path), copy.line_of(path, '"lambda_timeout": 30'))
    assert found.what.startswith("jwt_authorizer may take 30 s")


def test_tries_that_outlast_the_age_limit(copy: Copy) -> None:
    copy.replace(PAYMENTS, "MaximumEventAgeInSeconds: 3600", "MaximumEventAgeInSeconds: 150")
    found = copy.only(limits)
    assert found.what == "charge may take 60 s, and Lambda's queue of events waits 50 s."


def test_a_relay_that_outlasts_its_records(copy: Copy) -> None:
    path = "apps/orders/delivery.yaml"
    copy.replace(path, "MaximumRecordAgeInSeconds: 86400", "MaximumRecordAgeInSeconds: 20")
    assert "on_dynamodb_record may take 28 s, and its stream waits 20 s" in copy.only(limits).what


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
def test_a_function_that_nothing_holds_back(copy: Copy, old: str, new: str, function: str) -> None:
    copy.replace(PAYMENTS, old, new)
    found = copy.only(limits)
    assert found.path == Path(PAYMENTS)
    assert found.what.startswith(f"A flood of events would give {function} ")
    assert ("ScalingConfig" in found.remedy) == function.endswith("_retry")


def test_functions_that_leave_too_little_to_shoppers(copy: Copy) -> None:
    copy.replace(PAYMENTS, "ReservedConcurrentExecutions: 20", "ReservedConcurrentExecutions: 600")
    found = copy.only(limits)
    assert (found.path, found.line) == (Path(PAYMENTS), copy.line_of(PAYMENTS, ": 600"))
    assert "600 of them charge" in found.what
