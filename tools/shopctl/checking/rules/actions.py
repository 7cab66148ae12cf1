"""Each function's policy allows the actions that its code may use, and no others.

The interpreter (``reach``) derives the actions from the code; the function's trigger and failure
destination add those that Lambda itself uses. Which *resource* an action is used on is only known
when the code runs: the tests that record calls check that.
"""

from collections.abc import Iterator

from shopctl.checking import iam
from shopctl.checking.reach.interpreter import Interpreter
from shopctl.checking.reach.uses import Use
from shopctl.checking.repository import Repository
from shopctl.checking.service_source import LambdaFunction, Policy, ServiceSource
from shopctl.project.finding import Finding
from shopctl.project.yaml_lines import line_containing

_TELEMETRY = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
# actions that Lambda uses with the function's role, by trigger
_BY_LAMBDA = {
    "stream": {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    },
    "queue": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
}
# names of AWS services that IAM spells differently from botocore
_IAM_NAMES = {"sesv2": "ses"}
# operations whose action has another name
_ACTIONS: dict[tuple[str, str], set[str]] = {
    ("sns", "publish_batch"): {"sns:Publish"},
    ("s3", "head_object"): {"s3:GetObject"},
    ("s3", "list_object_versions"): {"s3:ListBucketVersions"},
    # with the ids of versions
    ("s3", "delete_objects"): {"s3:DeleteObjectVersion"},
    ("s3", "generate_presigned_post"): {"s3:PutObject"},
    # raw messages need the second action, which depends on the arguments
    ("sesv2", "send_email"): {"ses:SendEmail", "ses:SendRawEmail"},
    # requests that are not signed
    ("cognito-idp", "sign_up"): set(),
    ("cognito-idp", "confirm_sign_up"): set(),
    ("cognito-idp", "resend_confirmation_code"): set(),
    ("cognito-idp", "forgot_password"): set(),
    ("cognito-idp", "confirm_forgot_password"): set(),
    ("cognito-idp", "initiate_auth"): set(),
    ("cognito-idp", "get_user"): set(),
    ("cognito-idp", "update_user_attributes"): set(),
}
# allowed together with another action: without it, S3 answers 403 for a missing object
_TOGETHER = {"s3:ListBucket": "s3:GetObject"}


def check(repository: Repository) -> Iterator[Finding]:
    """Yield actions and calls that a policy allows without need, or does not allow."""
    for service in repository.services.values():
        interpreter = Interpreter(service.entry, (*service.modules, *repository.chassis))
        for function in service.functions:
            uses = interpreter.uses(function.handlers)
            for policy in service.policies:
                if policy.function == function.name:
                    yield from _actions(repository, service, function, policy, uses)
                    yield from _calls(repository, function, policy, uses)


def _actions(
    repository: Repository,
    service: ServiceSource,
    function: LambdaFunction,
    policy: Policy,
    uses: set[Use],
) -> Iterator[Finding]:
    allowed = set(iam.actions(policy))
    needed: dict[str, Use | None] = dict.fromkeys(
        _TELEMETRY | _BY_LAMBDA.get(function.trigger, set()) | _of_destination(service, function)
    )
    for use in uses:
        for action in _actions_of(use):
            needed[action] = use
    for action in sorted(set(needed) - allowed):
        use_ = needed[action]
        place = (use_.module.path, use_.line) if use_ else (policy.path, 1)
        yield repository.finding(
            *place,
            f"{function.name} needs {action} here, which {policy.path.name} does not allow."
            if use_
            else f"Lambda needs {action} to run {function.name}, which is not allowed.",
            "Add it in service.toml for the resource that it is used on.",
        )
    for action in sorted(allowed - set(needed) - {iam.INVOKE_API}):
        if _TOGETHER.get(action) not in needed:
            yield repository.finding(
                policy.path,
                line_containing(policy.path, f'"{action}"'),
                f"{function.name} is allowed {action}, which its code never uses.",
                "Remove it from service.toml.",
            )


def _actions_of(use: Use) -> set[str]:
    """Return the IAM actions that a call needs."""
    if use.is_downstream:
        return {iam.INVOKE_API}
    if (use.service, use.operation) in _ACTIONS:
        return _ACTIONS[use.service, use.operation]
    name = use.operation
    if "_" in name or name.islower():
        name = "".join(part.capitalize() for part in name.split("_"))
    return {f"{_IAM_NAMES.get(use.service, use.service)}:{name}"}


def _of_destination(service: ServiceSource, function: LambdaFunction) -> set[str]:
    """Return the action that Lambda needs to send to the failure destination."""
    path = ("Resources", function.logical_id, "Properties", "EventInvokeConfig")
    if function.trigger == "stream" or service.delivery.at(*path, "DestinationConfig"):
        return {"sqs:SendMessage"}
    return set()


def _calls(
    repository: Repository, function: LambdaFunction, policy: Policy, uses: set[Use]
) -> Iterator[Finding]:
    made = {
        (use.service, repository.operations[use.operation].name): use
        for use in uses
        if use.is_downstream and use.operation in repository.operations
    }
    allowed = {
        (callee.name, operation.name): arn
        for arn, callee, operation in iam.allowed_operations(repository, policy)
    }
    for service, operation in sorted(set(made) - set(allowed)):
        use = made[service, operation]
        yield repository.finding(
            use.module.path,
            use.line,
            f"{function.name} calls {operation} of {service} here, which {policy.path.name} does"
            " not allow.",
            "Add the operation's path to the function's permissions in service.toml.",
        )
    for service, operation in sorted(set(allowed) - set(made)):
        yield repository.finding(
            policy.path,
            line_containing(policy.path, allowed[service, operation]),
            f"{function.name} is allowed to call {operation} of {service}, which its code never"
            " does.",
            "Remove it from service.toml, or narrow the path.",
        )
