"""What an app's functions ask of AWS, held against their own policies while they run.

The embedded AWS enforces IAM in ``tests/iam``; moto does not. Here each call that botocore makes
for the app is noted with the function that made it, so that a path which only these tests take
(a fault, a race, a crash) is held against the policy of its function too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase
from functools import wraps
from typing import Any, NamedTuple

import moto.core  # noqa: F401 - a session that is made before it reaches AWS itself
import pytest
from chalice.app import EventSourceHandler

from chassis import aws
from chassis.api import ServiceApp
from support.function_policies import as_list, local_policies, local_role

ANY = "any that is loaded"

# how IAM calls what an operation of another name needs
ACTIONS = {
    "sns:PublishBatch": "sns:Publish",
    "s3:HeadObject": "s3:GetObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "sesv2:SendEmail": "ses:SendEmail",
}
# anyone may: these calls are not signed
UNSIGNED = {
    f"cognito-idp:{name}" for name in ("SignUp", "ConfirmSignUp", "InitiateAuth", "GetUser")
}

_caller: ContextVar[tuple[str, str]] = ContextVar("caller", default=(ANY, ANY))


class Use(NamedTuple):
    """A call of AWS: the service and the function that made it, the action, the resource."""

    service: str
    function: str
    action: str
    resource: str


class Recorder:
    """Notes what is called while an app is under test."""

    def __init__(self) -> None:
        self.uses: list[Use] = []

    def note(
        self, params: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: Any
    ) -> None:
        """Take down a call, as botocore is about to make it; what is only signed is none."""
        operation = f"{model.service_model.service_name}:{model.name}"
        if operation not in UNSIGNED and not context.get("is_presign_request"):
            action = ACTIONS.get(operation, operation)
            self.uses.append(Use(*_caller.get(), action, _resource(operation, params)))

    def beyond(self, services: Iterable[str]) -> set[Use]:
        """Return the calls that the policy of their function does not allow.

        Parameters
        ----------
        services
            Those that were loaded; a call outside of any function may be any of theirs.
        """
        granted = {
            role: list(_granted(policy))
            for service in services
            for role, policy in local_policies(service).items()
        }
        return {use for use in self.uses if not _is_allowed(use, granted)}


def _is_allowed(use: Use, granted: Mapping[str, list[tuple[str, str]]]) -> bool:
    role = local_role(use.service, use.function)
    roles = granted if use.function == ANY else [role]
    return any(
        fnmatchcase(use.action, action) and fnmatchcase(use.resource, resource)
        for role in roles
        for action, resource in granted[role]
    )


def _granted(policy: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for statement in policy["Statement"]:
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                yield action, resource


def _resource(operation: str, params: Mapping[str, Any]) -> str:
    """Return the ARN that IAM holds a call to, with region and account as the tests have them."""
    here = "us-east-1:000000000000"
    service = operation.partition(":")[0]
    if service == "dynamodb":
        # a batch names its tables as keys
        table = params.get("TableName") or next(iter(params["RequestItems"]))
        index = f"/index/{params['IndexName']}" if params.get("IndexName") else ""
        return f"arn:aws:dynamodb:{here}:table/{table}{index}"
    if service == "sns":
        return str(params["TopicArn"])
    if service == "sqs":
        return f"arn:aws:sqs:{here}:{params['QueueUrl'].rpartition('/')[2]}"
    if service == "secretsmanager":
        return f"arn:aws:secretsmanager:{here}:secret:{params['SecretId']}-abcdef"
    if service == "s3":
        key = f"/{params['Key']}" if "Key" in params else ""
        return f"arn:aws:s3:::{params['Bucket']}{key}"
    if service == "sesv2":
        sender = params["FromEmailAddress"].rpartition("@")[2].rstrip(">")
        return f"arn:aws:ses:{here}:identity/{sender}"
    if service == "cognito-idp":
        # moto gives a pool an id of its own
        return f"arn:aws:cognito-idp:{here}:userpool/us-east-1_ToyshopLo"
    raise AssertionError(f"{operation}: say here which resource it is held to")


# once, before the apps make their clients: a client keeps the handlers that were there
_current: list[Recorder] = []


def _note(**call: Any) -> None:
    for recorder in _current:
        recorder.note(**call)


aws.session().register("provide-client-params", _note)


@contextmanager
def recorded(patch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """Note the calls of whichever app runs meanwhile."""
    for kind, name_of in ((ServiceApp, _api), (EventSourceHandler, _function)):
        patch.setattr(kind, "__call__", _entered(kind.__call__, name_of))
    recorder = Recorder()
    _current.append(recorder)
    try:
        yield recorder
    finally:
        _current.remove(recorder)


def _api(app: Any) -> tuple[str, str]:
    return app.app_name.removeprefix("toyshop-").replace("-", "_"), "api_handler"


def _function(handler: Any) -> tuple[str, str]:
    # a function that is invoked by nothing but a person is wrapped once more
    written = getattr(handler.func, "_original_func", handler.func)
    # the tests load an app under the name of its service
    return written.__module__.removesuffix("_app"), written.__name__


def _entered(
    call: Callable[..., Any], name_of: Callable[[Any], tuple[str, str]]
) -> Callable[..., Any]:
    """Wrap a handler so that what it calls is known as its function's."""

    @wraps(call)
    def entered(self: Any, event: Any, context: Any) -> Any:
        token = _caller.set(name_of(self))
        try:
            return call(self, event, context)
        finally:
            _caller.reset(token)

    return entered
