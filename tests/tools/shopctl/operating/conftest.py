"""Fixtures of the tests of dead letters and of erasures."""

import pytest

from shopctl.aws.target import Target
from shopctl.operating.replay import routes
from shopctl.project import services, stages
from shopctl.project.layout import Layout
from support.dead_letter_queues import DeadLetterQueues, Functions, MemoryCloud
from support.moto_aws import aws
from support.paths import ROOT

__all__ = ["aws"]


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def cloud(functions: Functions, aws: None) -> MemoryCloud:
    return MemoryCloud(functions)


@pytest.fixture
def target(cloud: MemoryCloud) -> Target:
    layout = Layout(ROOT, ROOT / ".shop")
    stage = stages.load(layout.stages, "local")
    return Target(layout, stage, cloud, tuple(services.load(layout.apps)))


@pytest.fixture
def queues(target: Target, cloud: MemoryCloud) -> DeadLetterQueues:
    return DeadLetterQueues(cloud, routes.find(target.services, target.stage))
