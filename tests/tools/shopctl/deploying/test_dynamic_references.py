"""Dynamic references: a stack changes with what they stand for."""

import json
from pathlib import Path
from typing import Any

import pytest

from shopctl.aws import dynamic_references
from shopctl.aws.target import Target
from shopctl.deploying import releases, rollback, stacks
from shopctl.packaging.package import Package
from shopctl.project import stages
from shopctl.project.layout import Layout
from support.fake_cloudformation import FakeCloud, Formation, package

LAYOUT = Layout.find()
LOCAL = stages.load(LAYOUT.stages, "local")
SECRET = "toyshop-local-payments-gateway"
KEY = f"{{{{resolve:secretsmanager:{SECRET}:SecretString:api_key}}}}"
TOPIC = {"Fn::Sub": "{{resolve:ssm:/toyshop/${Stage}/alarms/topic-arn}}"}
PARAMETERS = [{"ParameterKey": "Stage", "ParameterValue": "local"}]


class WithApi(Formation):
    """CloudFormation whose stacks have an API."""

    def describe_stack_resource(self, **_: str) -> dict[str, Any]:
        return {"StackResourceDetail": {"PhysicalResourceId": "api"}}


@pytest.fixture
def cloud() -> FakeCloud:
    cloud = FakeCloud()
    cloud.formation = WithApi()
    cloud.ssm.values["/toyshop/local/alarms/topic-arn"] = "arn:topic/1"
    cloud.secrets.versions[SECRET] = ["v1"]
    return cloud


def with_setting(made: Package, value: Any) -> Package:
    template = json.loads(json.dumps(made.template))
    template["Resources"]["Handler"]["Properties"]["Environment"] = {"Variables": {"X": value}}
    return Package(made.service, made.archive, template, made.digest, reused=False)


def release(cloud: FakeCloud, tmp_path: Path, code: bytes = b"one") -> dict[str, str]:
    """Release payments, which reads a secret, mail, which reads a parameter, and toys."""
    cloud.formation.ends = "UPDATE_COMPLETE" if cloud.formation.stacks else "CREATE_COMPLETE"
    packages = [
        with_setting(package(tmp_path, "payments", code), KEY),
        with_setting(package(tmp_path, "mail"), TOPIC),
        package(tmp_path, "toys"),
    ]
    outcomes = stacks.deploy_packages(cloud, packages)
    return {name.removeprefix("toyshop-local-"): outcome for name, outcome in outcomes.items()}


def sent(cloud: FakeCloud, name: str) -> Any:
    body = json.loads(cloud.formation.stacks[f"toyshop-local-{name}"]["TemplateBody"])
    return body["Resources"]["Handler"]["Properties"]["Environment"]["Variables"]["X"]


def test_stack_is_sent_what_its_references_stand_for(cloud: FakeCloud, tmp_path: Path) -> None:
    release(cloud, tmp_path)
    assert sent(cloud, "mail") == {"Fn::Sub": "arn:topic/1"}
    # a secret's value is in no template
    assert sent(cloud, "payments") == KEY.replace("api_key", "api_key::v1")
    # AND nothing changes as long as they stand for the same
    assert set(release(cloud, tmp_path).values()) == {"unchanged"}


def test_new_value_of_a_parameter_updates_those_that_refer_to_it(
    cloud: FakeCloud, tmp_path: Path
) -> None:
    release(cloud, tmp_path)
    cloud.ssm.values["/toyshop/local/alarms/topic-arn"] = "arn:topic/2"
    changed = {"payments": "unchanged", "mail": "updated", "toys": "unchanged"}
    assert release(cloud, tmp_path) == changed
    assert sent(cloud, "mail") == {"Fn::Sub": "arn:topic/2"}


def test_new_version_of_a_secret_updates_those_that_refer_to_it(
    cloud: FakeCloud, tmp_path: Path
) -> None:
    release(cloud, tmp_path)
    cloud.secrets.versions[SECRET].append("v2")
    changed = {"payments": "updated", "mail": "unchanged", "toys": "unchanged"}
    assert release(cloud, tmp_path) == changed
    assert sent(cloud, "payments").endswith(":api_key::v2}}")


