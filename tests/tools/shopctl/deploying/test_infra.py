"""Deploying infrastructure."""

import sys
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from shopctl.aws.clients import Cloud
from shopctl.aws.target import Target
from shopctl.cli.deploy import deploy_command
from shopctl.deploying import deploy, infra, stacks, teardown
from shopctl.project import services
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.stages import Stage
from support.fake_cloudformation import Formation, Parameters
from support.sample_stages import PROD

LAYOUT = Layout.find()
SERVICES = services.load(LAYOUT.apps)
# deployed without retention
TRIAL = msgspec.structs.replace(PROD, retain_data=False)
CERTIFICATE = f"arn:aws:acm:us-east-1:{PROD.account}:certificate/0a1b-2c"


class Secrets:
    def describe_secret(self, **_: str) -> dict[str, Any]:
        return {"VersionIdsToStages": {"version": ["AWSCURRENT"]}}


class Regions:
    """CloudFormation and SSM of each region."""

    def __init__(self) -> None:
        self.formations: dict[str | None, Formation] = {}
        self.parameters: dict[str | None, Parameters] = {}
        self.certificate = {"Status": "ISSUED", "DomainName": "toyshop.example"}

    def describe_certificate(self, CertificateArn: str) -> dict[str, Any]:  # noqa: N803
        assert CertificateArn == CERTIFICATE
        return {"Certificate": self.certificate}

    def client(self, cloud: Cloud, service: str) -> Any:
        if service == "ssm":
            return self.parameters.setdefault(cloud.region, Parameters())
        if service == "secretsmanager":
            return Secrets()
        if service == "acm":
            assert cloud.region == "us-east-1"
            return self
        assert service == "cloudformation"
        return self.formations.setdefault(cloud.region, Formation())


@pytest.fixture
def regions(monkeypatch: pytest.MonkeyPatch) -> Regions:
    regions = Regions()
    monkeypatch.setattr(Cloud, "client", lambda cloud, service: regions.client(cloud, service))
    return regions


def target(stage: Stage = PROD) -> Target:
    cloud = Cloud(stage.name, None, stage.region, parameters=stage.parameters)
    return Target(LAYOUT, stage, cloud, tuple(SERVICES))


def test_stack_is_created_with_the_parameters_of_the_stage(regions: Regions) -> None:
    reported: list[str] = []
    infra.deploy(target(), ["network", "alarms"], reported.append)
    assert reported == ["toyshop-prod-network created", "toyshop-prod-alarms created"]
    stack = regions.formations["ap-southeast-2"].stacks["toyshop-prod-alarms"]
    assert stack["Parameters"] == [
        {"ParameterKey": "AlarmEmail", "ParameterValue": "operations@toyshop.example"},
        {"ParameterKey": "Runbooks", "ParameterValue": "docs/runbooks"},
        {"ParameterKey": "Stage", "ParameterValue": "prod"},
    ]
    # AND a second time nothing changes
    infra.deploy(target(), ["network"], reported.append)
    assert reported[-1] == "toyshop-prod-network unchanged"


