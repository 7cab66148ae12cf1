"""Creates and updates the two CloudFormation stacks of each service.

What must outlive a release is in ``<service>-resources``, what a release replaces is in the
service's own stack. The same code serves AWS and the embedded one.
"""

import copy
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import yaml
from botocore.exceptions import ClientError

from shopctl.aws import artifact_bucket
from shopctl.aws.clients import Cloud
from shopctl.deploying import releases
from shopctl.packaging.build import Package
from shopctl.project.errors import ShopProblem
from shopctl.project.services import Service, waves

Outcome = Literal["created", "updated", "unchanged"]
Item = TypeVar("Item")
_DIGEST_TAG = "toyshop:digest"
_INLINE_TEMPLATE_LIMIT = 51_200
_PARALLEL_STACKS = 6
_TIMEOUT_SECONDS = 1_800
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
# a stack in such a state can only be deleted
_UNUSABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


@dataclass(frozen=True)
class Template:
    """A stack to be: its name, its template as JSON, and values of what that declares."""

    name: str
    body: str
    parameters: Sequence[Mapping[str, str]] = ()

    @property
    def digest(self) -> str:
        """Hash of the template and its parameters, which a stack has as a tag."""
        content = f"{self.body}\0{json.dumps(self.parameters)}"
        return hashlib.sha256(content.encode()).hexdigest()


def deploy_resources(cloud: Cloud, services: Sequence[Service]) -> dict[str, Outcome]:
    """Bring the resources of services to what their `resources.yaml` says, all at once.

    Raises
    ------
    ShopProblem
        If a stack fails: it names the resource and the reason.
    """
    templates = [found for service in services if (found := resources(cloud, service))]
    bucket = artifact_bucket.make(cloud)
    return _in_parallel(lambda template: deploy(cloud, template, bucket), templates)


def resources(cloud: Cloud, service: Service) -> Template | None:
    """Return the stack of what outlives a service's releases; None if it has nothing such."""
    if not (service.directory / "resources.yaml").exists():
        return None
    body = resources_template(
        service, keeps_data=cloud.keeps_data, alarms=cloud.alarms and cloud.alarms(service)
    )
    return Template(f"{name(cloud, service)}-resources", body, parameters(cloud, body))


def name(cloud: Cloud, service: Service) -> str:
    """Return the name of the stack that a release of a service replaces."""
    return f"toyshop-{cloud.stage}-{service.dashed}"


def resources_template(
    service: Service, *, keeps_data: bool, alarms: Mapping[str, Any] | None = None
) -> str:
    """Return the template of what outlives a release.

    Parameters
    ----------
    keeps_data
        Whether what holds data outlives the stack.
    alarms
        Alarms besides those in `resources.yaml`; None where they would tell nobody.
    """
    template = yaml.safe_load((service.directory / "resources.yaml").read_text())
    template["Resources"] |= alarms or {}
    if alarms is None:
        for resource in template["Resources"].values():
            resource.get("Properties", {}).pop("AlarmActions", None)
    if not keeps_data:
        for resource in template["Resources"].values():
            resource.pop("DeletionPolicy", None)
            resource.pop("UpdateReplacePolicy", None)
        if "Lasting" in template.get("Conditions", {}):
            template["Conditions"]["Lasting"] = {"Fn::Equals": ["kept", "not kept"]}
    return json.dumps(template)


def deploy_template(cloud: Cloud, name: str, body: str) -> Outcome:
    """Bring a stack that is no service's to what its template says.

    Raises
    ------
    ShopProblem
        If it fails: it names the resource and the reason.
    """
    return deploy(cloud, Template(name, body, parameters(cloud, body)), "")[1]


def outputs(cloud: Cloud, name: str) -> dict[str, str]:
    """Return the outputs of a stack; none if it is not there."""
    stack = describe(cloud, name) or {}
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}


