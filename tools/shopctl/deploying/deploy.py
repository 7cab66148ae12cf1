"""Deploys services to a stage: resources, package, release, and what others need to know of it."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import msgspec
from botocore.exceptions import ClientError

from shopctl.aws.clients import Cloud, connect
from shopctl.deploying import alarms, gradual_release, stacks, stage_config
from shopctl.deploying.stage_config import Published
from shopctl.packaging import prebuilt
from shopctl.packaging.build import Package, build
from shopctl.project import delivery_config, running_shop, services, stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.services import Service
from shopctl.project.stages import Stage

LAMBDA_PYTHON = (3, 13)


@dataclass(frozen=True)
class Target:
    """Services, and the stage that a command is about."""

    layout: Layout
    stage: Stage
    cloud: Cloud
    services: tuple[Service, ...]

    def stack(self, service: Service) -> str:
        """Return the name of the stack that a release of a service replaces."""
        return stacks.name(self.cloud, service)

    @cached_property
    def all_services(self) -> tuple[str, ...]:
        """The names of all services, in dashes, whichever the command is about."""
        return tuple(service.dashed for service in services.load(self.layout.apps))

    @property
    def prefix(self) -> str:
        """What the names of the stage's SSM parameters begin with."""
        return f"/toyshop/{self.stage.name}/"


def target(layout: Layout, stage_name: str, only: Sequence[str] = ()) -> Target:
    """Find the stage and the services, and make sure that the credentials are the stage's.

    Raises
    ------
    ShopProblem
        If one of them is unknown, or the credentials are missing or of another account.
    """
    stage = stages.load(layout.stages, stage_name)
    chosen = services.load(layout.apps, only)
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/") or None
    state = running_shop.read(layout.state)
    if endpoint is None and stage.aws and state and not state.dead():
        endpoint = state["aws"].url
        running = {"origin": state["edge"].url, "gateway": state["gateway"].url}
        stage = msgspec.structs.replace(stage, **running)
    cloud = connect(stage, endpoint)
    if endpoint:
        stage = msgspec.structs.replace(stage, aws=endpoint)
    return Target(layout, stage, cloud, tuple(chosen))


def deploy(
    to: Target, say: Callable[[str], None], packages: Path | None = None
) -> dict[str, stacks.Outcome]:
    """Deploy services, each after those it depends on.

    Running it again after an interruption goes on where that one stopped.

    Parameters
    ----------
    say
        Told of each stack.
    packages
        A directory with the code, made by `./shop package`; else it is built now.

    Returns
    -------
    dict
        What became of each stack.

    Raises
    ------
    ShopProblem
        Before any change, if something that is needed is missing; later, if a stack fails.
    """
    to.stage.require("cloudformation")
    check_python(to)
    made = prebuilt.read(to.services, to.layout, packages) if packages else None
    published = read_published(to)
    _check_needs(to, published)
    outcomes = deploy_resources(to, say)
    for wave in services.waves(to.services):
        published = read_published(to)
        ready = [
            package(to, service, published, made.code(service) if made else None)
            for service in wave
        ]
        released = stacks.deploy_packages(to.cloud, ready)
        for service in wave:
            publish_api_of(to, service)
        for name, outcome in released.items():
            say(f"{name} {outcome}")
        outcomes |= released
    return outcomes


def deploy_resources(to: Target, say: Callable[[str], None]) -> dict[str, stacks.Outcome]:
    """Deploy what outlives a release, and no more; `chalice deploy` does the rest."""
    _check_alarms(to)
    outcomes = stacks.deploy_resources(to.cloud, to.services)
    for name, outcome in outcomes.items():
        say(f"{name} {outcome}")
    return outcomes


def _check_alarms(to: Target) -> None:
    """Refuse a stage that has somebody to tell of alarms, and nothing yet that does."""
    if to.stage.alarms_to:
        read_published(to)[alarms.TOPIC]


def configure(to: Target) -> dict[str, list[str]]:
    """Render the stage's part of each service's `.chalice`.

    Returns
    -------
    dict
        The names of the files that changed, by service.

    Raises
    ------
    ShopProblem
        Before any change, if a service has not published what another needs.
    """
    published = read_published(to)
    files = {s.name: stage_config.render(s, to.stage, published) for s in to.services}
    return {s.name: stage_config.write(s, files[s.name]) for s in to.services}


