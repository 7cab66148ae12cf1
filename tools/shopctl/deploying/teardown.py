"""Takes services off a stage; what holds data goes with them only where data are not kept."""

from collections.abc import Callable

from botocore.exceptions import ClientError

from shopctl.aws.clients import Cloud
from shopctl.deploying import stacks
from shopctl.deploying.deploy import Target
from shopctl.project import services
from shopctl.project.errors import ShopProblem
from shopctl.project.services import Service


def delete(to: Target, say: Callable[[str], None]) -> None:
    """Delete the stacks of services, each before those it depends on.

    Raises
    ------
    ShopProblem
        Before any change, if the stage keeps its data or another deployed service still needs
        one of these; later, if a stack cannot be deleted.
    """
    to.stage.require("cloudformation")
    if to.stage.keeps_data:
        raise ShopProblem(
            f"The stage {to.stage.name} keeps its data: its services are not deleted.",
            "To do it all the same, set keeps_data = false for it in stages.toml.",
        )
    leaving = {service.name for service in to.services}
    for other in services.load(to.layout.apps):
        needed = sorted(other.depends_on & leaving)
        if other.name not in leaving and needed and stacks.describe(to.cloud, to.stack(other)):
            raise ShopProblem(
                f"{other.name} is deployed and needs {', '.join(needed)}.",
                f"Delete {other.name} too, or first.",
            )
    for service in reversed(to.services):
        for name in (to.stack(service), f"{to.stack(service)}-resources"):
            if name.endswith("-resources"):
                _empty_buckets(to.cloud, name)
            if stacks.delete(to.cloud, name):
                say(f"{name} deleted")
        _withdraw(to, service)


def _empty_buckets(cloud: Cloud, stack: str) -> None:
    """Delete all objects of a stack's buckets, which could not be deleted otherwise."""
    if stacks.describe(cloud, stack) is None:
        return
    listed = cloud.client("cloudformation").get_paginator("list_stack_resources")
    for page in listed.paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::S3::Bucket":
                _empty(cloud, resource["PhysicalResourceId"])


def _empty(cloud: Cloud, bucket: str) -> None:
    storage = cloud.client("s3")
    try:
        for page in storage.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
            if keys:
                storage.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    except ClientError as error:
        # of a deletion that was interrupted
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


def _withdraw(to: Target, service: Service) -> None:
    """Take back what was published of a service's API."""
    names = [f"{to.prefix}{service.dashed}/{name}" for name in ("api-id", "api-url")]
    to.cloud.client("ssm").delete_parameters(Names=names)
