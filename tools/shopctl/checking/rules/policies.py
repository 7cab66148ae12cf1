"""Each policy allows existing actions, on the service's own resources, without a needless `*`.

Region and account may be `*`. Calls of other services are limited to the declared operations.
"""

import json
import re
from collections.abc import Iterator

from shopctl.checking import iam
from shopctl.checking.repository import Repository
from shopctl.checking.service_source import Policy, ServiceSource
from shopctl.project import yaml_lines
from shopctl.project.finding import Finding
from shopctl.project.yaml_lines import Block


def check(repository: Repository) -> Iterator[Finding]:
    """Yield statements that allow more than the service's own resources and declared calls."""
    for service in repository.services.values():
        for policy in service.policies:
            yield from _policy(repository, service, policy)


def _policy(repository: Repository, service: ServiceSource, policy: Policy) -> Iterator[Finding]:
    try:
        yaml_lines.read_json(policy.path)
    except json.JSONDecodeError as error:
        yield repository.finding(
            policy.path, error.lineno, f"This is not JSON: {error.msg}.", "Correct it."
        )
        return
    if not policy.statements:
        yield repository.finding(
            policy.path, 1, "The policy has no statements.", "Allow at least writing logs."
        )
    for number, statement in enumerate(policy.statements, 1):
        if statement.get("Effect") != "Allow" or {"NotAction", "NotResource"} & set(statement):
            yield repository.finding(
                policy.path,
                statement.line,
                f"The statement {iam.name_of(statement, number)} does not list what it allows.",
                "Use Effect Allow, Action and Resource; everything else is denied by default.",
            )
            continue
        yield from _actions(repository, policy, statement)
        yield from _resources(repository, service, policy, statement)


def _actions(repository: Repository, policy: Policy, statement: Block) -> Iterator[Finding]:
    for action in iam.as_list(statement.get("Action")):
        line = _line_of(policy, statement, action)
        if "*" in action or "?" in action:
            yield repository.finding(
                policy.path,
                line,
                f"{action} allows more than one action.",
                "List the actions that the function needs.",
            )
        elif iam.resource_types(action) is None:
            yield repository.finding(
                policy.path, line, f"AWS has no action {action}.", "Correct its name."
            )


def _resources(
    repository: Repository, service: ServiceSource, policy: Policy, statement: Block
) -> Iterator[Finding]:
    actions = [
        action
        for action in iam.as_list(statement.get("Action"))
        if "*" not in action and "?" not in action and iam.resource_types(action) is not None
    ]
    for resource in iam.as_list(statement.get("Resource")):
        line = _line_of(policy, statement, resource)
        if resource == "*":
            limited = [action for action in actions if iam.resource_types(action)]
            if limited:
                yield repository.finding(
                    policy.path,
                    line,
                    f"{limited[0]} is allowed on all resources, and AWS can limit it to some.",
                    "Name the resource.",
                )
        elif problem := _foreign(repository, service, policy, resource):
            yield repository.finding(policy.path, line, *problem)
        else:
            for action in actions:
                if action.split(":")[0] != resource.split(":")[2]:
                    yield repository.finding(
                        policy.path,
                        line,
                        f"{action} never applies to {resource}.",
                        "Move it to a statement of its own.",
                    )


def _foreign(
    repository: Repository, service: ServiceSource, policy: Policy, arn: str
) -> tuple[str, str] | None:
    """Return problem and remedy for a resource that the service must not use; else None."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return f"{arn} is not an ARN.", "Write arn:aws:<service>:<region>:<account>:<resource>."
    aws_service, resource = parts[2], parts[5]
    if iam.is_api(arn):
        return _undeclared_call(repository, service, policy, resource)
    allowed = iam.own_resources(service, policy, aws_service)
    if not allowed:
        return f"{service.name} owns nothing in {aws_service}.", "Remove the statement."
    if not any(re.fullmatch(pattern, resource) for pattern in allowed):
        return (
            f"{arn} is not a resource of {service.name}, or not its full name.",
            "Name a resource that its service.toml owns; use other services through their APIs.",
        )
    return None


def _undeclared_call(
    repository: Repository, service: ServiceSource, policy: Policy, resource: str
) -> tuple[str, str] | None:
    allowed = list(iam.matching_operations(repository, policy.stage, resource))
    if not allowed:
        return (
            f"{resource} matches no operation of any service.",
            "Write toyshop-<stage>-<service>/api/<method>/<path>.",
        )
    for callee, operation in allowed:
        if operation.name not in service.manifest.calls.get(callee.name, ()):
            return (
                f"{resource} allows {service.name} to call {operation.name} of {callee.name},"
                " which its service.toml does not declare.",
                f"Narrow the path, or declare the call in `calls.{callee.name}`.",
            )
    return None


def _line_of(policy: Policy, statement: Block, text: str) -> int:
    """Return the line of a string in a statement."""
    lines = policy.path.read_text(encoding="utf-8").splitlines()
    for number in range(statement.line, len(lines) + 1):
        if json.dumps(text) in lines[number - 1]:
            return number
    return statement.line
