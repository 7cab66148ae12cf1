"""Deletes services from a stage, with their data unless the stage retains data."""

from collections.abc import Callable

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
        Before any change, if the stage retains its data or another deployed service still
        depends on one of these; later, if a stack cannot be deleted.
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
    for service in reversed(to.services):
        release = aws_names.resource(stage, service.name)
        resources = aws_names.resources_stack(stage, service.name)
        if cloudformation.delete(to.cloud, release):
            report(f"{release} deleted")
        empty_buckets(to.cloud, resources)
        if cloudformation.delete(to.cloud, resources):
            report(f"{resources} deleted")
        ssm_parameters.delete(to.cloud, ssm_parameters.of_api(to.stage, service.dashed, ""))


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
