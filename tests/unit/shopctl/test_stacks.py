"""Creating and updating stacks, against a CloudFormation that does what a test says."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shopctl import stacks
from shopctl.cloud import Cloud
from shopctl.packaging.build import Package
from shopctl.problems import ShopProblem
from shopctl.services import Service

TEMPLATE = {
    "Parameters": {"Stage": {"Type": "String"}},
    "Resources": {
        "Handler": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "./d.zip"}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
    },
}


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Any")


@dataclass
class Formation:
    """CloudFormation that ends every stack in `ends`."""

    ends: str = "CREATE_COMPLETE"
    events: list[dict[str, str]] = field(default_factory=list)
    stacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        for stack in self.stacks.values():
            if StackName in (stack["StackName"], stack["StackId"]):
                return {"Stacks": [stack]}
        raise refused("ValidationError", f"Stack with id {StackName} does not exist")

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"StackEvents": self.events}

    def create_stack(self, **request: Any) -> dict[str, str]:
        return self._start("create", request)

    def update_stack(self, **request: Any) -> dict[str, str]:
        return self._start("update", request)

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        self.calls.append(("delete", StackName))
        self.stacks[StackName]["StackStatus"] = "DELETE_COMPLETE"

    def _start(self, action: str, request: dict[str, Any]) -> dict[str, str]:
        name = request["StackName"]
        self.calls.append((action, name))
        self.stacks[name] = {**request, "StackId": f"arn:{name}", "StackStatus": self.ends}
        return {"StackId": f"arn:{name}"}


class Storage:
    """S3 with one bucket."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.meta = type("Meta", (), {"region_name": "eu-west-1", "endpoint_url": "https://s3"})

    def head_bucket(self, Bucket: str) -> None:  # noqa: N803
        pass

    def head_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        if Key not in self.objects:
            raise refused("404", "Not Found")

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        self.objects[Key] = Body

    def delete_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        del self.objects[Key]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise refused("NoSuchKey", "Not Found")
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_paginator(self, _: str) -> "Storage":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        return [{"Contents": [{"Key": key} for key in self.objects if key.startswith(Prefix)]}]

    def kept(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix."""
        return sorted(key for key in self.objects if key.startswith(prefix))


class FakeCloud(Cloud):
    """A cloud with those two."""

    def __init__(self, *, local: bool = True) -> None:
        super().__init__("local" if local else "prod", "http://127.0.0.1:1" if local else None)
        self.formation, self.storage = Formation(), Storage()

    def client(self, service: str) -> Any:
        return {"cloudformation": self.formation, "s3": self.storage}[service]

    def account(self) -> str:
        return "123456789012"


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


def package(tmp_path: Path, name: str = "orders", code: bytes = b"code", *needs: str) -> Package:
    archive = tmp_path / f"{name}.zip"
    archive.write_bytes(io.BytesIO(code).getvalue())
    service = Service(name, tmp_path, frozenset(needs), frozenset())
    return Package(service, archive, TEMPLATE, "digest", reused=False)


def test_new_stack_is_created_with_its_code_and_parameters(
    cloud: FakeCloud, tmp_path: Path
) -> None:
    # WHEN a service is released for the first time
    outcomes = stacks.deploy_packages(cloud, [package(tmp_path, "file_manager")])
    # THEN its stack is created, from code in the bucket, for the stage
    assert outcomes == {"toyshop-local-file-manager": "created"}
    stack = cloud.formation.stacks["toyshop-local-file-manager"]
    (key,) = cloud.storage.kept("file_manager/")
    assert f'"Key": "{key}"' in stack["TemplateBody"]
    assert stack["Parameters"] == [{"ParameterKey": "Stage", "ParameterValue": "local"}]
    # AND the REST API, which takes the stack's tags, gets a known id
    assert {"Key": "ms-custom-id", "Value": "toyshop-local-file-manager"} in stack["Tags"]


def test_unchanged_stack_is_left_alone_and_a_changed_one_updated(
    cloud: FakeCloud, tmp_path: Path
) -> None:
    stacks.deploy_packages(cloud, [package(tmp_path)])
    again = stacks.deploy_packages(cloud, [package(tmp_path)])
    assert again == {"toyshop-local-orders": "unchanged"}
    assert len(cloud.formation.calls) == 1
    cloud.formation.ends = "UPDATE_COMPLETE"
    changed = stacks.deploy_packages(cloud, [package(tmp_path, "orders", b"new")])
    assert changed == {"toyshop-local-orders": "updated"}


def test_local_cloud_forgets_old_releases_and_aws_does_not(tmp_path: Path) -> None:
    for local, kept in ((True, 2), (False, 4)):
        cloud = FakeCloud(local=local)
        for version in range(4):
            stacks.deploy_packages(cloud, [package(tmp_path, "orders", b"%d" % version)])
        assert len(cloud.storage.kept("orders/")) == kept
        assert len(cloud.storage.kept("releases/orders/")) == kept
        tags = cloud.formation.stacks[f"toyshop-{cloud.stage}-orders"]["Tags"]
        assert any(tag["Key"] == "ms-custom-id" for tag in tags) == local


def test_service_is_released_after_those_it_depends_on(cloud: FakeCloud, tmp_path: Path) -> None:
    packages = [
        package(tmp_path, "front", b"f", "orders", "mail"),
        package(tmp_path, "orders", b"o"),
        package(tmp_path, "mail", b"m"),
    ]
    stacks.deploy_packages(cloud, packages)
    assert cloud.formation.calls[-1] == ("create", "toyshop-local-front")


def test_failure_names_the_first_resource_and_the_reason(cloud: FakeCloud, tmp_path: Path) -> None:
    # GIVEN a stack that fails: newest event first, as AWS tells
    cloud.formation.ends = "ROLLBACK_COMPLETE"
    cloud.formation.events = [
        {"LogicalResourceId": "orders", "ResourceStatus": "ROLLBACK_IN_PROGRESS"},
        {
            "LogicalResourceId": "Other",
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": "Resource creation cancelled",
        },
        {
            "LogicalResourceId": "Table",
            "ResourceType": "AWS::DynamoDB::Table",
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": "Table already exists.",
        },
    ]
    # WHEN it is deployed THEN the sentence says what to look at
    sentence = (
        r"^The stack toyshop-local-orders failed:"
        r" Table \(AWS::DynamoDB::Table\): Table already exists\.$"
    )
    with pytest.raises(ShopProblem, match=sentence):
        stacks.deploy_packages(cloud, [package(tmp_path)])


def test_stack_that_was_rolled_back_is_created_anew(cloud: FakeCloud, tmp_path: Path) -> None:
    cloud.formation.ends = "ROLLBACK_COMPLETE"
    with pytest.raises(ShopProblem):
        stacks.deploy_packages(cloud, [package(tmp_path)])
    cloud.formation.ends = "CREATE_COMPLETE"
    assert stacks.deploy_packages(cloud, [package(tmp_path)]) == {"toyshop-local-orders": "created"}
    assert [action for action, _ in cloud.formation.calls] == ["create", "delete", "create"]


def test_large_template_travels_through_the_bucket(cloud: FakeCloud, tmp_path: Path) -> None:
    large = package(tmp_path)
    large.template["Description"] = "x" * 60_000
    try:
        stacks.deploy_packages(cloud, [large])
    finally:
        del large.template["Description"]
    stack = cloud.formation.stacks["toyshop-local-orders"]
    assert "TemplateBody" not in stack
    assert stack["TemplateURL"].startswith("https://s3/toyshop-local-deployments-123456789012/")
