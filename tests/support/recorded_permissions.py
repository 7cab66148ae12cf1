"""Compares the calls that an app's functions make to AWS with their policies.

The embedded AWS enforces IAM in ``tests/chain/iam``; moto does not. Here each call is
recorded with the function that made it, so that a path that only these tests take (a fault, a
race, a crash) is also compared with the policy of its function.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase
from functools import wraps
from typing import Any, NamedTuple

import moto.core  # noqa: F401 - a session created before this import would call AWS itself
import pytest
from chalice.app import EventSourceHandler

from chassis import aws
from chassis.api import ServiceApp
from chassis.aws_client import AwsClient
from support.function_policies import as_list, local_policies, local_role

ANY = "any loaded service"

# the permissions of operations with other names
ACTIONS = {
    "sns:PublishBatch": "sns:Publish",
    "s3:HeadObject": "s3:GetObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "sesv2:SendEmail": "ses:SendEmail",
}
# these calls are not signed and need no permission
UNSIGNED = {
    f"cognito-idp:{name}"
    for name in (
        "SignUp",
        "ConfirmSignUp",
        "ResendConfirmationCode",
        "ForgotPassword",
        "ConfirmForgotPassword",
        "InitiateAuth",
        "GetUser",
        "UpdateUserAttributes",
    )
}

_caller: ContextVar[tuple[str, str]] = ContextVar("caller", default=(ANY, ANY))


class Use(NamedTuple):
    """A call to AWS: the service and the function that made it, the action and the resource."""

    service: str
    function: str
    action: str
    resource: str


class Recorder:
    """Records the calls of an app under test."""

    def __init__(self) -> None:
        self.uses: list[Use] = []

    def record(self, service: str, name: str, params: Mapping[str, Any]) -> None:
        """Record a call.

        Parameters
        ----------
        service
            The service's name in botocore.
        name, params
            The operation and its parameters.
        """
        operation = f"{service}:{name}"
        if operation not in UNSIGNED:
            for action, each in _writes(params) or [(ACTIONS.get(operation, operation), params)]:
                self.uses.append(Use(*_caller.get(), action, _resource(operation, each)))

    def beyond(self, services: Iterable[str]) -> set[Use]:
        """Return the calls that the policies of their functions do not allow.

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


def _writes(params: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the action and the parameters of each write of a transaction or a batch."""
    if "Delete" in params:
        return [
            ("s3:DeleteObjectVersion", {"Bucket": params["Bucket"], "Key": each["Key"]})
            for each in params["Delete"]["Objects"]
        ]
    names = {"Put": "PutItem", "Delete": "DeleteItem", "Update": "UpdateItem"}
    return [
        (f"dynamodb:{names[kind]}", write)
        for item in params.get("TransactItems", ())
        for kind, write in item.items()
    ]


def _resource(operation: str, params: Mapping[str, Any]) -> str:
    """Return the ARN of the resource of a call, in the tests' region and account."""
    here = "us-east-1:000000000000"
    service = operation.partition(":")[0]
    if service == "dynamodb":
        # a batch has the table names as keys
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
        # moto generates the id of a pool
        return f"arn:aws:cognito-idp:{here}:userpool/us-east-1_ToyshopLo"
    raise AssertionError(f"{operation}: add its resource here")


# registered once, before the apps create clients, which copy the handlers
_current: list[Recorder] = []


def _record(params: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: Any) -> None:
    """Record a call that botocore is about to make; presigning alone is not a call."""
    if not context.get("is_presign_request"):
        for recorder in _current:
            recorder.record(model.service_model.service_name, model.name, params)


aws.session().register("provide-client-params", _record)
_call_aws = AwsClient._make_api_call


def _recorded_call(client: AwsClient, operation: str, params: Mapping[str, Any]) -> Any:
    if client.knows(operation):  # otherwise botocore makes the call
        for recorder in _current:
            recorder.record(client.service, operation, params)
    return _call_aws(client, operation, params)


AwsClient._make_api_call = _recorded_call  # type: ignore[method-assign]


@contextmanager
def recorded(patch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """Record the calls of all apps within the context."""
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
    # a function without an event source is wrapped once more
    written = getattr(handler.func, "_original_func", handler.func)
    # the tests import an app under the name of its service
    return written.__module__.removesuffix("_app"), written.__name__


def _entered(
    call: Callable[..., Any], name_of: Callable[[Any], tuple[str, str]]
) -> Callable[..., Any]:
    """Wrap a handler so that its calls are recorded under the name of its function."""

    @wraps(call)
    def entered(self: Any, event: Any, context: Any) -> Any:
        token = _caller.set(name_of(self))
        try:
            return call(self, event, context)
        finally:
            _caller.reset(token)

    return entered
