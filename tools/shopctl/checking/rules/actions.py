"""Each function's policy allows the actions that its code reaches, and no others.

Statically: the reach of a handler (``reach.py``) is what its code may do, and its trigger and
failure destination add what Lambda itself does in its name. Which *resource* an action meets is
seen when the code runs: the tests that trace the calls made say that.
"""

from collections.abc import Iterator

from shopctl.checking.reach.interpreter import Interpreter
from shopctl.checking.reach.uses import Use
from shopctl.checking.repository import App, Function, Policy, Repository
from shopctl.checking.rules.policies import listed, reached_operations
from shopctl.project.finding import Finding
from shopctl.project.yaml_lines import line_containing

_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
# what Lambda does with the function's role, by trigger
_LAMBDA = {
    "stream": {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    },
    "queue": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
}
_PREFIX = {"sesv2": "ses"}
# operations whose action has another name
_ACTIONS: dict[tuple[str, str], set[str]] = {
    ("sns", "publish_batch"): {"sns:Publish"},
    ("s3", "head_object"): {"s3:GetObject"},
    ("s3", "generate_presigned_post"): {"s3:PutObject"},
    # a raw message needs the second, and which one it is depends on the arguments
    ("sesv2", "send_email"): {"ses:SendEmail", "ses:SendRawEmail"},
    # these are for anyone: they are not signed
    ("cognito-idp", "sign_up"): set(),
    ("cognito-idp", "confirm_sign_up"): set(),
    ("cognito-idp", "initiate_auth"): set(),
    ("cognito-idp", "get_user"): set(),
}
# without it S3 answers 403 for an object that is missing
_MAY_COME_ALONG = {"s3:ListBucket": "s3:GetObject"}
_CALL = "execute-api:Invoke"


def check(repository: Repository) -> Iterator[Finding]:
    """Yield actions and calls that a policy allows in vain, or does not allow."""
    for app in repository.apps.values():
        interpreter = Interpreter(app.entry, (*app.modules, *repository.chassis))
        for function in app.functions:
            uses = interpreter.uses(function.handlers)
            for policy in app.policies:
                if policy.function == function.name:
                    yield from _actions(repository, app, function, policy, uses)
                    yield from _calls(repository, function, policy, uses)


def _actions(
    repository: Repository, app: App, function: Function, policy: Policy, uses: set[Use]
) -> Iterator[Finding]:
    allowed = {
        action for statement in policy.statements for action in listed(statement.get("Action"))
    }
    needed: dict[str, Use | None] = dict.fromkeys(
        _LOGS | _LAMBDA.get(function.trigger, set()) | _of_destination(app, function)
    )
    for use in uses:
        for action in _actions_of(use):
            needed[action] = use
    for action in sorted(set(needed) - allowed):
        reason = needed[action]
        place = (reason.module.path, reason.line) if reason else (policy.path, 1)
        yield repository.finding(
            *place,
            f"{function.name} needs {action} here, which {policy.path.name} does not allow."
            if reason
            else f"Lambda needs {action} to run {function.name}, which is not allowed.",
            "Add it, for the one resource that it is about.",
        )
    for action in sorted(allowed - set(needed) - {_CALL}):
        if _MAY_COME_ALONG.get(action) in needed:
            continue
        yield repository.finding(
            policy.path,
            line_containing(policy.path, f'"{action}"'),
            f"{function.name} may {action}, and no code that it reaches does.",
            "Take it out.",
        )


def _actions_of(use: Use) -> set[str]:
    if use.is_downstream:
        return {_CALL}
    if (use.service, use.operation) in _ACTIONS:
        return _ACTIONS[use.service, use.operation]
    name = use.operation
    if "_" in name or name.islower():
        name = "".join(part.capitalize() for part in name.split("_"))
    return {f"{_PREFIX.get(use.service, use.service)}:{name}"}


def _of_destination(app: App, function: Function) -> set[str]:
    path = ("Resources", function.logical_id, "Properties", "EventInvokeConfig")
    if function.trigger == "stream" or app.delivery.at(*path, "DestinationConfig"):
        return {"sqs:SendMessage"}
    return set()


def _calls(
    repository: Repository, function: Function, policy: Policy, uses: set[Use]
) -> Iterator[Finding]:
    made: dict[tuple[str, str], Use] = {}
    for use in uses:
        if use.is_downstream and use.operation in repository.operations:
            made[use.service, repository.operations[use.operation].name] = use
    allowed: dict[tuple[str, str], str] = {}
    for statement in policy.statements:
        for arn in listed(statement.get("Resource")):
            if arn.startswith("arn:aws:execute-api:"):
                for callee, operation in reached_operations(
                    repository, policy.stage, arn.split(":", 5)[5]
                ):
                    allowed[callee.name, operation.name] = arn
    for key in sorted(set(made) - set(allowed)):
        use = made[key]
        yield repository.finding(
            use.module.path,
            use.line,
            f"{function.name} calls {key[1]} of {key[0]} here, which {policy.path.name} does not"
            " allow.",
            "Add the operation's path to its execute-api:Invoke.",
        )
    for key in sorted(set(allowed) - set(made)):
        yield repository.finding(
            policy.path,
            line_containing(policy.path, allowed[key]),
            f"{function.name} may call {key[1]} of {key[0]}, and no code that it reaches does.",
            "Take it out, or narrow the path.",
        )
