"""Spans of calls to AWS, after OpenTelemetry's semantic conventions for its SDKs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from chassis import tracing
from chassis.otlp import CLIENT

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


@contextmanager
def aws_span(service: str, operation: str, params: Mapping[str, Any]) -> Iterator[None]:
    """Enter the span of a call, and record the error that AWS answers.

    Parameters
    ----------
    service, operation
        The service's name in botocore, and the operation.
    params
        The parameters of the operation.
    """
    with tracing.span(*_described(service, operation, params)) as span:
        try:
            yield
        except Exception as error:
            # an error without an answer has None
            answer: dict[str, Any] = getattr(error, "response", None) or {}
            code = answer.get("Error", {}).get("Code", "")
            if code in _OUTCOMES or (code and service == "cognito-idp"):
                span.attributes["error.type"] = code
            else:
                span.fail(code or type(error).__name__, str(error))
            raise


def _described(
    service: str, operation: str, params: Mapping[str, Any]
) -> tuple[str, int, dict[str, Any]]:
    """Return the name, kind and attributes of the span of a call."""
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
    return f"{name}.{operation}", CLIENT, attributes


def name_of(resource: str) -> str:
    """Return the name of a topic, queue or table, given its ARN or URL."""
    return resource.rpartition("/")[2].rpartition(":")[2]
