"""Deletes services from a stage, with their data unless the stage retains data."""

from collections.abc import Callable, Mapping, Sequence

from botocore.exceptions import ClientError

from shopctl.aws import cloudformation, ssm_parameters
from shopctl.aws.clients import Cloud
from shopctl.aws.target import Target
from shopctl.project import aws_names, services
from shopctl.project.errors import ShopProblem


def delete(to: Target, report: Callable[[str], None]) -> None:
    """Delete the stacks of services, each before those it depends on.

    Parameters
    ----------
    report
        Called with a line for each stack.

    Raises
    ------
    ShopProblem
        Before any change, if the stage retains its data, a stack was deployed when it did, or
        another deployed service still depends on one of these; later, if a stack cannot be
        deleted, or resources remain.
    """
    to.stage.require("cloudformation")
    if to.stage.retain_data:
        raise ShopProblem(
            f"The stage {to.stage.name} retains its data: its services are not deleted.",
            "To delete them nevertheless, set retain_data = false for it in stages.toml.",
        )
    stage, leaving = to.stage.name, {service.name for service in to.services}
    for other in services.load(to.layout.apps):
        needed = sorted(other.depends_on & leaving)
        stack = aws_names.resource(stage, other.name)
        if other.name not in leaving and needed and cloudformation.describe(to.cloud, stack):
            raise ShopProblem(
                f"{other.name} is deployed and depends on {', '.join(needed)}.",
                f"Delete {other.name} too, or first.",
            )
    refuse_retaining(
        {
            service.name: (to.cloud, aws_names.resources_stack(stage, service.name))
            for service in to.services
        },
        f"./shop deploy --stage {stage} --resources",
    )
    remaining = []
    for service in reversed(to.services):
        remaining += remove(to.cloud, aws_names.resource(stage, service.name), report)
        remaining += remove(to.cloud, aws_names.resources_stack(stage, service.name), report)
        ssm_parameters.delete(to.cloud, ssm_parameters.of_api(to.stage, service.dashed, ""))
    report_remaining(remaining)


def refuse_retaining(found: Mapping[str, tuple[Cloud, str]], deploy: str) -> None:
    """Refuse to delete stacks whose deployed templates retain resources.

    CloudFormation would delete the stacks and leave the resources, and no later deployment could
    create others of their names.

    Parameters
    ----------
    found
        Stacks with their clouds, by the name to deploy each with.
    deploy
        The command that deploys them, without these names.

    Raises
    ------
    ShopProblem
        If there is one.
    """
    retaining = {
        name: stack
        for name, (cloud, stack) in found.items()
        if cloudformation.retains(cloud, stack)
    }
    if retaining:
        raise ShopProblem(
            f"Deleting {', '.join(retaining.values())} would leave resources: the deployed"
            f" {'templates retain' if len(retaining) > 1 else 'template retains'} them.",
            f"Deploy without retention first: {deploy} {' '.join(retaining)}.",
        )


def remove(cloud: Cloud, stack: str, report: Callable[[str], None]) -> list[str]:
    """Delete a stack with the contents of its buckets; return the resources that remain."""
    found = cloudformation.describe(cloud, stack)
    if found is None:
        return []
    empty_buckets(cloud, stack)
    cloudformation.delete(cloud, stack)
    report(f"{stack} deleted")
    return cloudformation.remaining(cloud, found["StackId"])


def report_remaining(resources: Sequence[str]) -> None:
    """Raise if deleted stacks left resources.

    Raises
    ------
    ShopProblem
        If there are any.
    """
    if resources:
        raise ShopProblem(
            f"The stacks are deleted, and these resources remain: {', '.join(resources)}.",
            "Delete them by hand: no deployment can create others of the same names.",
        )


def empty_buckets(cloud: Cloud, stack: str) -> None:
    """Delete all versions in a stack's buckets, since only an empty bucket can be deleted."""
    for resource in cloudformation.resources(cloud, stack):
        if resource["ResourceType"] == "AWS::S3::Bucket":
            _empty(cloud, resource["PhysicalResourceId"])


def _empty(cloud: Cloud, bucket: str) -> None:
    storage = cloud.client("s3")
    try:
        for page in storage.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions = [
                {"Key": item["Key"], "VersionId": item["VersionId"]}
                for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            ]
            if versions:
                storage.delete_objects(Bucket=bucket, Delete={"Objects": versions})
    except ClientError as error:
        # deleted before, by a deletion that was interrupted
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
