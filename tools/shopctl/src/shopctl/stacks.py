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

from shopctl.cloud import Cloud
from shopctl.packaging.build import Package
from shopctl.problems import ShopProblem
from shopctl.services import Service, waves

Outcome = Literal["created", "updated", "unchanged"]
Item = TypeVar("Item")
_DIGEST_TAG = "toyshop:digest"
_INLINE_TEMPLATE_LIMIT = 51_200
_PARALLEL_STACKS = 6
_KEPT_CODE = 2
_TIMEOUT_SECONDS = 1_800
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
# a stack in such a state can only be deleted
_UNUSABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


@dataclass(frozen=True)
class Template:
    """A stack to be: its name and its template as JSON."""

    name: str
    body: str


def deploy_resources(cloud: Cloud, services: Sequence[Service]) -> dict[str, Outcome]:
    """Bring the resources of services to what their `resources.yaml` says, all at once.

    Raises
    ------
    ShopProblem
        If a stack fails: it names the resource and the reason.
    """
    templates = [
        Template(
            f"toyshop-{cloud.stage}-{service.dashed}-resources",
            resources_template(service, keeps_data=cloud.keeps_data),
        )
        for service in services
        if (service.directory / "resources.yaml").exists()
    ]
    bucket = _tooling_bucket(cloud)
    return _in_parallel(lambda template: _deploy(cloud, template, bucket), templates)


def resources_template(service: Service, *, keeps_data: bool) -> str:
    """Return the template of what outlives a release; it goes with its stack if told so."""
    template = yaml.safe_load((service.directory / "resources.yaml").read_text())
    if not keeps_data:
        for resource in template["Resources"].values():
            resource.pop("DeletionPolicy", None)
            resource.pop("UpdateReplacePolicy", None)
        if "Lasting" in template.get("Conditions", {}):
            template["Conditions"]["Lasting"] = {"Fn::Equals": ["kept", "not kept"]}
    return json.dumps(template)


def deploy_packages(cloud: Cloud, packages: Sequence[Package]) -> dict[str, Outcome]:
    """Release packages, every service after those it depends on.

    Raises
    ------
    ShopProblem
        If a stack fails: it names the resource and the reason.
    """
    bucket = _tooling_bucket(cloud)
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


def release_template(package: Package, bucket: str) -> tuple[str, str]:
    """Return the template of a release, and the key under which it expects the code."""
    digest = hashlib.sha256(package.archive.read_bytes()).hexdigest()
    key = f"{package.service.name}/{digest}.zip"
    return with_code(package.template, bucket, key), key


def with_code(template: Mapping[str, Any], bucket: str, key: str) -> str:
    """Return a packaged template as JSON, with the place of the functions' code."""
    released = copy.deepcopy(dict(template))
    for resource in released["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    return json.dumps(released, sort_keys=True)


def _release(cloud: Cloud, package: Package, bucket: str) -> tuple[str, Outcome]:
    body, key = release_template(package, bucket)
    _upload(cloud, bucket, key, package.archive.read_bytes())
    name = f"toyshop-{cloud.stage}-{package.service.dashed}"
    outcome = _deploy(cloud, Template(name, body), bucket)
    if cloud.is_local:
        _forget_old_code(cloud, bucket, package.service.name)
    return outcome


def _forget_old_code(cloud: Cloud, bucket: str, service: str) -> None:
    """Keep a service's present and previous code; on AWS its stack may roll back to any."""
    storage = cloud.client("s3")
    stored = storage.list_objects_v2(Bucket=bucket, Prefix=f"{service}/")["Contents"]
    for old in sorted(stored, key=lambda item: item["LastModified"])[:-_KEPT_CODE]:
        storage.delete_object(Bucket=bucket, Key=old["Key"])


def _deploy(cloud: Cloud, template: Template, bucket: str) -> tuple[str, Outcome]:
    formation = cloud.client("cloudformation")
    name = template.name
    parameters = _parameters(cloud, template.body)
    digest = digest_of(cloud, template.body)
    stack = describe(cloud, name)
    if stack and stack["StackStatus"].endswith("IN_PROGRESS"):
        # of a command that was interrupted
        _wait(cloud, stack["StackId"])
        stack = describe(cloud, name)
    if stack and stack["StackStatus"] in _UNUSABLE:
        formation.delete_stack(StackName=name)
        _wait(cloud, stack["StackId"])
        stack = None
    tags = {tag["Key"]: tag["Value"] for tag in (stack or {}).get("Tags", [])}
    if stack and stack["StackStatus"] in _GOOD and tags.get(_DIGEST_TAG) == digest:
        return name, "unchanged"
    request = {
        "StackName": name,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Tags": [
            {"Key": _DIGEST_TAG, "Value": digest},
            {"Key": "toyshop:stage", "Value": cloud.stage},
            *_api_id_tag(cloud, name),
        ],
        "Parameters": parameters,
        **_body(cloud, template, bucket),
    }
    try:
        if stack is None:
            started = formation.create_stack(**request)
        else:
            started = formation.update_stack(**request)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "No updates are to be performed" in message:
            return name, "unchanged"
        raise _failure(name, message) from None
    status = _wait(cloud, started["StackId"])
    if status not in _GOOD:
        raise _failure(name, _reason(cloud, started["StackId"]) or status)
    return name, "created" if stack is None else "updated"


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


def digest_of(cloud: Cloud, body: str) -> str:
    """Return the hash of a template and its parameters, which a stack has as a tag."""
    parameters = _parameters(cloud, body)
    return hashlib.sha256(f"{body}\0{json.dumps(parameters)}".encode()).hexdigest()


def _parameters(cloud: Cloud, body: str) -> list[dict[str, str]]:
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
    _upload(cloud, bucket, key, template.body.encode())
    storage = cloud.client("s3")
    return {"TemplateURL": f"{storage.meta.endpoint_url}/{bucket}/{key}"}


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


def tooling_bucket(stage: str, account: str) -> str:
    """Return the name of the bucket with a stage's packages."""
    return f"toyshop-{stage}-deployments-{account}"


def _tooling_bucket(cloud: Cloud) -> str:
    bucket = tooling_bucket(cloud.stage, cloud.account())
    storage = cloud.client("s3")
    try:
        storage.head_bucket(Bucket=bucket)
    except ClientError:
        region = storage.meta.region_name
        place = {} if region == "us-east-1" else {"LocationConstraint": region}
        options = {"CreateBucketConfiguration": place} if place else {}
        storage.create_bucket(Bucket=bucket, **options)
    return bucket


def _upload(cloud: Cloud, bucket: str, key: str, content: bytes) -> None:
    """Store content under a key that is made from it, unless it is there."""
    storage = cloud.client("s3")
    try:
        storage.head_object(Bucket=bucket, Key=key)
    except ClientError:
        storage.put_object(Bucket=bucket, Key=key, Body=content)
