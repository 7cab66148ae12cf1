"""Creates, updates, deletes and describes CloudFormation stacks, on AWS and on the embedded one."""

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from botocore.exceptions import ClientError

from shopctl.aws import artifact_bucket, dynamic_references
from shopctl.aws.clients import Cloud
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem

Outcome = Literal["created", "updated", "unchanged"]
_DIGEST_TAG = "toyshop:digest"
_INLINE_TEMPLATE_LIMIT = 51_200
_TIMEOUT_SECONDS = 1_800
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
# a stack without resources, whose first change set waits to be executed
_IN_REVIEW = "REVIEW_IN_PROGRESS"
# a stack in such a state can only be deleted
_UNUSABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", _IN_REVIEW)
_RETAINING = ("Retain", "RetainExceptOnCreate")
# remedies for failures that no change of a template fixes
_REMEDIES = (
    (
        r"limit ?exceeded|exceeds? the limit|maximum number|quota|TooMany",
        "Request a higher limit from Service Quotas, or delete what is no longer used,",
    ),
    (
        r"AccessDenied|not authorized|UnauthorizedOperation",
        "Use credentials with the missing permission",
    ),
    (
        r"already exists",
        "Delete what has this name already, if nothing uses it,",
    ),
    (r"account must be verified", "Ask AWS Support to verify the account"),
)
# properties that protect a resource from deletion, and their values without protection
_UNPROTECTED = {"DeletionProtection": "INACTIVE", "DeletionProtectionEnabled": False}


@dataclass(frozen=True)
class Template:
    """A stack to deploy.

    Attributes
    ----------
    name
        Name of the stack.
    body
        The template as JSON.
    parameters
        Values of the parameters that the template declares.
    sent
        The body with the present values of its dynamic references, as CloudFormation gets it.
    source
        The files that define it, for the message of a failure.
    """

    name: str
    body: str
    parameters: Sequence[Mapping[str, str]]
    sent: str
    source: str = "the service's resources.yaml, delivery.yaml or service.toml"

    @property
    def release(self) -> str:
        """Hash of the template and its parameters, whatever its references stand for."""
        return _hash(f"{self.body}\0{json.dumps(self.parameters)}")

    @property
    def digest(self) -> str:
        """The release and a hash of what is sent; a deployed stack has it as a tag."""
        return f"{self.release}.{_hash(self.sent)}"


def template(
    cloud: Cloud, name: str, body: str, values: Sequence[Mapping[str, str]] | None = None
) -> Template:
    """Return a stack to deploy, with its dynamic references pinned to the current values.

    Parameters
    ----------
    values
        Values of its parameters; those of the stage by default.
    """
    if values is None:
        values = parameters(cloud, body)
    return Template(name, body, values, dynamic_references.pinned(cloud, body, values))


def parameters(cloud: Cloud, body: str) -> list[dict[str, str]]:
    """Return the stage's values of the parameters that a template declares."""
    declared = json.loads(body).get("Parameters", {})
    values = {"Stage": cloud.stage, **cloud.parameters}
    return [
        {"ParameterKey": name, "ParameterValue": values[name]}
        for name in sorted(declared)
        if name in values
    ]


def deploy(cloud: Cloud, template: Template, bucket: str) -> tuple[str, Outcome]:
    """Create or update a stack.

    Parameters
    ----------
    bucket
        Bucket for a template that is too large to be sent inline.

    Returns
    -------
    tuple
        The stack's name and what was done.

    Raises
    ------
    ShopProblem
        If it fails; the message names the resource and the reason.
    """
    stack = describe(cloud, template.name)
    if stack and _is_changing(stack):
        # started by a command that was interrupted
        _wait(cloud, stack["StackId"])
        stack = describe(cloud, template.name)
    outcome = predicted_outcome(stack, template)
    if outcome == "unchanged":
        return template.name, outcome
    if outcome == "updated":
        return template.name, outcome if _send(cloud, template, bucket) else "unchanged"
    if stack:
        delete(cloud, template.name)
    created = _unprotected(template)
    _send(cloud, created, bucket, create=True)
    if created != template:
        _send(cloud, template, bucket)
    return template.name, outcome


def _unprotected(template: Template) -> Template:
    """Return a template without deletion protection, for the creation of its stack.

    CloudFormation could not roll back a creation that fails: it deletes what it has created.
    """
    body = json.loads(template.sent)
    found = [
        (properties, name)
        for resource in body["Resources"].values()
        for properties in [resource.get("Properties", {})]
        for name in _UNPROTECTED.keys() & properties.keys()
    ]
    for properties, name in found:
        properties[name] = _UNPROTECTED[name]
    return replace(template, sent=json.dumps(body)) if found else template


