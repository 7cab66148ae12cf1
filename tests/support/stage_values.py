"""Published values of a stage on AWS, for tests that render it."""

from collections.abc import Iterable

from shopctl.aws.ssm_parameters import PublishedValues
from shopctl.project.services import Service


def published(services: Iterable[Service]) -> PublishedValues:
    """Return what services and infrastructure publish in the stage `prod`."""
    values = PublishedValues(stage="prod")
    for service in services:
        values[f"{service.dashed}/api-id"] = f"id{service.dashed}"
        values[f"{service.dashed}/api-url"] = f"https://id{service.dashed}.execute-api/api"
        values[f"{service.dashed}/stream-arn"] = f"arn:aws:dynamodb:stream/{service.dashed}"
    values["storefront-api/user-pool-id"] = "ap_Pool"
    values["storefront-api/user-pool-client-id"] = "client"
    values["network/subnet-ids"] = "subnet-a,subnet-b"
    values["network/security-group-id"] = "sg-f"
    values["network/execute-api-endpoint-id"] = "vpce-e"
    return values
