"""Fake CloudFormation, S3, SSM and Secrets Manager for tests of stacks and releases."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from shopctl.aws.clients import Cloud
from shopctl.packaging.package import Package
from shopctl.project.manifest import Manifest
from shopctl.project.services import Service

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
    """CloudFormation whose operations end with the status `ends`, and deletions with `deleted`."""

    ends: str = "CREATE_COMPLETE"
    deleted: str = "DELETE_COMPLETE"
    events: list[dict[str, str]] = field(default_factory=list)
    operation_events: list[dict[str, str]] = field(default_factory=list)
    summaries: list[dict[str, str]] = field(default_factory=list)
    stacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        for stack in self.stacks.values():
            if StackName in (stack["StackName"], stack["StackId"]):
                return {"Stacks": [stack]}
        raise refused("ValidationError", f"Stack with id {StackName} does not exist")

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"StackEvents": self.events}

    def describe_events(self, StackName: str, Filters: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        assert Filters == {"FailedEvents": True}
        return {"OperationEvents": self.operation_events}

    def get_template(self, StackName: str, TemplateStage: str) -> dict[str, Any]:  # noqa: N803
        assert TemplateStage == "Original"
        return {"TemplateBody": self.stacks[StackName]["TemplateBody"]}

    def create_stack(self, **request: Any) -> dict[str, str]:
        return self._start("create", request)

    def update_stack(self, **request: Any) -> dict[str, str]:
        return self._start("update", request)

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        self.calls.append(("delete", StackName))
        self.stacks[StackName]["StackStatus"] = self.deleted

    def get_paginator(self, operation: str) -> "Formation":
        assert operation == "list_stack_resources"
        return self

    def paginate(self, StackName: str) -> list[dict[str, Any]]:  # noqa: N803
        return [{"StackResourceSummaries": self.summaries}]

    def _start(self, action: str, request: dict[str, Any]) -> dict[str, str]:
        name = request["StackName"]
        self.calls.append((action, name))
        self.requests.append(request)
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
        """Return the keys with a prefix."""
        return sorted(key for key in self.objects if key.startswith(prefix))


@dataclass
class Parameters:
    """SSM with parameters by name."""

    values: dict[str, str] = field(default_factory=dict)
    calls: int = 0

    def get_parameters(self, Names: list[str]) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        assert 1 <= len(Names) <= 10  # as AWS
        found = [name for name in Names if name in self.values]
        return {"Parameters": [self._described(name) for name in found]}

    def get_paginator(self, _: str) -> "Parameters":
        return self

    def paginate(self, Path: str, Recursive: bool) -> Iterator[dict[str, Any]]:  # noqa: N803
        found = [name for name in self.values if name.startswith(Path)]
        yield {"Parameters": [self._described(name) for name in found]}

    def put_parameter(self, Name: str, Value: str, **_: Any) -> None:  # noqa: N803
        self.values[Name] = Value

    def delete_parameters(self, Names: list[str]) -> None:  # noqa: N803
        for name in Names:
            self.values.pop(name, None)

    def _described(self, name: str) -> dict[str, str]:
        return {"Name": name, "Value": self.values[name], "Type": "String"}


@dataclass
class Secrets:
    """Secrets Manager with the versions of secrets by name, the current one last."""

    versions: dict[str, list[str]] = field(default_factory=dict)
    calls: int = 0

    def describe_secret(self, SecretId: str) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        if SecretId not in self.versions:
            raise refused("ResourceNotFoundException", "Secrets Manager can't find the secret.")
        stages = ("AWSCURRENT", "AWSPREVIOUS")
        latest = zip(reversed(self.versions[SecretId]), stages, strict=False)
        return {"VersionIdsToStages": {version: [stage] for version, stage in latest}}


class FakeCloud(Cloud):
    """A cloud with these services."""

    def __init__(self, *, local: bool = True) -> None:
        super().__init__("local" if local else "prod", "http://127.0.0.1:1" if local else None)
        self.formation, self.storage = Formation(), Storage()
        self.ssm, self.secrets = Parameters(), Secrets()

    def client(self, service: str) -> Any:
        clients = {
            "cloudformation": self.formation,
            "s3": self.storage,
            "ssm": self.ssm,
            "secretsmanager": self.secrets,
        }
        return clients[service]

    def account(self) -> str:
        return "123456789012"


def package(tmp_path: Path, name: str = "orders", code: bytes = b"code", *needs: str) -> Package:
    archive = tmp_path / f"{name}.zip"
    archive.write_bytes(io.BytesIO(code).getvalue())
    service = Service(tmp_path, Manifest(name=name, visibility="private"), frozenset(needs))
    return Package(service, archive, TEMPLATE, "digest", reused=False)