def _send(cloud: Cloud, template: Template, bucket: str, *, create: bool = False) -> bool:
    """Create or update a stack and wait; return whether CloudFormation had anything to do.

    Raises
    ------
    ShopProblem
        If it fails; the message names the resource and the reason.
    """
    client = cloud.client("cloudformation")
    start = client.create_stack if create else client.update_stack
    try:
        started = start(
            StackName=template.name,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            Tags=[
                {"Key": _DIGEST_TAG, "Value": template.digest},
                {"Key": "toyshop:stage", "Value": cloud.stage},
                *_api_id_tag(cloud, template.name),
            ],
            Parameters=template.parameters,
            **_body(cloud, template, bucket),
        )
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "No updates are to be performed" in message:
            return False
        raise _failure(template, _explained(cloud, template.name, message)) from None
    status = _wait(cloud, started["StackId"])
    if status not in _GOOD:
        raise _failure(template, _reason(cloud, started["StackId"]) or status)
    return True


def predicted_outcome(stack: Mapping[str, Any] | None, template: Template) -> Outcome:
    """Return what deploying a template would do to a stack as it is now."""
    if stack is None or stack["StackStatus"] in _UNUSABLE:
        return "created"
    if stack["StackStatus"] in _GOOD and digest_of(stack) == template.digest:
        return "unchanged"
    return "updated"


def digest_of(stack: Mapping[str, Any]) -> str:
    """Return the digest of the template that a stack was deployed from."""
    tags = {tag["Key"]: str(tag["Value"]) for tag in stack.get("Tags", [])}
    return tags.get(_DIGEST_TAG, "")


def release_of(stack: Mapping[str, Any]) -> str:
    """Return the release that a stack was deployed from, whatever its references stood for."""
    return digest_of(stack).partition(".")[0]


def delete(cloud: Cloud, name: str) -> bool:
    """Delete a stack.

    Returns
    -------
    bool
        Whether it existed.

    Raises
    ------
    ShopProblem
        If it cannot be deleted; the message names the resource and the reason.
    """
    stack = describe(cloud, name)
    if stack is None:
        return False
    cloud.client("cloudformation").delete_stack(StackName=name)
    status = _wait(cloud, stack["StackId"])
    if status != "DELETE_COMPLETE":
        raise ShopProblem(
            f"The stack {name} cannot be deleted: {_reason(cloud, stack['StackId']) or status}.",
            "Remove the cause and run the command again.",
        )
    return True


def retains(cloud: Cloud, name: str) -> bool:
    """Return whether the deletion of a stack, if there is one, would leave any of its resources."""
    stack = describe(cloud, name)
    if stack is None or stack["StackStatus"] in _UNUSABLE:
        return False
    declared = template_of(cloud, name)["Resources"].values()
    return any(resource.get("DeletionPolicy") in _RETAINING for resource in declared)


def remaining(cloud: Cloud, stack_id: str) -> list[str]:
    """Return the type and id of each resource that a deleted stack left."""
    return [
        f"{found['ResourceType']} {found.get('PhysicalResourceId', found['LogicalResourceId'])}"
        for found in resources(cloud, stack_id)
        if found.get("ResourceStatus") == "DELETE_SKIPPED"
    ]


def describe(cloud: Cloud, name: str) -> dict[str, Any] | None:
    """Return a stack as CloudFormation describes it; None if it does not exist."""
    try:
        stacks = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    stack: dict[str, Any] = stacks[0]
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def outputs(cloud: Cloud, name: str) -> dict[str, str]:
    """Return the outputs of a stack; empty if it does not exist."""
    stack = describe(cloud, name) or {}
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}