def test_web_acl_is_created_in_us_east_1_and_published_in_the_stages_region(
    regions: Regions,
) -> None:
    # GIVEN a storefront
    home = regions.parameters["ap-southeast-2"] = Parameters()
    home.values["/toyshop/prod/storefront-api/api-id"] = "abcdefghij"
    home.values["/toyshop/prod/file-manager/public-bucket"] = "toyshop-prod-public"
    home.values["/toyshop/prod/file-manager/private-bucket"] = "toyshop-prod-private"
    # WHEN the edge is deployed without the web ACL
    with_certificate = msgspec.structs.replace(PROD, infra={"CertificateArn": CERTIFICATE})
    with pytest.raises(ShopProblem, match="The stage has no distribution-acl yet"):
        infra.deploy(target(with_certificate), ["edge"], print)
    # THEN it is refused before anything is created
    assert "ap-southeast-2" not in regions.formations
    # AND the ACL's stack is in us-east-1, and its ARN is published for the stage
    virginia = regions.formations["us-east-1"] = Formation()
    start = virginia._start

    def with_outputs(action: str, request: dict[str, Any]) -> dict[str, str]:
        return start(action, {**request, "Outputs": [{"OutputKey": "Arn", "OutputValue": "a:acl"}]})

    virginia._start = with_outputs  # type: ignore[method-assign]
    infra.deploy(target(with_certificate), ["distribution-acl", "edge"], print)
    assert list(virginia.stacks) == ["toyshop-prod-distribution-acl"]
    assert home.values["/toyshop/prod/distribution-acl/arn"] == "a:acl"
    formation = regions.formations["ap-southeast-2"]
    assert list(formation.stacks) == ["toyshop-prod-edge"]
    # AND the edge changes with the API, and with nothing else
    formation.ends = "UPDATE_COMPLETE"
    reported: list[str] = []
    infra.deploy(target(with_certificate), ["edge"], reported.append)
    home.values["/toyshop/prod/storefront-api/api-id"] = "klmnopqrst"
    infra.deploy(target(with_certificate), ["edge"], reported.append)
    outcomes = [line for line in reported if line.startswith("toyshop-prod-edge")]
    assert outcomes == ["toyshop-prod-edge unchanged", "toyshop-prod-edge updated"]
    assert "klmnopqrst.execute-api" in formation.stacks["toyshop-prod-edge"]["TemplateBody"]


@pytest.mark.parametrize(
    ("change", "name", "what"),
    [
        ({}, "moat", "There is no template moat in infra."),
        ({"alarm_email": ""}, "alarms", "alarms needs a value for AlarmEmail: Email"),
        ({"alarm_email": "TODO: address"}, "alarms", "alarms needs a value for AlarmEmail: Email"),
        ({"infra": {"Cidr": "TODO: range"}}, "network", "network needs a value for Cidr"),
        ({"infra": {"Colour": "red"}}, "network", "has the parameter Colour"),
    ],
)
def test_invalid_infrastructure_is_refused_before_any_change(
    regions: Regions, change: dict[str, Any], name: str, what: str
) -> None:
    with pytest.raises(ShopProblem, match=what):
        infra.deploy(target(msgspec.structs.replace(PROD, **change)), [name], print)
    assert not any(formation.calls for formation in regions.formations.values())


def test_stack_is_current_until_its_template_or_a_value_changes(regions: Regions) -> None:
    infra.deploy(target(), ["alarms"], print)
    assert infra.is_current(target(), "alarms")
    other = msgspec.structs.replace(PROD, alarm_email="others@toyshop.example")
    assert not infra.is_current(target(other), "alarms")
    regions.formations[PROD.region].stacks["toyshop-prod-alarms"]["StackStatus"] = (
        "UPDATE_ROLLBACK_COMPLETE"
    )
    assert not infra.is_current(target(), "alarms")


def test_all_templates_are_checked_before_the_first_one_is_deployed(regions: Regions) -> None:
    # GIVEN no storefront, which the edge needs
    stage = msgspec.structs.replace(PROD, infra={"CertificateArn": CERTIFICATE})
    with pytest.raises(ShopProblem, match="has not published its"):
        infra.deploy(target(stage), ["distribution-acl", "edge"], print)
    assert not any(formation.calls for formation in regions.formations.values())


