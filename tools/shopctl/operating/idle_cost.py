"""The monthly cost of a stage that nobody uses, computed from the templates of its stacks.

It includes the custom metrics that the hourly run records. Everything else that AWS bills depends
on use, or on the amount of data that is stored.
"""

import json
import math
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from shopctl.deploying import export, infra, snap_start
from shopctl.operating import usage_cost
from shopctl.operating.prices import HOURS, Prices
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.stages import Stage
from shopctl.project.yaml_lines import parse_yaml

# Lambda's five pollers of a queue, each with requests that wait 20 seconds for a message
_POLLS = 5 * 3 * 60 * HOURS
_SNAPSHOT_MIB = 128
_SNAPSHOTS = f"snapshots of functions, per {_SNAPSHOT_MIB} MiB"
# the price that a unit of each kind is billed at, and how often in a month
_BILLED: Mapping[str, tuple[str, Decimal]] = {
    "interface endpoints, per zone": ("endpoint_hour", Decimal(HOURS)),
    "web ACLs": ("web_acl_month", Decimal(1)),
    "rules of web ACLs": ("web_acl_rule_month", Decimal(1)),
    "secrets": ("secret_month", Decimal(1)),
    "alarms": ("alarm_month", Decimal(1)),
    "composite alarms": ("composite_alarm_month", Decimal(1)),
    "dashboards": ("dashboard_month", Decimal(1)),
    "encryption keys": ("key_month", Decimal(1)),
    "custom metrics of hourly runs": ("metric_month", Decimal(1)),
    "queues that Lambda polls": ("sqs_request", Decimal(_POLLS)),
    _SNAPSHOTS: ("snapshot_gb_second", Decimal(_SNAPSHOT_MIB * 3600 * HOURS) / 1024),
}

# types that cost nothing while idle
_FREE = frozenset(
    {
        "AWS::CloudFront::Distribution",
        "AWS::CloudFront::Function",
        "AWS::CloudFront::OriginAccessControl",
        "AWS::CloudFront::ResponseHeadersPolicy",
        "AWS::CodeBuild::Project",
        "AWS::Cognito::UserPool",
        "AWS::Cognito::UserPoolClient",
        "AWS::Cognito::UserPoolGroup",
        "AWS::EC2::FlowLog",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::Subnet",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPC",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::Lambda::Permission",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::SES::EmailIdentity",
        "AWS::SNS::Subscription",
        "AWS::SNS::Topic",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
        "AWS::WAFv2::WebACLAssociation",
    }
)
# types whose price is known, or zero, only with these values of a property
_KNOWN_WITH: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "AWS::CloudWatch::Alarm": ("Period", (None, *range(60, 86_401, 60))),
    "AWS::CodePipeline::Pipeline": ("PipelineType", ("V2",)),
    "AWS::DynamoDB::Table": ("BillingMode", ("PAY_PER_REQUEST",)),
    "AWS::EC2::VPCEndpoint": ("VpcEndpointType", (None, "Gateway", "Interface")),
    "AWS::SSM::Parameter": ("Tier", (None, "Standard")),
    "AWS::Serverless::Api": ("CacheClusterEnabled", (None, False)),
    "AWS::Serverless::Function": ("ProvisionedConcurrencyConfig", (None,)),
}
# one for all stages, in an account of its own
_SHARED = frozenset({"pipeline"})


@dataclass(frozen=True)
class Item:
    """Resources that cost the same.

    Attributes
    ----------
    what
        What they are.
    resources
        One name per billed unit: an endpoint in two zones is listed twice.
    price
        US dollars per month for each unit.
    """

    what: str
    resources: tuple[str, ...]
    price: Decimal

    @property
    def cost(self) -> Decimal:
        """US dollars per month for all of them."""
        return (self.price * len(self.resources)).quantize(Decimal("0.01"))


@dataclass(frozen=True)
class IdleCost:
    """What a stage costs while idle.

    Attributes
    ----------
    snapshots
        The snapshots of functions that SnapStart takes, whether the stage has it or not; one of
        each function, which has one version except during a release.
    """

    items: list[Item]
    snapshots: Item


