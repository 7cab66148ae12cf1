"""Fixtures of the replay's tests."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from shopctl.aws.target import Target
from shopctl.operating.replay import routes
from shopctl.project import services, stages
from shopctl.project.layout import Layout
from support.dead_letter_queues import DeadLetterQueues, Functions, MemoryCloud
from support.paths import ROOT


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def cloud(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryCloud]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield MemoryCloud(functions)


@pytest.fixture
def target(cloud: MemoryCloud) -> Target:
    layout = Layout(ROOT, ROOT / ".shop", ROOT / "apps", ROOT / "stages.toml")
    stage = stages.load(layout.stages, "local")
    return Target(layout, stage, cloud, tuple(services.load(layout.apps)))


@pytest.fixture
def queues(target: Target, cloud: MemoryCloud) -> DeadLetterQueues:
    return DeadLetterQueues(cloud, routes.find(target.services, target.stage))