def test_failure_of_infrastructure_names_its_template(regions: Regions) -> None:
    regions.formations[PROD.region] = Formation(ends="ROLLBACK_COMPLETE")
    with pytest.raises(ShopProblem) as failed:
        infra.deploy(target(), ["network"], print)
    assert failed.value.remedy == (
        "Correct infra/network.yaml, or its parameters in stages.toml and run the command again."
    )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({}, "The domain name toyshop.example needs a certificate"),
        (
            {"infra": {"DomainName": "toys.example", "CertificateArn": CERTIFICATE}},
            "DomainName is toys.example, and origin is https://toyshop.example",
        ),
        ({"origin": "", "infra": {"DomainName": "toys.example"}}, "origin is not set"),
        ({"origin": "", "infra": {"CertificateArn": CERTIFICATE}}, "no domain name of its own"),
        *(
            (
                {"infra": {"CertificateArn": CERTIFICATE.replace(*other)}},
                "no certificate of the acc",
            )
            for other in (
                ("us-east-1", PROD.region),
                (PROD.account, "333333333333"),
                (":acm:", ":iam:"),
            )
        ),
    ],
)
def test_edge_with_another_name_or_certificate_is_refused_before_any_change(
    regions: Regions, change: dict[str, Any], what: str
) -> None:
    with pytest.raises(ShopProblem, match=what):
        infra.deploy(
            target(msgspec.structs.replace(PROD, **change)), ["distribution-acl", "edge"], print
        )
    assert not any(formation.calls for formation in regions.formations.values())


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"Status": "PENDING_VALIDATION"}, "is PENDING_VALIDATION"),
        ({"DomainName": "toys.example"}, "is for toys.example, not for toyshop.example"),
    ],
)
def test_edge_with_a_certificate_that_cannot_be_used_is_refused_before_any_change(
    regions: Regions, changed: dict[str, str], what: str
) -> None:
    regions.certificate |= changed
    stage = msgspec.structs.replace(PROD, infra={"CertificateArn": CERTIFICATE})
    with pytest.raises(ShopProblem, match=what):
        infra.deploy(target(stage), ["distribution-acl", "edge"], print)
    assert not any(formation.calls for formation in regions.formations.values())


def test_edge_takes_its_domain_name_from_the_origin() -> None:
    assert target().cloud.parameters["DomainName"] == "toyshop.example"
    for origin in ("", "https://d111.cloudfront.net", "http://127.0.0.1:8000"):
        stage = msgspec.structs.replace(PROD, origin=origin)
        assert "DomainName" not in target(stage).cloud.parameters


def test_services_are_refused_before_any_change_without_network_and_alarms(
    regions: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "check_python", lambda _: None)
    home = regions.parameters[PROD.region] = Parameters()
    with pytest.raises(ShopProblem, match="The stage has no alarms yet"):
        deploy.deploy(target(), print)
    home.values["/toyshop/prod/alarms/topic-arn"] = "arn"
    with pytest.raises(ShopProblem, match="The stage has no network yet") as refused:
        deploy.deploy(target(), print)
    assert refused.value.remedy == "Deploy it first: ./shop deploy --stage prod --infra network."
    assert not any(formation.calls for formation in regions.formations.values())


