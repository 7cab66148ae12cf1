"""The record of releases, and the previous release."""

from pathlib import Path

import pytest

from shopctl.aws import cloudformation
from shopctl.deploying import releases, stacks
from shopctl.project.services import Service
from support.fake_cloudformation import FakeCloud, package

BUCKET = "toyshop-local-deployments-123456789012"


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


def deploy(cloud: FakeCloud, tmp_path: Path, code: bytes) -> Service:
    made = package(tmp_path, "orders", code)
    cloud.formation.ends = "UPDATE_COMPLETE" if cloud.formation.stacks else "CREATE_COMPLETE"
    stacks.deploy_packages(cloud, [made])
    return made.service


def present(cloud: FakeCloud) -> str:
    stack = cloudformation.describe(cloud, "toyshop-local-orders")
    assert stack
    return cloudformation.release_of(stack)


def code_before(cloud: FakeCloud, service: Service) -> bytes | None:
    found = releases.before(cloud, BUCKET, service.name, present(cloud))
    return cloud.storage.objects[found.code] if found else None


def test_first_release_has_no_predecessor(cloud: FakeCloud, tmp_path: Path) -> None:
    assert code_before(cloud, deploy(cloud, tmp_path, b"one")) is None


def test_previous_release_is_kept_with_its_code(cloud: FakeCloud, tmp_path: Path) -> None:
    for code in (b"one", b"two", b"two"):
        service = deploy(cloud, tmp_path, code)
    # a release that is deployed twice is recorded once
    assert code_before(cloud, service) == b"one"
    deploy(cloud, tmp_path, b"three")
    assert code_before(cloud, service) == b"two"


def test_code_of_the_previous_release_is_kept_after_a_rollback(
    cloud: FakeCloud, tmp_path: Path
) -> None:
    # GIVEN a release that was rolled back
    for code in (b"one", b"two"):
        service = deploy(cloud, tmp_path, code)
    found = releases.before(cloud, BUCKET, service.name, present(cloud))
    assert found
    releases.delete_after(cloud, BUCKET, service.name, found)
    template = cloudformation.template(cloud, "toyshop-local-orders", found.body, found.parameters)
    cloudformation.deploy(cloud, template, BUCKET)
    # WHEN the next one is deployed THEN it can be rolled back too
    deploy(cloud, tmp_path, b"three")
    assert code_before(cloud, service) == b"one"


def test_release_that_was_deployed_but_not_recorded_can_be_rolled_back(
    cloud: FakeCloud, tmp_path: Path
) -> None:
    # GIVEN a command that was killed between a deployment and its record
    service = deploy(cloud, tmp_path, b"one")
    kept = dict(cloud.storage.objects)
    deploy(cloud, tmp_path, b"two")
    cloud.storage.objects = kept
    # WHEN it is rolled back THEN the previous one is deployed
    assert code_before(cloud, service) == b"one"
    # AND a deployment that changes nothing records it
    deploy(cloud, tmp_path, b"two")
    assert len(cloud.storage.kept("releases/orders/")) == 2
    assert code_before(cloud, service) == b"one"


def test_release_rolled_back_by_cloudformation_is_not_the_current_one(
    cloud: FakeCloud, tmp_path: Path
) -> None:
    for code in (b"one", b"two"):
        service = deploy(cloud, tmp_path, code)
    # GIVEN a third one that failed: the last recorded one is deployed
    found = releases.before(cloud, BUCKET, service.name, None)
    # THEN the one before that is the previous release
    assert found
    assert cloud.storage.objects[found.code] == b"one"