def deploy_packages(cloud: Cloud, packages: Sequence[Package]) -> dict[str, Outcome]:
    """Release packages, every service after those it depends on.

    Raises
    ------
    ShopProblem
        If a stack fails: it names the resource and the reason.
    """
    bucket = artifact_bucket.make(cloud)
    released: dict[str, Outcome] = {}
    by_name = {package.service.name: package for package in packages}
    for wave in waves([package.service for package in packages]):
        ready = [by_name[service.name] for service in wave]
        released |= _in_parallel(lambda package: _release(cloud, package, bucket), ready)
    return released


def _in_parallel(
    deploy: Callable[[Item], tuple[str, Outcome]], items: Sequence[Item]
) -> dict[str, Outcome]:
    with ThreadPoolExecutor(_PARALLEL_STACKS) as pool:
        return dict(pool.map(deploy, items))


def release(cloud: Cloud, package: Package, bucket: str) -> tuple[Template, str]:
    """Return the stack of a release, and the key under which it expects the code."""
    digest = hashlib.sha256(package.archive.read_bytes()).hexdigest()
    key = f"{package.service.name}/{digest}.zip"
    body = with_code(package.template, bucket, key)
    return Template(name(cloud, package.service), body, parameters(cloud, body)), key


def with_code(template: Mapping[str, Any], bucket: str, key: str) -> str:
    """Return a packaged template as JSON, with the place of the functions' code."""
    released = copy.deepcopy(dict(template))
    for resource in released["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    return json.dumps(released, sort_keys=True)


def _release(cloud: Cloud, package: Package, bucket: str) -> tuple[str, Outcome]:
    template, key = release(cloud, package, bucket)
    artifact_bucket.upload(cloud, bucket, key, package.archive.read_bytes())
    deployed = deploy(cloud, template, bucket)
    kept = releases.Release(template.body, template.parameters, key)
    releases.note(cloud, bucket, package.service, template.digest, kept)
    return deployed


def deploy(cloud: Cloud, template: Template, bucket: str) -> tuple[str, Outcome]:
    """Bring a stack to what its template says.

    Returns
    -------
    tuple
        The stack's name, and what became of it.

    Raises
    ------
    ShopProblem
        If it fails: it names the resource and the reason.
    """
    formation = cloud.client("cloudformation")
    stack = describe(cloud, template.name)
    if stack and stack["StackStatus"].endswith("IN_PROGRESS"):
        # of a command that was interrupted
        _wait(cloud, stack["StackId"])
        stack = describe(cloud, template.name)
    outcome = foreseen(stack, template)
    if outcome == "unchanged":
        return template.name, outcome
    if stack and outcome == "created":
        formation.delete_stack(StackName=template.name)
        _wait(cloud, stack["StackId"])
    request = {
        "StackName": template.name,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Tags": [
            {"Key": _DIGEST_TAG, "Value": template.digest},
            {"Key": "toyshop:stage", "Value": cloud.stage},
            *_api_id_tag(cloud, template.name),
        ],
        "Parameters": template.parameters,
        **_body(cloud, template, bucket),
    }
    try:
        if outcome == "created":
            started = formation.create_stack(**request)
        else:
            started = formation.update_stack(**request)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "No updates are to be performed" in message:
            return template.name, "unchanged"
        raise _failure(template.name, message) from None
    status = _wait(cloud, started["StackId"])
    if status not in _GOOD:
        raise _failure(template.name, _reason(cloud, started["StackId"]) or status)
    return template.name, outcome


def foreseen(stack: Mapping[str, Any] | None, template: Template) -> Outcome:
    """Say what deploying a template makes of a stack as it is now."""
    if stack is None or stack["StackStatus"] in _UNUSABLE:
        return "created"
    if stack["StackStatus"] in _GOOD and digest_of(stack) == template.digest:
        return "unchanged"
    return "updated"


def digest_of(stack: Mapping[str, Any]) -> str:
    """Return the digest of the template that a stack was deployed from."""
    tags = {tag["Key"]: str(tag["Value"]) for tag in stack.get("Tags", [])}
    return tags.get(_DIGEST_TAG, "")


def _api_id_tag(cloud: Cloud, name: str) -> list[dict[str, str]]:
    """Fix the id of the stack's REST API, which takes the stack's tags, in the local cloud."""
    return [{"Key": "ms-custom-id", "Value": name}] if cloud.is_local else []