def of_stage(stage: Stage, layout: Layout, prices: Prices) -> IdleCost:
    """Return what a stage costs while idle; AWS is not called.

    Raises
    ------
    ShopProblem
        If the stage is not on AWS, or its templates contain something whose price is unknown.
    """
    require_aws(stage)
    with tempfile.TemporaryDirectory() as directory:
        files = list(export.write(stage, layout, Path(directory)))
        templates = {path.stem: json.loads(path.read_text()) for path in files}
    items = of_templates(stage, {**templates, **infrastructure(stage, layout)}, prices)
    return IdleCost([*items, metrics(prices)], snapshots(templates, prices))


def metrics(prices: Prices) -> Item:
    """Return what the custom metrics cost that the hourly run records even without orders."""
    return _item("custom metrics of hourly runs", usage_cost.metrics(["hourly run"]), prices)


def require_aws(stage: Stage) -> None:
    """Raise unless a stage is on AWS.

    Raises
    ------
    ShopProblem
        If it runs on the embedded AWS.
    """
    if stage.aws:
        raise ShopProblem(
            f"The stage {stage.name} runs on the embedded AWS, which costs nothing.",
            "Name a stage on AWS.",
        )


def snapshots(templates: Mapping[str, Any], prices: Prices) -> Item:
    """Return what the snapshots of functions cost, if SnapStart takes them.

    Parameters
    ----------
    templates
        Templates of services, before AWS's transform.
    """
    names = []
    for stack, template in templates.items():
        for name in snap_start.functions(template):
            properties = template["Resources"][name]["Properties"]
            names += [f"{stack}/{name}"] * _snapshot_units(properties)
    return _item(_SNAPSHOTS, names, prices)


def infrastructure(stage: Stage, layout: Layout) -> dict[str, Any]:
    """Return the templates of `infra/` that a stage is deployed from, by name."""
    absent = {
        *_SHARED,
        *(() if stage.network else ("network",)),
        *(() if stage.alarm_email else ("alarms",)),
    }
    names = [name for name in infra.names(layout) if name not in absent]
    return {name: read(layout, name) for name in names}


def read(layout: Layout, name: str) -> dict[str, Any]:
    """Return a template of `infra/`."""
    template: dict[str, Any] = parse_yaml((layout.infra / f"{name}.yaml").read_text())
    return template


def of_templates(stage: Stage, templates: Mapping[str, Any], prices: Prices) -> list[Item]:
    """Return what the resources of templates cost while idle.

    Resources with a condition are counted.

    Parameters
    ----------
    templates
        Templates of stacks by name, before AWS's transform.

    Raises
    ------
    ShopProblem
        If they contain something whose price is unknown.
    """
    found: dict[str, list[str]] = {what: [] for what in _BILLED}
    for stack, template in templates.items():
        for logical_id, resource in template["Resources"].items():
            name = f"{stack}/{logical_id}"
            for what, units in _units(name, resource).items():
                found[what] += [name] * units
    found["secrets"] += _made_by_hand(stage, templates)
    return [_item(what, names, prices) for what, names in found.items() if names]


def total(items: list[Item]) -> Decimal:
    """Return the cost of all items in US dollars per month."""
    return sum((item.cost for item in items), Decimal(0))


