"""Names of AWS resources for both ways of deploying."""

import msgspec
import pytest

from shopctl.project import aws_names
from shopctl.project.stages import Stage
from support.sample_stages import PROD

CHALICE = msgspec.structs.replace(PROD, mode="chalice", gradual_release=None)


@pytest.mark.parametrize(
    ("stage", "service", "function", "name", "role"),
    [
        (PROD, "orders", "api_handler", "toyshop-prod-orders-api-handler", None),
        (PROD, "file_manager", "on-s3-event", "toyshop-prod-file-manager-on-s3-event", None),
        (
            CHALICE,
            "orders",
            "api_handler",
            "toyshop-orders-prod",
            "toyshop-orders-prod-api_handler",
        ),
        (CHALICE, "file-manager", "on-s3-event", "toyshop-file-manager-prod-on_s3_event", None),
    ],
)
def test_function_and_role_have_fixed_names(
    stage: Stage, service: str, function: str, name: str, role: str | None
) -> None:
    assert aws_names.function(stage, service, function) == name
    assert aws_names.role(stage, service, function) == (role or name)


def test_api_of_a_chalice_stage_has_the_name_of_the_app() -> None:
    assert aws_names.api(PROD, "file_manager") == "toyshop-prod-file-manager"
    assert aws_names.api(CHALICE, "file_manager") == "toyshop-file-manager"


def test_urls_are_those_of_aws_or_of_the_embedded_aws() -> None:
    embedded = msgspec.structs.replace(PROD, aws="http://127.0.0.1:1")
    queue = "222222222222/toyshop-prod-orders-retry"
    assert aws_names.queue_url(PROD, "orders-retry") == (
        f"https://sqs.ap-southeast-2.amazonaws.com/{queue}"
    )
    assert aws_names.queue_url(embedded, "orders-retry") == f"http://127.0.0.1:1/{queue}"
    assert aws_names.api_url(PROD, "id") == (
        "https://id.execute-api.ap-southeast-2.amazonaws.com/api"
    )
    assert aws_names.api_url(embedded, "id") == (
        "http://127.0.0.1:1/restapis/id/api/_user_request_"
    )


def test_logical_ids_are_those_of_chalices_templates() -> None:
    assert aws_names.logical_id("api_handler") == "APIHandler"
    assert aws_names.role_logical_id("api_handler") == "ApiHandlerRole"
    assert aws_names.logical_id("on_dynamodb_record") == "OnDynamodbRecord"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("toyshop-${Stage}-orders", "orders"),
        ({"Fn::Sub": "arn:aws:sqs:r:a:toyshop-${Stage}-orders-retry"}, "orders-retry"),
        ({"Fn::Sub": "toyshop-${Stage}-file-manager-public${BucketSuffix}"}, "file-manager-public"),
        ("orders", None),
        ({"Ref": "Table"}, None),
    ],
)
def test_short_name_of_a_template_value(value: object, name: str | None) -> None:
    assert aws_names.short(value) == name