def stacks_of_stage(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """Return the stage's stacks by name, including those of the infrastructure."""
    pages = cloud.client("cloudformation").get_paginator("describe_stacks").paginate()
    return {
        stack["StackName"]: stack
        for page in pages
        for stack in page["Stacks"]
        if stack["StackName"].startswith(aws_names.resource(cloud.stage, ""))
        and stack["StackStatus"] != "DELETE_COMPLETE"
    }


def physical_ids(cloud: Cloud, name: str) -> dict[str, str]:
    """Return the physical ids of a stack's resources by logical id; empty without a stack.

    Those that were deleted are left out, such as all of a stack whose creation failed.
    """
    return {
        found["LogicalResourceId"]: found.get("PhysicalResourceId", "")
        for found in resources(cloud, name)
        if found.get("ResourceStatus") != "DELETE_COMPLETE"
    }


def physical_id(cloud: Cloud, name: str, logical_id: str) -> str:
    """Return the physical id of one resource of a stack."""
    resource = cloud.client("cloudformation").describe_stack_resource(
        StackName=name, LogicalResourceId=logical_id
    )
    return str(resource["StackResourceDetail"]["PhysicalResourceId"])


def resources(cloud: Cloud, name: str) -> list[dict[str, Any]]:
    """Return summaries of a stack's resources; empty if the stack does not exist."""
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources")
    try:
        return [
            found
            for page in pages.paginate(StackName=name)
            for found in page["StackResourceSummaries"]
        ]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return []
        raise


def template_of(cloud: Cloud, name: str) -> dict[str, Any]:
    """Return the template that a stack was deployed from, before any transform."""
    answer = cloud.client("cloudformation").get_template(StackName=name, TemplateStage="Original")
    body = answer["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template


def _api_id_tag(cloud: Cloud, name: str) -> list[dict[str, str]]:
    """Return the tag that fixes the id of the stack's REST API on the embedded AWS."""
    return [{"Key": "ms-custom-id", "Value": name}] if cloud.is_local else []


def _body(cloud: Cloud, template: Template, bucket: str) -> dict[str, str]:
    if len(template.sent.encode()) <= _INLINE_TEMPLATE_LIMIT:
        return {"TemplateBody": template.sent}
    key = f"templates/{template.name}/{_hash(template.sent)}.json"
    artifact_bucket.upload(cloud, bucket, key, template.sent.encode())
    return {"TemplateURL": artifact_bucket.url(cloud, bucket, key)}


def _is_changing(stack: Mapping[str, Any]) -> bool:
    status = str(stack["StackStatus"])
    return status.endswith("IN_PROGRESS") and status != _IN_REVIEW


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _wait(cloud: Cloud, stack_id: str) -> str:
    """Wait until an operation on a stack has ended; return the stack's status."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        stack = describe(cloud, stack_id)
        status = str(stack["StackStatus"]) if stack else "DELETE_COMPLETE"
        if not status.endswith("IN_PROGRESS"):
            return status
        time.sleep(cloud.poll_seconds)
    raise ShopProblem(
        f"CloudFormation has not finished {stack_id} within {_TIMEOUT_SECONDS // 60} minutes.",
        "Look at the stack's events in the console.",
    )


def _reason(cloud: Cloud, stack_id: str) -> str:
    """Return which resource failed first and why; empty if none did."""
    events = cloud.client("cloudformation").describe_stack_events(StackName=stack_id)
    failed = [
        event
        for event in reversed(events["StackEvents"])
        if event["ResourceStatus"].endswith("FAILED")
        and "cancelled" not in event.get("ResourceStatusReason", "")
    ]
    if not failed:
        # the reason for the stack alone may refer to events of another kind
        described = describe(cloud, stack_id) or {}
        return _explained(cloud, stack_id, described.get("StackStatusReason", ""))
    first = failed[0]
    reason = first.get("ResourceStatusReason", first["ResourceStatus"])
    shown = f"{first['LogicalResourceId']} ({first.get('ResourceType', 'stack')}): {reason}"
    return _explained(cloud, stack_id, shown)


def _explained(cloud: Cloud, stack: str, reason: str) -> str:
    """Return a reason, with the failed validations if it only refers to DescribeEvents."""
    if "DescribeEvents" not in reason:
        return reason
    try:
        events = cloud.client("cloudformation").describe_events(
            StackName=stack, Filters={"FailedEvents": True}
        )["OperationEvents"]
    except ClientError:
        # the reason itself still says more than this error
        return reason
    # newest first, of earlier operations too
    last = events[0].get("OperationId") if events else None
    found = [
        f"{event.get('LogicalResourceId', stack)} ({event.get('ResourceType', 'stack')}): {why}"
        for event in events
        if event.get("OperationId") == last
        and (why := _validation(event) or event.get("HookStatusReason"))
    ]
    return "; ".join(found) or reason


def _validation(event: Mapping[str, Any]) -> str:
    """Return why a property was not valid, and where it is; empty for another event."""
    where = event.get("ValidationPath", "")
    why = str(event.get("ValidationStatusReason", "")).rstrip(".")
    return f"{why} (at {where})" if why and where else why


def _failure(template: Template, reason: str) -> ShopProblem:
    remedy = next(
        (remedy for pattern, remedy in _REMEDIES if re.search(pattern, reason, re.IGNORECASE)),
        f"Correct {template.source}",
    )
    return ShopProblem(
        f"The stack {template.name} failed: {reason.rstrip('.')}.",
        f"{remedy} and run the command again.",
    )
