"""Spans of calls to AWS, after OpenTelemetry's semantic conventions for its SDKs."""

from collections.abc import Mapping
from typing import Any

from chassis import tracing
from chassis.tracing import CLIENT, Span

_NAMES = {
    "cognito-idp": "Cognito Identity Provider",
    "dynamodb": "DynamoDB",
    "s3": "S3",
    "secretsmanager": "Secrets Manager",
    "sesv2": "SESv2",
    "sns": "SNS",
    "sqs": "SQS",
}
_OUTCOMES = frozenset(
    {
        "ConditionalCheckFailedException",
        "NoSuchKey",
        "PreconditionFailed",
        "TransactionCanceledException",
        "304",
        "404",
        "412",
    }
)
"""Errors that callers expect: they are answers, not failures."""


def aws_span(service: str, operation: str, params: Mapping[str, Any]) -> Span:
    """Return the span of a call, to be entered.

    Parameters
    ----------
    service, operation
        The service's name in botocore, and the operation.
    params
        The parameters of the operation.
    """
    name = _NAMES.get(service, service)
    attributes: dict[str, Any] = {
        "rpc.system": "aws-api",
        "rpc.service": name,
        "rpc.method": operation,
    }
    if service == "dynamodb":
        tables = params.get("RequestItems") or (
            [params["TableName"]] if "TableName" in params else []
        )
        if tables:
            attributes["aws.dynamodb.table_names"] = list(tables)
    elif service == "s3":
        attributes["aws.s3.bucket"] = params.get("Bucket", "")
    elif destination := params.get("TopicArn") or params.get("QueueUrl"):
        attributes["messaging.destination.name"] = name_of(destination)
    return tracing.span(f"{name}.{operation}", CLIENT, attributes)


def refuse(span: Span, service: str, code: str, message: str = "") -> None:
    """Record that AWS answered a call with an error.

    Parameters
    ----------
    span
        The span of the call.
    service
        The service's name in botocore.
    code, message
        The error.
    """
    if code in _OUTCOMES or service == "cognito-idp":
        span.attributes["error.type"] = code
    else:
        span.fail(code, message)


def name_of(resource: str) -> str:
    """Return the name of a topic, queue or table, given its ARN or URL."""
    return resource.rpartition("/")[2].rpartition(":")[2]