def delete(cloud: Cloud, name: str) -> bool:
    """Delete a stack.

    Returns
    -------
    bool
        Whether there was one.

    Raises
    ------
    ShopProblem
        If it cannot be deleted: it names the resource and the reason.
    """
    stack = describe(cloud, name)
    if stack is None:
        return False
    cloud.client("cloudformation").delete_stack(StackName=name)
    status = _wait(cloud, stack["StackId"])
    if status != "DELETE_COMPLETE":
        raise ShopProblem(
            f"The stack {name} cannot be deleted: {_reason(cloud, stack['StackId']) or status}.",
            "Remove what is in the way and run the command again.",
        )
    return True


def parameters(cloud: Cloud, body: str) -> list[dict[str, str]]:
    """Return the stage's values of the parameters that a template declares."""
    declared = json.loads(body).get("Parameters", {})
    values = {"Stage": cloud.stage, **cloud.parameters}
    return [
        {"ParameterKey": name, "ParameterValue": values[name]}
        for name in sorted(declared)
        if name in values
    ]


def _body(cloud: Cloud, template: Template, bucket: str) -> dict[str, str]:
    if len(template.body.encode()) <= _INLINE_TEMPLATE_LIMIT:
        return {"TemplateBody": template.body}
    key = f"templates/{template.name}/{hashlib.sha256(template.body.encode()).hexdigest()}.json"
    artifact_bucket.upload(cloud, bucket, key, template.body.encode())
    return {"TemplateURL": artifact_bucket.url(cloud, bucket, key)}


def describe(cloud: Cloud, name: str) -> dict[str, Any] | None:
    """Return a stack as CloudFormation describes it; None if there is none."""
    try:
        stacks = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    stack: dict[str, Any] = stacks[0]
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def of_stage(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """Return the stage's stacks by name, those of the network and the edge among them."""
    pages = cloud.client("cloudformation").get_paginator("describe_stacks").paginate()
    return {
        stack["StackName"]: stack
        for page in pages
        for stack in page["Stacks"]
        if stack["StackName"].startswith(f"toyshop-{cloud.stage}-")
        and stack["StackStatus"] != "DELETE_COMPLETE"
    }


def physical_ids(cloud: Cloud, name: str) -> dict[str, str]:
    """Return what AWS calls a stack's resources, by their logical ids."""
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources")
    try:
        return {
            found["LogicalResourceId"]: found.get("PhysicalResourceId", "")
            for page in pages.paginate(StackName=name)
            for found in page["StackResourceSummaries"]
        }
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return {}
        raise


def template_of(cloud: Cloud, name: str) -> dict[str, Any]:
    """Return the template that a stack was deployed from, as it was sent."""
    answer = cloud.client("cloudformation").get_template(StackName=name, TemplateStage="Original")
    body = answer["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template


def _wait(cloud: Cloud, stack_id: str) -> str:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        stacks = cloud.client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"]
        status = str(stacks[0]["StackStatus"])
        if not status.endswith("IN_PROGRESS"):
            return status
        time.sleep(cloud.poll_seconds)
    raise ShopProblem(
        f"CloudFormation has not finished {stack_id} within {_TIMEOUT_SECONDS // 60} minutes.",
        "Look at the stack's events in the console.",
    )


def _reason(cloud: Cloud, stack_id: str) -> str:
    """Say which resource failed first, and why."""
    events = cloud.client("cloudformation").describe_stack_events(StackName=stack_id)
    failed = [
        event
        for event in reversed(events["StackEvents"])
        if event["ResourceStatus"].endswith("FAILED")
        and "cancelled" not in event.get("ResourceStatusReason", "")
    ]
    if not failed:
        return ""
    first = failed[0]
    reason = first.get("ResourceStatusReason", first["ResourceStatus"])
    return f"{first['LogicalResourceId']} ({first.get('ResourceType', 'stack')}): {reason}"


def _failure(name: str, reason: str) -> ShopProblem:
    return ShopProblem(
        f"The stack {name} failed: {reason.rstrip('.')}.",
        "Correct the service's resources.yaml, delivery.yaml or config and run the command again.",
    )
