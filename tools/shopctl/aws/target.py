"""The stage and the services that a command works on."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from shopctl.aws import ssm_parameters
from shopctl.aws.clients import Cloud, connect
from shopctl.project import running_shop, services, stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.services import Service
from shopctl.project.stages import Stage

PAGE = "web"
"""The name of the web page among the names of services."""


@dataclass(frozen=True)
class Target:
    """The stage and the services that a command works on.

    Attributes
    ----------
    layout
        The checkout.
    stage
        The stage; on the embedded AWS with the URLs of the running shop.
    cloud
        The stage's account and region.
    services
        The chosen services, each after those it depends on.
    page
        Whether the web page is chosen too.
    """

    layout: Layout
    stage: Stage
    cloud: Cloud
    services: tuple[Service, ...]
    page: bool = False

    @property
    def origin(self) -> str:
        """The shop's origin.

        Raises
        ------
        ShopProblem
            If it is the name of a distribution that is not deployed yet.
        """
        if not self.stage.origin:
            raise ShopProblem(
                f"The stage {self.stage.name} has no edge yet, whose name it uses as its origin.",
                f"Deploy it with ./shop deploy --stage {self.stage.name} --infra edge.",
            )
        return self.stage.origin

    @cached_property
    def all_services(self) -> tuple[str, ...]:
        """Names of all services in dashes, chosen or not."""
        return tuple(service.dashed for service in services.load(self.layout.apps))


def find_target(
    layout: Layout, stage_name: str, only: Sequence[str] = (), *, with_page: bool = False
) -> Target:
    """Return the target of a command after verifying that the credentials are the stage's.

    A stage without an origin of its own gets the one that its edge published.

    Parameters
    ----------
    only
        Names of the services; empty chooses all.
    with_page
        Whether the command works on the web page too: it is chosen as ``web``, or with all
        services.

    Raises
    ------
    ShopProblem
        If the stage or a service is unknown, or the credentials are missing or of another
        account.
    """
    stage = stages.load(layout.stages, stage_name)
    named = [name for name in only if not with_page or name != PAGE]
    chosen = services.load(layout.apps, named) if named or not only else []
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/") or None
    shop = running_shop.read(layout.state)
    if endpoint is None and stage.aws and shop and not shop.dead():
        stage = on_running_shop(layout, stage, shop)
        endpoint = stage.aws
    cloud = connect(stage, endpoint)
    if endpoint:
        stage = msgspec.structs.replace(stage, aws=endpoint)
    if not stage.origin:
        origin = ssm_parameters.read(cloud).get(ssm_parameters.ORIGIN, "")
        stage = msgspec.structs.replace(stage, origin=origin)
        cloud.parameters = stage.parameters
    page = with_page and (not only or PAGE in only)
    return Target(layout, stage, cloud, tuple(chosen), page)


def on_running_shop(layout: Layout, stage: Stage, shop: running_shop.RunningShop) -> Stage:
    """Return a stage with the URLs of the running shop, and the keys of its gateway."""
    rolled = layout.home / "gateway" / "keys.json"
    return msgspec.structs.replace(
        stage,
        aws=shop["aws"].url,
        gateway=shop["gateway"].url,
        gateway_keys=msgspec.json.decode(rolled.read_bytes()) if rolled.exists() else {},
        origin=shop["edge"].url,
    )