def lines(items: list[Item]) -> Iterator[str]:
    """Yield the lines of a table in Markdown, which `docs/infra.md` contains."""
    rows = [("what", "how many", "price per month", "per month")]
    rows += [
        (item.what, str(len(item.resources)), _money(item.price), _money(item.cost))
        for item in items
    ]
    rows.append(("**total**", "", "", f"**{total(items)}**"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for number, (what, *numbers) in enumerate(rows):
        cells = [what.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
        yield f"| {' | '.join(cells)} |"
        if number == 0:
            yield f"|{'-' * (widths[0] + 2)}|{'|'.join('-' * (w + 1) + ':' for w in widths[1:])}|"


def prices_used(cost: IdleCost) -> list[str]:
    """Return the names of the prices that a cost, or that of snapshots, depends on."""
    return [_BILLED[item.what][0] for item in (*cost.items, cost.snapshots)]


def as_json(stage: Stage, cost: IdleCost, prices: Prices) -> dict[str, Any]:
    """Return the cost as JSON."""
    return {
        "stage": stage.name,
        "currency": "USD",
        "prices_of": prices.recorded,
        "prices_in": prices.region,
        "unverified": sorted(prices.unverified & {*prices_used(cost)}),
        "items": [
            {
                "what": item.what,
                "count": len(item.resources),
                "price": float(item.price),
                "per_month": float(item.cost),
                "resources": list(item.resources),
            }
            for item in cost.items
        ],
        "total": float(total(cost.items)),
        "snap_start": {"enabled": stage.snap_start, "per_month": float(cost.snapshots.cost)},
    }


def _item(what: str, names: Iterable[str], prices: Prices) -> Item:
    price, times = _BILLED[what]
    return Item(what, tuple(names), prices.each[price] * times)


def _snapshot_units(properties: Mapping[str, Any]) -> int:
    memory: int = properties["MemorySize"]
    return math.ceil(memory / _SNAPSHOT_MIB)


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}" if amount == round(amount, 2) else f"{amount:.4f}"


def _units(name: str, resource: Mapping[str, Any]) -> dict[str, int]:
    """Return the number of units that a resource is billed for while idle, by kind."""
    kind, properties = resource["Type"], resource.get("Properties", {})
    if limit := _KNOWN_WITH.get(kind):
        key, values = limit
        if (value := properties.get(key)) not in values:
            raise _unknown(name, f"{kind} with {key} {value}")
    match kind:
        case "AWS::CloudWatch::Alarm":
            # an alarm on an expression is billed for each metric in it
            metrics = [each for each in properties.get("Metrics", ()) if "MetricStat" in each]
            return {"alarms": len(metrics) or 1}
        case "AWS::CloudWatch::CompositeAlarm":
            return {"composite alarms": 1}
        case "AWS::CloudWatch::Dashboard":
            return {"dashboards": 1}
        case "AWS::EC2::VPCEndpoint" if properties.get("VpcEndpointType") == "Interface":
            return {"interface endpoints, per zone": len(properties["SubnetIds"])}
        case "AWS::KMS::Key":
            return {"encryption keys": 1}
        case "AWS::SecretsManager::Secret":
            return {"secrets": 1}
        case "AWS::Serverless::Function":
            queues = [
                each for each in properties.get("Events", {}).values() if each["Type"] == "SQS"
            ]
            taken = properties.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
            return {
                "queues that Lambda polls": len(queues),
                _SNAPSHOTS: _snapshot_units(properties) if taken else 0,
            }
        case "AWS::WAFv2::WebACL":
            return {"web ACLs": 1, "rules of web ACLs": len(properties.get("Rules", ()))}
        case _ if kind not in _FREE and kind not in _KNOWN_WITH:
            raise _unknown(name, kind)
        case _:
            return {}


def _made_by_hand(stage: Stage, templates: Mapping[str, Any]) -> list[str]:
    """Return the names of secrets that templates refer to but do not create."""
    text = json.dumps(list(templates.values())).replace("${Stage}", stage.name)
    prefix = re.escape(aws_names.resource(stage.name, ""))
    used = set(
        re.findall(rf"(?:resolve:secretsmanager|:secret):({prefix}[\w-]+?)(?:[:}}]|-\*)", text)
    )
    created = {
        json.dumps(resource["Properties"]["Name"]).replace("${Stage}", stage.name)
        for template in templates.values()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::SecretsManager::Secret"
    }
    return sorted(name for name in used if not any(f'"{name}"' in each for each in created))


def _unknown(name: str, what: str) -> ShopProblem:
    return ShopProblem(
        f"The price of {what} ({name}) is unknown.",
        "Add it to tools/shopctl/operating/idle_cost.py.",
    )
