"""The values that a stage's services and infrastructure publish as SSM parameters.

Names are those of the parameters without ``/toyshop/<stage>/``, such as ``orders/api-url``.
"""

from collections.abc import Collection, Mapping

from shopctl.aws.clients import Cloud
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem
from shopctl.project.stages import Stage

LOCAL_USER_POOL = "us-east-1_ToyshopLo"
LOCAL_USER_POOL_CLIENT = "toyshoplocalclient00000000"
USER_POOL_ID = "user-pool-id"
USER_POOL_CLIENT_ID = "user-pool-client-id"
ORIGIN = "edge/origin"

_INFRASTRUCTURE = ("network", "alarms", "distribution-acl")
# stand for what is published only once a stage is deployed
_PLACEHOLDERS = {
    "api-id": "a1b2c3d4e5",
    "api-url": "https://a1b2c3d4e5.execute-api.example/api",
    "subnet-ids": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "security-group-id": "sg-0123456789abcdef0",
}


class PublishedValues(dict[str, str]):
    """Published values by name.

    A name that is missing raises a :class:`ShopProblem` that says what to deploy first.

    Parameters
    ----------
    values
        The values that are published.
    stage
        Name of the stage, for the message.
    """

    def __init__(self, values: Mapping[str, str] | None = None, stage: str = "…") -> None:
        super().__init__(values or {})
        self.stage = stage

    def __missing__(self, name: str) -> str:
        owner, _, key = name.partition("/")
        if owner in _INFRASTRUCTURE:
            raise ShopProblem(
                f"The stage has no {owner} yet: its {key} is not published.",
                f"Deploy it first: ./shop deploy --stage {self.stage} --infra {owner}.",
            )
        service = aws_names.underscored(owner)
        raise ShopProblem(
            f"{service} has not published its {key} yet.",
            f"Deploy it first: ./shop deploy --stage {self.stage} {service}.",
        )


class ExpectedValues(PublishedValues):
    """Published values, with a placeholder for those that services about to be deployed publish.

    Parameters
    ----------
    published
        The values that are published.
    deployed
        Names of the services about to be deployed, in dashes.
    """

    def __init__(self, published: PublishedValues, deployed: Collection[str]) -> None:
        super().__init__(published, published.stage)
        self._deployed = frozenset(deployed)

    def __missing__(self, name: str) -> str:
        if name.partition("/")[0] in self._deployed:
            return "to-be-published"
        return super().__missing__(name)


class PlaceholderValues(PublishedValues):
    """A plausible value for every name, to render a stage without access to AWS."""

    def __missing__(self, name: str) -> str:
        return _PLACEHOLDERS.get(name.partition("/")[2], "to-be-published")


class LocalValues(PublishedValues):
    """The values of the stage `local`, where every id is fixed.

    Parameters
    ----------
    stage
        The stage `local`, with the URL of the embedded AWS.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__({}, stage.name)
        self._stage = stage

    def __missing__(self, name: str) -> str:
        owner, _, key = name.partition("/")
        api_id = aws_names.resource(self.stage, owner)
        fixed = {
            "api-id": api_id,
            "api-url": aws_names.api_url(self._stage, api_id),
            USER_POOL_ID: LOCAL_USER_POOL,
            USER_POOL_CLIENT_ID: LOCAL_USER_POOL_CLIENT,
        }
        return fixed[key] if key in fixed else super().__missing__(name)


def read(cloud: Cloud) -> PublishedValues:
    """Read all published values of a stage."""
    start = aws_names.parameter(cloud.stage, "")
    pages = cloud.client("ssm").get_paginator("get_parameters_by_path")
    values = {
        parameter["Name"].removeprefix(start): parameter["Value"]
        for page in pages.paginate(Path=start, Recursive=True)
        for parameter in page["Parameters"]
    }
    return PublishedValues(values, cloud.stage)


def write(cloud: Cloud, values: Mapping[str, str]) -> None:
    """Publish values, replacing those that are there."""
    for name, value in values.items():
        cloud.client("ssm").put_parameter(
            Name=aws_names.parameter(cloud.stage, name), Value=value, Type="String", Overwrite=True
        )


def delete(cloud: Cloud, names: Collection[str]) -> None:
    """Delete published values; names that are not published are ignored."""
    if names:
        cloud.client("ssm").delete_parameters(
            Names=[aws_names.parameter(cloud.stage, name) for name in names]
        )


def of_api(stage: Stage, service: str, api_id: str) -> dict[str, str]:
    """Return what is published about a service's API.

    Parameters
    ----------
    service
        Name in dashes.
    api_id
        Id that AWS gave the REST API.
    """
    return {
        f"{service}/api-id": api_id,
        f"{service}/api-url": aws_names.api_url(stage, api_id),
    }
