"""Spans of calls to AWS: their names, what they were called on, and which errors are failures."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chassis import tracing
from chassis.aws_spans import aws_span, name_of
from support.exported import ExportedSpan, Spans


def called(spans: Spans, service: str, operation: str, **params: Any) -> ExportedSpan:
    with (
        tracing.hop("work", tracing.SERVER, {}, budget=5),
        aws_span(service, operation, params),
    ):
        pass
    return spans()[-1]


@pytest.mark.parametrize(
    ("service", "operation", "params", "name", "expected"),
    [
        ("dynamodb", "PutItem", {"TableName": "t"}, "DynamoDB.PutItem",
         {"aws.dynamodb.table_names": ["t"]}),
        ("dynamodb", "BatchGetItem", {"RequestItems": {"t": {}, "u": {}}}, "DynamoDB.BatchGetItem",
         {"aws.dynamodb.table_names": ["t", "u"]}),
        ("dynamodb", "TransactWriteItems", {}, "DynamoDB.TransactWriteItems", {}),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k"}, "S3.PutObject", {"aws.s3.bucket": "b"}),
        ("sns", "PublishBatch", {"TopicArn": "arn:aws:sns:us-east-1:0:orders"}, "SNS.PublishBatch",
         {"messaging.destination.name": "orders"}),
        ("sqs", "SendMessage", {"QueueUrl": "http://127.0.0.1:4566/0/retry"}, "SQS.SendMessage",
         {"messaging.destination.name": "retry"}),
        ("sesv2", "SendEmail", {"Destination": {"ToAddresses": ["jo@toyshop.example"]}},
         "SESv2.SendEmail", {}),
    ],
)  # fmt: skip
def test_a_call_is_named_and_says_what_it_is_made_on(
    spans: Spans,
    service: str,
    operation: str,
    params: dict[str, Any],
    name: str,
    expected: dict[str, Any],
) -> None:
    span = called(spans, service, operation, **params)
    assert (span.name, span.kind, span.error) == (name, "CLIENT", None)
    rpc = {"rpc.system": "aws-api", "rpc.service": name.split(".")[0], "rpc.method": operation}
    assert span.attributes == rpc | expected


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")


@pytest.mark.parametrize(
    ("service", "error", "error_type", "is_failure"),
    [
        ("dynamodb", refused("ConditionalCheckFailedException"), "ConditionalCheckFailedException",
         False),
        ("dynamodb", refused("ThrottlingException"), "ThrottlingException", True),
        ("s3", refused("NoSuchKey"), "NoSuchKey", False),
        ("s3", refused("AccessDenied"), "AccessDenied", True),
        ("cognito-idp", refused("NotAuthorizedException"), "NotAuthorizedException", False),
        ("sqs", ReadTimeoutError(endpoint_url="http://sqs"), "ReadTimeoutError", True),
        ("cognito-idp", ReadTimeoutError(endpoint_url="http://idp"), "ReadTimeoutError", True),
    ],
)  # fmt: skip
def test_an_error_is_a_failure_unless_callers_expect_it(
    spans: Spans, service: str, error: Exception, error_type: str, is_failure: bool
) -> None:
    with (
        tracing.hop("work", tracing.SERVER, {}, budget=5),
        pytest.raises(type(error)),
        aws_span(service, "Operation", {}),
    ):
        raise error
    span = spans()[-1]
    assert span.attributes["error.type"] == error_type
    assert bool(span.error) is is_failure


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("arn:aws:sns:us-east-1:000000000000:orders-events", "orders-events"),
        ("https://sqs.us-east-1.amazonaws.com/0/retry", "retry"),
        ("", ""),
    ],
)
def test_a_resource_is_named(resource: str, name: str) -> None:
    assert name_of(resource) == name
