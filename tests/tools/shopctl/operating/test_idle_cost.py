"""Counting what is billed while a stage is idle; tests/templates has the real templates."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from shopctl.cli.cost import cost_command
from shopctl.operating import idle_cost, prices
from shopctl.operating.idle_cost import IdleCost
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from support.sample_stages import PROD

PRICES = prices.of_region(prices.DEFAULT_REGION)


def items(kind: str, **properties: Any) -> dict[str, tuple[int, Decimal]]:
    """Return the units and the cost of a template with one resource."""
    template = {"Resources": {"One": {"Type": kind, "Properties": properties}}}
    found = idle_cost.of_templates(PROD, {"stack": template}, PRICES)
    return {item.what: (len(item.resources), item.cost) for item in found}


def money(text: str) -> Decimal:
    return Decimal(text)


def test_interface_endpoint_is_billed_in_each_zone() -> None:
    found = items("AWS::EC2::VPCEndpoint", VpcEndpointType="Interface", SubnetIds=["a", "b", "c"])
    assert found == {"interface endpoints, per zone": (3, money("21.90"))}
    assert items("AWS::EC2::VPCEndpoint", VpcEndpointType="Gateway") == {}
    assert items("AWS::EC2::VPCEndpoint") == {}


def test_web_acl_is_billed_with_its_rules() -> None:
    found = items("AWS::WAFv2::WebACL", Rules=[{}, {}])
    assert found == {"web ACLs": (1, money("5.00")), "rules of web ACLs": (2, money("2.00"))}


def test_alarm_is_billed_for_each_metric() -> None:
    assert items("AWS::CloudWatch::Alarm", Period=300) == {"alarms": (1, money("0.10"))}
    metrics = [{"MetricStat": {}}, {"MetricStat": {}}, {"Expression": "a/b"}]
    assert items("AWS::CloudWatch::Alarm", Metrics=metrics) == {"alarms": (2, money("0.20"))}
    found = items("AWS::CloudWatch::CompositeAlarm", AlarmRule="TRUE")
    assert found == {"composite alarms": (1, money("0.50"))}


def test_dashboard_is_billed() -> None:
    assert items("AWS::CloudWatch::Dashboard") == {"dashboards": (1, money("3.00"))}


def test_polled_queue_is_billed_and_a_stream_is_not() -> None:
    events = {"A": {"Type": "SQS"}, "B": {"Type": "DynamoDB"}, "C": {"Type": "Schedule"}}
    found = items("AWS::Serverless::Function", Events=events)
    assert found == {"queues that Lambda polls": (1, money("0.26"))}


def snapshot(memory: int, **more: Any) -> dict[str, tuple[int, Decimal]]:
    return items("AWS::Serverless::Function", MemorySize=memory, **more)


def test_snapshot_is_billed_by_the_memory_of_its_function() -> None:
    # 0.5 GB for 730 hours, at 0.0000015046 for a GB-second
    on = {"SnapStart": {"ApplyOn": "PublishedVersions"}}
    what = "snapshots of functions, per 128 MiB"
    assert snapshot(512, **on) == {what: (4, money("1.98"))}
    assert snapshot(129, **on) == {what: (2, money("0.99"))}
    assert snapshot(512) == snapshot(512, SnapStart={"ApplyOn": "None"}) == {}


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::EC2::NatGateway", {}),
        ("AWS::CloudWatch::Alarm", {"Period": 10}),
        ("AWS::DynamoDB::Table", {}),
        ("AWS::DynamoDB::Table", {"BillingMode": "PROVISIONED"}),
        ("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "GatewayLoadBalancer"}),
        ("AWS::SSM::Parameter", {"Tier": "Advanced"}),
        ("AWS::Serverless::Api", {"CacheClusterEnabled": True}),
        ("AWS::Serverless::Function", {"ProvisionedConcurrencyConfig": {}}),
    ],
)
def test_resource_without_a_known_price_is_refused(kind: str, properties: dict[str, Any]) -> None:
    with pytest.raises(ShopProblem, match=f"The price of {kind}.* \\(stack/One\\) is unknown"):
        items(kind, **properties)


def test_secret_that_no_template_creates_is_counted_once() -> None:
    # GIVEN a secret that is created and read, and one that is only read, in two ways
    created = {"Fn::Sub": "toyshop-${Stage}-orders-key"}
    variables = {
        "A": "{{resolve:secretsmanager:toyshop-prod-gateway:SecretString:key}}",
        "B": {"Fn::Sub": "{{resolve:secretsmanager:toyshop-${Stage}-gateway}}"},
    }
    readable = ["toyshop-prod-orders-key", "toyshop-prod-gateway", "toyshop-prod"]
    statements = [f"arn:aws:secretsmanager:*:*:secret:{name}-*" for name in readable]
    template = {
        "Resources": {
            "Key": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": created}},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"Statement": statements}},
            "Function": {"Type": "AWS::Serverless::Function", "Properties": variables},
        }
    }
    # THEN both are counted once, and a permission for all secrets of the stage is none
    (found,) = idle_cost.of_templates(PROD, {"orders": template}, PRICES)
    assert found.resources == ("orders/Key", "toyshop-prod-gateway")


def test_stage_without_network_and_alarm_email_does_not_pay_for_them() -> None:
    layout = Layout.find()
    assert set(idle_cost.infrastructure(PROD, layout)) >= {"alarms", "edge", "network"}
    assert "pipeline" not in idle_cost.infrastructure(PROD, layout)
    bare = msgspec.structs.replace(PROD, network=False, alarm_email="")
    assert not {"alarms", "network"} & set(idle_cost.infrastructure(bare, layout))


def test_command_prints_the_table_or_json(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a stage with two alarms
    alarm = {"Type": "AWS::CloudWatch::Alarm"}
    found = idle_cost.of_templates(PROD, {"stack": {"Resources": {"A": alarm, "B": alarm}}}, PRICES)
    cost = IdleCost(found, idle_cost.snapshots({}, PRICES))
    stage = msgspec.structs.replace(PROD, snap_start=False)
    monkeypatch.setattr("shopctl.project.stages.load", lambda *_: stage)
    monkeypatch.setattr(idle_cost, "of_stage", lambda *_: cost)
    # WHEN its cost is printed THEN it names the prices' region and date, and those to be verified
    printed = CliRunner().invoke(cost_command, ["--idle", "--stage", "prod"]).output
    assert "| alarms    |        2 |            0.10 |      0.20 |" in printed
    stated = f"list prices of ap-southeast-2 as recorded on {PRICES.recorded}"
    assert f"{stated} (unverified: alarm_month, snapshot_gb_second)" in printed
    assert "With snap_start, it would cost 0.00 more: the snapshots of 0 functions" in printed
    # AND JSON has the same
    output = CliRunner().invoke(cost_command, ["--idle", "--stage", "prod", "--json"]).output
    content = json.loads(output)
    assert content["total"] == 0.2
    assert content["prices_in"] == "ap-southeast-2"
    assert content["unverified"] == ["alarm_month", "snapshot_gb_second"]
    assert content["items"] == [
        {
            "what": "alarms",
            "count": 2,
            "price": 0.1,
            "per_month": 0.2,
            "resources": ["stack/A", "stack/B"],
        }
    ]


def test_only_the_idle_cost_of_a_stage_on_aws_is_known() -> None:
    local = CliRunner().invoke(cost_command, ["--stage", "local", "--idle"]).exception
    assert isinstance(local, ShopProblem)
    assert local.what == "The stage local runs on the embedded AWS, which costs nothing."