def test_rollback_does_not_bring_back_an_earlier_version_of_a_secret(
    cloud: FakeCloud, tmp_path: Path
) -> None:
    # GIVEN two releases, and a rotation after each
    release(cloud, tmp_path, b"one")
    cloud.secrets.versions[SECRET].append("v2")
    release(cloud, tmp_path, b"two")
    cloud.secrets.versions[SECRET].append("v3")
    release(cloud, tmp_path, b"two")
    # a rotation is not a release: it is not what a rollback takes back
    assert len(cloud.storage.kept("releases/payments/")) == 2
    # WHEN the service is rolled back
    service = package(tmp_path, "payments").service
    rollback.roll_back(Target(LAYOUT, LOCAL, cloud, (service,)), print)
    # THEN the first release runs with the key of now
    body = json.loads(cloud.formation.stacks["toyshop-local-payments"]["TemplateBody"])
    code = body["Resources"]["Handler"]["Properties"]["CodeUri"]["Key"]
    assert cloud.storage.objects[code] == b"one"
    assert sent(cloud, "payments").endswith(":api_key::v3}}")
    # AND it is the current one
    release_now = releases.before(cloud, "b", service, None)
    assert release_now is None


@pytest.mark.parametrize(
    "text",
    [
        # not created yet: CloudFormation refuses it, or the stack itself creates it
        "{{resolve:ssm:/toyshop/local/orders/stream-arn}}",
        "{{resolve:secretsmanager:nowhere}}",
        "{{resolve:secretsmanager:${EdgeKey}}}",
        # one version already
        "{{resolve:ssm:/toyshop/local/alarms/topic-arn:1}}",
        f"{{{{resolve:secretsmanager:{SECRET}:SecretString:api_key::v0}}}}",
        f"{{{{resolve:secretsmanager:{SECRET}:SecretString:api_key:AWSPREVIOUS}}}}",
        "{{resolve:ssm-secure:/toyshop/local/alarms/topic-arn}}",
    ],
)
def test_reference_that_cannot_be_or_is_already_pinned_stays(cloud: FakeCloud, text: str) -> None:
    assert dynamic_references.pinned(cloud, text, PARAMETERS) == text


def test_every_way_to_name_a_secret_is_pinned(cloud: FakeCloud) -> None:
    arn = f"arn:aws:secretsmanager:us-east-1:000000000000:secret:{SECRET}-AbCdEf"
    cloud.secrets.versions[arn] = ["v7"]
    for text, wanted in {
        f"{{{{resolve:secretsmanager:{arn}}}}}": f"{arn}:SecretString:::v7",
        f"{{{{resolve:secretsmanager:{arn}:SecretString:key::}}}}": f"{arn}:SecretString:key::v7",
        "{{resolve:secretsmanager:toyshop-${Stage}-payments-gateway:SecretString:key}}": (
            f"{SECRET}:SecretString:key::v1"
        ),
    }.items():
        found = dynamic_references.pinned(cloud, text, PARAMETERS)
        assert found == f"{{{{resolve:secretsmanager:{wanted}}}}}"


def test_references_are_read_together(cloud: FakeCloud) -> None:
    names = [f"/toyshop/local/p{n}" for n in range(12)]
    cloud.ssm.values |= dict.fromkeys(names, 'a "quoted" value')
    body = json.dumps(
        [f"{{{{resolve:ssm:{name}}}}}" for name in names * 2]
        + [f"{{{{resolve:secretsmanager:{SECRET}:SecretString:{key}}}}}" for key in "abc"]
    )
    found = json.loads(dynamic_references.pinned(cloud, body, []))
    assert found[:24] == ['a "quoted" value'] * 24
    assert (cloud.ssm.calls, cloud.secrets.calls) == (2, 1)
