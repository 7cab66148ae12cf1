"""The two CloudFormation stacks of each service.

What outlives a release is in ``<service>-resources``, what a release replaces is in the service's
own stack. The same code serves AWS and the embedded one.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from shopctl.aws import artifact_bucket, cloudformation
from shopctl.aws.clients import Cloud
from shopctl.aws.cloudformation import Outcome, Template
from shopctl.deploying import alarms, dashboards, releases
from shopctl.packaging.package import Package
from shopctl.project import aws_names
from shopctl.project.services import Service, waves
from shopctl.project.stages import Stage
from shopctl.project.yaml_lines import parse_yaml

Item = TypeVar("Item")
_PARALLEL_STACKS = 6


def deploy_resources(cloud: Cloud, stage: Stage, services: Sequence[Service]) -> dict[str, Outcome]:
    """Deploy the stateful resources, of all services in parallel.

    Returns
    -------
    dict
        What was done, by stack.

    Raises
    ------
    ShopProblem
        If a stack fails; the message names the resource and the reason.
    """
    found = [resources(cloud, stage, service) for service in services]
    bucket = artifact_bucket.ensure(cloud)
    return _in_parallel(
        lambda template: cloudformation.deploy(cloud, template, bucket),
        [template for template in found if template],
    )


def resources(cloud: Cloud, stage: Stage, service: Service) -> Template | None:
    """Return the stack of what outlives a service's releases; None if there is nothing."""
    if not service.resources_file.exists():
        return None
    body = resources_template(service, stage, embedded=cloud.is_local)
    name = aws_names.resources_stack(cloud.stage, service.name)
    return cloudformation.template(cloud, name, body)


def is_unchanged(cloud: Cloud, template: Template) -> bool:
    """Return whether a deployment of a template would not touch its stack."""
    stack = cloudformation.describe(cloud, template.name)
    return cloudformation.predicted_outcome(stack, template) == "unchanged"


def resources_template(service: Service, stage: Stage, *, embedded: bool = False) -> str:
    """Return the template of what outlives a release, with the service's alarms and dashboards.

    Parameters
    ----------
    embedded
        Whether the template is for the embedded AWS, which has only alarms on a single metric.
    """
    template = parse_yaml(service.resources_file.read_text())
    added = alarms.of(service, stage)
    if embedded:
        added = alarms.without_unsupported(added)
    template["Resources"] |= added
    if stage.alarm_email:
        template["Resources"] |= dashboards.of(service, stage, added)
    if not stage.retain_data:
        without_retention(template)
        if "RetainsData" in template.get("Conditions", {}):
            template["Conditions"]["RetainsData"] = {"Fn::Equals": ["retained", "not retained"]}
    return json.dumps(template)


def without_retention(template: Mapping[str, Any]) -> None:
    """Let the resources of a template be deleted with their stack."""
    for resource in template["Resources"].values():
        resource.pop("DeletionPolicy", None)
        resource.pop("UpdateReplacePolicy", None)


def deploy_template(cloud: Cloud, name: str, body: str, source: str) -> Outcome:
    """Deploy a stack that belongs to no service.

    Parameters
    ----------
    source
        The files that define it, for the message of a failure.

    Raises
    ------
    ShopProblem
        If it fails; the message names the resource and the reason.
    """
    template = replace(cloudformation.template(cloud, name, body), source=source)
    return cloudformation.deploy(cloud, template, "")[1]


def deploy_packages(cloud: Cloud, packages: Sequence[Package]) -> dict[str, Outcome]:
    """Release packages, each service after those it depends on.

    Returns
    -------
    dict
        What was done, by stack.

    Raises
    ------
    ShopProblem
        If a stack fails; the message names the resource and the reason.
    """
    bucket = artifact_bucket.ensure(cloud)
    released: dict[str, Outcome] = {}
    by_name = {package.service.name: package for package in packages}
    for wave in waves([package.service for package in packages]):
        ready = [by_name[service.name] for service in wave]
        released |= _in_parallel(lambda package: _release(cloud, package, bucket), ready)
    return released


def release(cloud: Cloud, package: Package, bucket: str) -> tuple[Template, str]:
    """Return the stack of a release, and the key under which it expects the code."""
    digest = hashlib.sha256(package.archive.read_bytes()).hexdigest()
    key = f"{package.service.name}/{digest}.zip"
    body = with_code(package.template, bucket, key)
    name = aws_names.resource(cloud.stage, package.service.name)
    return cloudformation.template(cloud, name, body), key


def with_code(template: Mapping[str, Any], bucket: str, key: str) -> str:
    """Return a packaged template as JSON with the location of the functions' code."""
    released = copy.deepcopy(dict(template))
    for resource in released["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    return json.dumps(released, sort_keys=True)


def _release(cloud: Cloud, package: Package, bucket: str) -> tuple[str, Outcome]:
    template, key = release(cloud, package, bucket)
    artifact_bucket.upload(cloud, bucket, key, package.archive.read_bytes())
    deployed = cloudformation.deploy(cloud, template, bucket)
    recorded = releases.Release(key, template.body, template.parameters)
    releases.record(cloud, bucket, package.service.name, template.release, recorded)
    return deployed


def _in_parallel(
    deploy: Callable[[Item], tuple[str, Outcome]], items: Sequence[Item]
) -> dict[str, Outcome]:
    with ThreadPoolExecutor(_PARALLEL_STACKS) as pool:
        return dict(pool.map(deploy, items))
