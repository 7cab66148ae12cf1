"""The stage and the services that a command works on."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from shopctl.aws.clients import Cloud, connect
from shopctl.project import running_shop, services, stages
from shopctl.project.layout import Layout
from shopctl.project.services import Service
from shopctl.project.stages import Stage


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
    """

    layout: Layout
    stage: Stage
    cloud: Cloud
    services: tuple[Service, ...]

    @cached_property
    def all_services(self) -> tuple[str, ...]:
        """Names of all services in dashes, chosen or not."""
        return tuple(service.dashed for service in services.load(self.layout.apps))


def find_target(layout: Layout, stage_name: str, only: Sequence[str] = ()) -> Target:
    """Return the target of a command after verifying that the credentials are the stage's.

    Parameters
    ----------
    only
        Names of the services; empty chooses all.

    Raises
    ------
    ShopProblem
        If the stage or a service is unknown, or the credentials are missing or of another
        account.
    """
    stage = stages.load(layout.stages, stage_name)
    chosen = services.load(layout.apps, only)
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/") or None
    shop = running_shop.read(layout.state)
    if endpoint is None and stage.aws and shop and not shop.dead():
        stage = on_running_shop(stage, shop)
        endpoint = stage.aws
    cloud = connect(stage, endpoint)
    if endpoint:
        stage = msgspec.structs.replace(stage, aws=endpoint)
    return Target(layout, stage, cloud, tuple(chosen))


def on_running_shop(stage: Stage, shop: running_shop.RunningShop) -> Stage:
    """Return a stage with the URLs of the running shop."""
    return msgspec.structs.replace(
        stage, aws=shop["aws"].url, gateway=shop["gateway"].url, origin=shop["edge"].url
    )
