"""What a deploy would change on a stage, and how the stage differs from the repository."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from shopctl.aws import cloudformation, ssm_parameters
from shopctl.aws.ssm_parameters import ExpectedValues
from shopctl.aws.target import Target, find_target
from shopctl.deploying import deploy
from shopctl.drift import live as live_stage
from shopctl.drift import planned, shown
from shopctl.drift.live import Drift
from shopctl.drift.planned import Stack
from shopctl.packaging.package import Package
from shopctl.project import aws_names
from shopctl.project.layout import Layout


class Differences(msgspec.Struct, frozen=True):
    """What was compared.

    Attributes
    ----------
    stacks
        What a deploy would make of each; empty if the stage was compared as it stands.
    things
        What differs on the stage itself.
    not_compared
        How many resources of which types were not looked at there.
    """

    stage: str
    stacks: list[Stack]
    things: list[live_stage.Thing]
    not_compared: dict[str, int]

    @property
    def differs(self) -> bool:
        """Whether there is any difference."""
        return bool(self.things) or any(one.outcome != "unchanged" for one in self.stacks)


def find(layout: Layout, stage: str, services: Sequence[str], *, live: bool) -> Differences:
    """Compare a stage with the repository; nothing is changed.

    Parameters
    ----------
    services
        Names; empty is all.
    live
        Compare the stage as it stands with what the repository says, instead of what was
        deployed with what a deploy would send.

    Raises
    ------
    ShopProblem
        If something that is needed is missing.
    """
    to = find_target(layout, stage, services)
    deploy.check_python(to)
    everything = len(to.services) == len(to.all_services)
    packages = _packages(to)
    if live:
        drift = live_stage.drift(to, packages, everything=everything)
        return Differences(stage, [], drift.things, drift.not_compared)
    if to.stage.mode == "cloudformation":
        return Differences(stage, planned.plan(to, packages, everything=everything), [], {})
    # a release of Chalice's has no stack: what it would change is on the stage alone
    resources = planned.plan(to, {}, everything=everything)
    drift = live_stage.drift(to, packages, everything=False, release_only=True)
    return Differences(stage, resources, drift.things, {})


def _packages(to: Target) -> dict[str, Package]:
    """Make the packages of services, as a deploy would."""
    published = ExpectedValues(
        ssm_parameters.read(to.cloud), [service.dashed for service in to.services]
    )
    for service in to.services:
        # what is published wrongly is put right before it is used
        api_id = cloudformation.physical_ids(
            to.cloud, aws_names.resource(to.stage.name, service.name)
        ).get("RestAPI")
        if api_id:
            published |= ssm_parameters.of_api(to.stage, service.dashed, api_id)
    return {one.name: deploy.package(to, one, published) for one in to.services}


def lines(found: Differences) -> Iterator[str]:
    """Yield differences for a person; a line that there are none, if so."""
    yield from shown.stacks(found.stacks)
    yield from shown.things(Drift(found.things, found.not_compared))
    if not found.differs:
        yield f"The stage {found.stage} is as the repository says."


def as_json(found: Differences) -> Any:
    """Return differences as what JSON can hold."""
    return msgspec.to_builtins(found)