def test_release_is_refused_before_any_change_with_another_python(
    regions: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN functions on another Python than this one
    monkeypatch.setattr(deploy, "LAMBDA_PYTHON", (3, 99))
    # WHEN services are deployed to AWS THEN it is refused
    with pytest.raises(ShopProblem, match=r"A release is built with Python 3.99, and this") as no:
        deploy.deploy(target(), print)
    assert no.value.remedy.startswith("Run the command with SHOP_PYTHON=python3.99. ")
    assert ".venv/bin/uv python install 3.99" in no.value.remedy
    assert not any(formation.calls for formation in regions.formations.values())
    # AND it is accepted with the same one
    monkeypatch.setattr(deploy, "LAMBDA_PYTHON", sys.version_info[:2])
    deploy.check_python(target())


def test_services_are_refused_before_any_change_while_a_setting_is_left_to_complete(
    regions: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "check_python", lambda _: None)
    stage = msgspec.structs.replace(PROD, seller_name="TODO: legal name")
    with pytest.raises(ShopProblem, match="lacks seller_name of prod"):
        deploy.deploy(target(stage), print)
    assert not any(formation.calls for formation in regions.formations.values())


def test_services_cannot_be_combined_with_infra() -> None:
    command = ["deploy", "--stage", "prod", "--infra", "network", "orders"]
    done = CliRunner().invoke(deploy_command, command[1:])
    assert isinstance(done.exception, ShopProblem)
    assert done.exception.what == "Services and --infra cannot be combined."


def test_stage_that_retains_data_keeps_its_infrastructure(regions: Regions) -> None:
    infra.deploy(target(), ["network"], print)
    with pytest.raises(ShopProblem, match="its infrastructure is not deleted"):
        infra.delete(target(), ["network"], print)
    infra.delete(target(TRIAL), ["network"], print)
    assert regions.formations[PROD.region].calls[-1] == ("delete", "toyshop-prod-network")


def test_stack_that_was_deployed_to_retain_its_data_is_not_deleted(regions: Regions) -> None:
    # GIVEN a stack of a stage that retained its data when it was deployed
    home = regions.parameters[PROD.region] = Parameters()
    for name in (
        "storefront-api/api-id",
        "file-manager/public-bucket",
        "file-manager/private-bucket",
        "distribution-acl/arn",
    ):
        home.values[f"/toyshop/prod/{name}"] = "any"
    certified = {"infra": {"CertificateArn": CERTIFICATE}}
    infra.deploy(target(msgspec.structs.replace(PROD, **certified)), ["network", "edge"], print)
    formation = regions.formations[PROD.region]
    formation.calls.clear()
    # WHEN it is deleted after retain_data was removed THEN it is refused before any change
    with pytest.raises(ShopProblem, match="Deleting toyshop-prod-edge would leave") as refused:
        infra.delete(target(TRIAL), ["network", "edge"], print)
    assert refused.value.remedy == (
        "Deploy without retention first: ./shop deploy --stage prod --infra edge."
    )
    assert not formation.calls
    # AND the remedy repairs it
    formation.ends = "UPDATE_COMPLETE"
    infra.deploy(target(msgspec.structs.replace(TRIAL, **certified)), ["edge"], print)
    infra.delete(target(TRIAL), ["network", "edge"], print)
    assert [name for call, name in formation.calls if call == "delete"] == [
        "toyshop-prod-edge",
        "toyshop-prod-network",
    ]


def test_services_that_were_deployed_to_retain_their_data_are_not_deleted(regions: Regions) -> None:
    formation = regions.formations[PROD.region] = Formation()
    orders = next(service for service in SERVICES if service.name == "orders")
    name = "toyshop-prod-orders-resources"
    for stage in (PROD, TRIAL):
        formation.stacks[name] = {
            "StackName": name,
            "StackId": f"arn:{name}",
            "StackStatus": "CREATE_COMPLETE",
            "TemplateBody": stacks.resources_template(orders, stage),
        }
        if stage.retain_data:
            with pytest.raises(ShopProblem, match=f"Deleting {name} would leave") as refused:
                teardown.delete(target(TRIAL), print)
            assert refused.value.remedy.endswith("./shop deploy --stage prod --resources orders.")
            assert not formation.calls
    reported: list[str] = []
    teardown.delete(target(TRIAL), reported.append)
    assert reported == [f"{name} deleted"]


def test_resources_that_a_deleted_stack_left_are_listed(regions: Regions) -> None:
    infra.deploy(target(TRIAL), ["network"], print)
    formation = regions.formations[PROD.region]
    summary = {"ResourceType": "AWS::SQS::Queue", "LogicalResourceId": "Queue"}
    formation.summaries = [
        {**summary, "PhysicalResourceId": "left", "ResourceStatus": "DELETE_SKIPPED"},
        {**summary, "PhysicalResourceId": "gone", "ResourceStatus": "DELETE_COMPLETE"},
    ]
    with pytest.raises(ShopProblem, match=r"these resources remain: AWS::SQS::Queue left\.$"):
        infra.delete(target(TRIAL), ["network"], print)
