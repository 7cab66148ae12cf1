"""Creates and updates the two CloudFormation stacks of each service.

What must outlive a release is in ``<service>-resources``, what a release replaces is in the
service's own stack. The same code serves AWS and the embedded one.
"""

import copy
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import yaml
from botocore.exceptions import ClientError

from shopctl.cloud import Cloud
from shopctl.packaging.build import Package
from shopctl.problems import ShopProblem
from shopctl.services import Service

Outcome = Literal["created", "updated", "unchanged"]
Item = TypeVar("Item")
_DIGEST_TAG = "toyshop:digest"
_INLINE_TEMPLATE_LIMIT = 51_200
_PARALLEL_STACKS = 6
_KEPT_CODE = 2
_TIMEOUT_SECONDS = 1_800
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
            json.dumps(yaml.safe_load((service.directory / "resources.yaml").read_text())),
        )
        for service in services
        if (service.directory / "resources.yaml").exists()
    ]
    bucket = _tooling_bucket(cloud)
    return _in_parallel(lambda template: _deploy(cloud, template, bucket), templates)


def deploy_packages(cloud: Cloud, packages: Sequence[Package]) -> dict[str, Outcome]:
    """Release packages, every service after those it depends on.

    Raises
    ------
    ShopProblem
        If a stack fails: it names the resource and the reason.
    """
    bucket = _tooling_bucket(cloud)
    released: dict[str, Outcome] = {}
    waiting = list(packages)
    while waiting:
        names = {package.service.name for package in waiting}
        wave = [package for package in waiting if not package.service.depends_on & names]
        released |= _in_parallel(lambda package: _release(cloud, package, bucket), wave)
        waiting = [package for package in waiting if package not in wave]
    return released


def _in_parallel(
    deploy: Callable[[Item], tuple[str, Outcome]], items: Sequence[Item]
) -> dict[str, Outcome]:
    with ThreadPoolExecutor(_PARALLEL_STACKS) as pool:
        return dict(pool.map(deploy, items))


def _release(cloud: Cloud, package: Package, bucket: str) -> tuple[str, Outcome]:
    code = package.archive.read_bytes()
    key = f"{package.service.name}/{hashlib.sha256(code).hexdigest()}.zip"
    _upload(cloud, bucket, key, code)
    template = copy.deepcopy(package.template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    name = f"toyshop-{cloud.stage}-{package.service.dashed}"
    outcome = _deploy(cloud, Template(name, json.dumps(template, sort_keys=True)), bucket)
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
    digest = hashlib.sha256(template.body.encode()).hexdigest()
    stack = _describe(cloud, name)
    if stack and stack["StackStatus"] in _UNUSABLE:
        formation.delete_stack(StackName=name)
        _wait(cloud, stack["StackId"])
        stack = None
    tags = {tag["Key"]: tag["Value"] for tag in (stack or {}).get("Tags", [])}
    if tags.get(_DIGEST_TAG) == digest:
        return name, "unchanged"
    request = {
        "StackName": name,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Tags": [
            {"Key": _DIGEST_TAG, "Value": digest},
            {"Key": "toyshop:stage", "Value": cloud.stage},
            *_api_id_tag(cloud, name),
        ],
        **_parameters(cloud, template.body),
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
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise _failure(name, _reason(cloud, started["StackId"]) or status)
    return name, "created" if stack is None else "updated"


def _api_id_tag(cloud: Cloud, name: str) -> list[dict[str, str]]:
    """Fix the id of the stack's REST API, which takes the stack's tags, in the local cloud."""
    return [{"Key": "ms-custom-id", "Value": name}] if cloud.is_local else []


def _parameters(cloud: Cloud, body: str) -> dict[str, Any]:
    declared = json.loads(body).get("Parameters", {})
    if "Stage" not in declared:
        return {}
    return {"Parameters": [{"ParameterKey": "Stage", "ParameterValue": cloud.stage}]}


def _body(cloud: Cloud, template: Template, bucket: str) -> dict[str, str]:
    if len(template.body.encode()) <= _INLINE_TEMPLATE_LIMIT:
        return {"TemplateBody": template.body}
    key = f"templates/{template.name}/{hashlib.sha256(template.body.encode()).hexdigest()}.json"
    _upload(cloud, bucket, key, template.body.encode())
    storage = cloud.client("s3")
    return {"TemplateURL": f"{storage.meta.endpoint_url}/{bucket}/{key}"}


def _describe(cloud: Cloud, name: str) -> dict[str, Any] | None:
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


def _tooling_bucket(cloud: Cloud) -> str:
    bucket = f"toyshop-{cloud.stage}-deployments-{cloud.account()}"
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
