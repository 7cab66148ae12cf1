"""Compares a stage with the repository: its deployed templates or its live resources."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from shopctl.aws import cloudformation, ssm_parameters
from shopctl.aws.ssm_parameters import ExpectedValues
from shopctl.aws.target import Target, find_target
from shopctl.deploying import deploy, page
from shopctl.drift import live as live_stage
from shopctl.drift import planned, report
from shopctl.drift.live import Drift
from shopctl.drift.planned import Stack
from shopctl.packaging.package import Package
from shopctl.project import aws_names
from shopctl.project.layout import Layout


class Differences(msgspec.Struct, frozen=True):
    """The result of a comparison.

    Attributes
    ----------
    stage
        Name of the stage.
    stacks
        What a deployment would do to each stack, and to the web page as ``web``; empty for a
        comparison of live resources.
    resources
        Live resources that differ.
    not_compared
        Number of live resources that were not compared, by type.
    """

    stage: str
    stacks: list[Stack]
    resources: list[live_stage.Difference]
    not_compared: dict[str, int]

    @property
    def differs(self) -> bool:
        """Whether there is any difference."""
        return bool(self.resources) or any(one.outcome != "unchanged" for one in self.stacks)


def find(layout: Layout, stage: str, services: Sequence[str], *, live: bool) -> Differences:
    """Compare a stage with the repository, without changing anything.

    Parameters
    ----------
    services
        Names of services; empty for all.
    live
        Compare the stage's live resources with the repository, instead of the deployed templates
        with those that a deployment would send.

    Raises
    ------
    ShopProblem
        If a prerequisite of a deployment is missing.
    """
    to = find_target(layout, stage, services, with_page=True)
    # without an edge, only a page that is named is an error
    wanted = to.page and (bool(services) or page.has_edge(to))
    pages = [planned.page_of(to)] if wanted and not live else []
    files = live_stage.page_files(to) if wanted and live else []
    if not to.services:
        return Differences(stage, pages, files, {})
    deploy.check_python(to)
    whole_stage = len(to.services) == len(to.all_services)
    packages = _packages(to)
    if live:
        drift = live_stage.drift(to, packages, whole_stage=whole_stage)
        return Differences(stage, [], [*drift.differences, *files], drift.not_compared)
    if to.stage.mode == "cloudformation":
        stacks = planned.plan(to, packages, whole_stage=whole_stage)
        return Differences(stage, [*stacks, *pages], [], {})
    # a release by Chalice has no stack: its live resources are compared
    planned_stacks = planned.plan(to, {}, whole_stage=whole_stage)
    drift = live_stage.drift(to, packages, whole_stage=False, release_only=True)
    return Differences(stage, [*planned_stacks, *pages], drift.differences, {})


def _packages(to: Target) -> dict[str, Package]:
    """Build the packages of services as a deployment would."""
    published = ExpectedValues(
        ssm_parameters.read(to.cloud), [service.dashed for service in to.services]
    )
    for service in to.services:
        # an outdated published value is corrected before it is used
        api_id = cloudformation.physical_ids(
            to.cloud, aws_names.resource(to.stage.name, service.name)
        ).get("RestAPI")
        if api_id:
            published |= ssm_parameters.of_api(to.stage, service.dashed, api_id)
    return {one.name: deploy.package(to, one, published) for one in to.services}


def lines(found: Differences) -> Iterator[str]:
    """Yield differences as lines of text, or one line that there are none."""
    yield from report.stacks(found.stacks)
    yield from report.differences(Drift(found.resources, found.not_compared))
    if not found.differs:
        yield f"The stage {found.stage} matches the repository."


def as_json(found: Differences) -> Any:
    """Return differences as JSON values."""
    return msgspec.to_builtins(found)
