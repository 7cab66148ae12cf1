"""Rolling back, and what is refused before any change."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from shopctl.aws.target import Target
from shopctl.deploying import rollback, stacks
from shopctl.project import stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from support.fake_cloudformation import FakeCloud, Formation, package

LAYOUT = Layout.find()
LOCAL = stages.load(LAYOUT.stages, "local")


class WithApi(Formation):
    """CloudFormation whose stacks have an API."""

    def describe_stack_resource(self, **_: str) -> dict[str, Any]:
        return {"StackResourceDetail": {"PhysicalResourceId": "api"}}


class CloudWithApi(FakeCloud):
    """A cloud with these services."""

    def __init__(self) -> None:
        super().__init__()
        self.formation = WithApi()


@pytest.fixture
def cloud() -> CloudWithApi:
    return CloudWithApi()


def release(cloud: CloudWithApi, tmp_path: Path, **code: bytes) -> Target:
    """Release services one after the other; return a target with the last of each."""
    packages = [package(tmp_path, name, content) for name, content in code.items()]
    for one in packages:
        exists = f"toyshop-local-{one.service.dashed}" in cloud.formation.stacks
        cloud.formation.ends = "UPDATE_COMPLETE" if exists else "CREATE_COMPLETE"
        stacks.deploy_packages(cloud, [one])
    cloud.formation.ends = "UPDATE_COMPLETE"
    return Target(LAYOUT, LOCAL, cloud, tuple(one.service for one in packages))


def served(cloud: CloudWithApi, name: str) -> bytes:
    body = cloud.formation.stacks[f"toyshop-local-{name}"]["TemplateBody"]
    key = msgspec.json.decode(body)["Resources"]["Handler"]["Properties"]["CodeUri"]["Key"]
    return cloud.storage.objects[key]


def test_rollback_deploys_the_previous_release(cloud: CloudWithApi, tmp_path: Path) -> None:
    release(cloud, tmp_path, orders=b"good")
    to = release(cloud, tmp_path, orders=b"broken")
    reported: list[str] = []
    rollback.roll_back(to, reported.append)
    assert reported == ["toyshop-local-orders rolled back"]
    assert served(cloud, "orders") == b"good"
    # AND there is no earlier one
    with pytest.raises(ShopProblem, match=r"^orders has no release before the current one"):
        rollback.roll_back(to, reported.append)


def test_interrupted_rollback_goes_to_the_same_release_again(
    cloud: CloudWithApi, tmp_path: Path
) -> None:
    for code in (b"older", b"good"):
        release(cloud, tmp_path, orders=code)
    # GIVEN a rollback that was killed before the stack changed
    to = release(cloud, tmp_path, orders=b"broken")
    update = cloud.formation.update_stack
    cloud.formation.update_stack = lambda **_: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        rollback.roll_back(to, print)
    cloud.formation.update_stack = update  # type: ignore[method-assign]
    # WHEN it is run again
    rollback.roll_back(to, print)
    # THEN the same release is deployed
    assert served(cloud, "orders") == b"good"


def test_nothing_changes_unless_every_service_can_be_rolled_back(
    cloud: CloudWithApi, tmp_path: Path
) -> None:
    # GIVEN a service with a previous release, and one without
    release(cloud, tmp_path, orders=b"good")
    to = release(cloud, tmp_path, toys=b"first", orders=b"broken")
    # WHEN both are to be rolled back THEN neither is
    with pytest.raises(ShopProblem, match=r"^toys has no release before the current one"):
        rollback.roll_back(to, print)
    assert served(cloud, "orders") == b"broken"


def test_release_whose_code_is_gone_is_refused(cloud: CloudWithApi, tmp_path: Path) -> None:
    release(cloud, tmp_path, orders=b"good")
    to = release(cloud, tmp_path, orders=b"broken")
    for key in cloud.storage.kept("orders/"):
        del cloud.storage.objects[key]
    calls = len(cloud.formation.calls)
    with pytest.raises(ShopProblem, match="code of the previous release of orders is gone"):
        rollback.roll_back(to, print)
    assert len(cloud.formation.calls) == calls


def test_rollback_of_a_chalice_stage_is_refused(cloud: CloudWithApi, tmp_path: Path) -> None:
    to = release(cloud, tmp_path, orders=b"good")
    own = Target(LAYOUT, msgspec.structs.replace(LOCAL, mode="chalice"), cloud, to.services)
    with pytest.raises(ShopProblem, match="marked chalice") as refused:
        rollback.roll_back(own, print)
    assert "chalice deploy" in refused.value.remedy