def package(
    to: Target, service: Service, published: Published, code: Path | None = None
) -> Package:
    """Package a service for its stage, around code that was built before if there is any."""
    if to.stage.name == "local":
        origins = {"aws": to.stage.aws, "gateway": to.stage.gateway, "edge": to.stage.origin}
        return build(service, "local", to.layout, origins, code=code)
    rendered = stage_config.render(service, to.stage, published)
    built = build(
        service,
        to.stage.name,
        to.layout,
        {},
        rendered=rendered,
        for_lambda=not to.cloud.is_local,
        code=code,
    )
    if to.stage.shift:
        # the embedded AWS has aliases, but no CodeDeploy
        how = None if to.cloud.is_local else to.stage.shift
        built = replace(built, template=gradual_release.apply(built.template, how))
    return built


def check_python(to: Target) -> None:
    """Refuse to build for AWS with another Python than the functions run on.

    Raises
    ------
    ShopProblem
        If this is another.
    """
    if to.cloud.is_local or sys.version_info[:2] == LAMBDA_PYTHON:
        return
    wanted, present = (".".join(map(str, v[:2])) for v in (LAMBDA_PYTHON, sys.version_info))
    raise ShopProblem(
        f"A release is built with Python {wanted}, and this is {present}.",
        f"Delete .venv and run the command with SHOP_PYTHON=python{wanted}.",
    )


def read_published(to: Target) -> Published:
    """Read what the stage's services published of themselves."""
    pages = to.cloud.client("ssm").get_paginator("get_parameters_by_path")
    published = Published(
        (parameter["Name"].removeprefix(to.prefix), parameter["Value"])
        for page in pages.paginate(Path=to.prefix, Recursive=True)
        for parameter in page["Parameters"]
    )
    published.stage = to.stage.name
    return published


def publish_api(to: Target, service: Service, api_id: str) -> None:
    """Let other services know where a service's API is."""
    present = read_published(to)
    for key, value in where_api_is(to, service, api_id).items():
        if present.get(key) != value:
            to.cloud.client("ssm").put_parameter(
                Name=to.prefix + key, Value=value, Type="String", Overwrite=True
            )


def where_api_is(to: Target, service: Service, api_id: str) -> dict[str, str]:
    """Return what is published of a service's API, by name."""
    url = f"https://{api_id}.execute-api.{to.stage.region}.amazonaws.com/api"
    if to.cloud.is_local:
        url = f"{to.stage.aws}/restapis/{api_id}/api/_user_request_"
    return {f"{service.dashed}/api-id": api_id, f"{service.dashed}/api-url": url}


def publish_api_of(to: Target, service: Service) -> None:
    """Let other services know where the API of a service's stack is."""
    resource = to.cloud.client("cloudformation").describe_stack_resource(
        StackName=to.stack(service), LogicalResourceId="RestAPI"
    )
    publish_api(to, service, str(resource["StackResourceDetail"]["PhysicalResourceId"]))


class Expected(Published):
    """What is published, and what the services about to be deployed will publish."""

    def __init__(self, published: Published, deployed: Sequence[Service]) -> None:
        super().__init__(published)
        self.stage = published.stage
        self._deployed = {service.dashed for service in deployed}

    def __missing__(self, name: str) -> str:
        if name.partition("/")[0] in self._deployed:
            return "to-be-published"
        return super().__missing__(name)


def _check_needs(to: Target, published: Published) -> None:
    _check_alarms(to)
    expected = Expected(published, to.services)
    for service in to.services:
        stage_config.render(service, to.stage, expected)
        delivery_config.read(service, to.stage, expected)
    if to.stage.gateway or not any(service.name == "payments" for service in to.services):
        return
    name = stage_config.gateway_secret(to.stage)
    try:
        to.cloud.client("secretsmanager").describe_secret(SecretId=name)
    except ClientError:
        raise ShopProblem(
            f"The keys of the payment gateway are missing: there is no secret {name}.",
            'Create it in Secrets Manager with {"api_key": …, "webhook_secret": …}.',
        ) from None
