"""The cost of orders is that of the counted operations, and the README states it.

`./shop test -e tools -- tests/tools/shopctl/operating/test_usage_cost.py --write` updates it.
"""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from shopctl.cli.cost import cost_command
from shopctl.operating import idle_cost, prices, usage_cost
from shopctl.operating.idle_cost import IdleCost, Item
from shopctl.operating.usage_cost import Assumptions
from support.paths import ROOT
from support.sample_stages import PROD

README = ROOT / "README.md"
PRICES = prices.of_region(prices.DEFAULT_REGION)
ONE_EACH = prices.Prices("here", "today", dict.fromkeys(PRICES.each, Decimal(1)))


def test_readme_states_the_computed_cost(request: pytest.FixtureRequest) -> None:
    costs = usage_cost.of_mix(usage_cost.MIX, PRICES)
    more = usage_cost.of_snap_start(usage_cost.MIX, PRICES, usage_cost.ASSUMED) * 1000
    table = "\n".join(usage_cost.lines(costs))
    table += f"\n\n{usage_cost.metrics_line(usage_cost.MIX, PRICES)}"
    table += f"\n\nWith SnapStart, 1,000 orders would cost {more:.4f} more."
    text = README.read_text()
    before, rest = text.split("<!-- cost", 1)
    mark, rest = rest.split("-->\n", 1)
    after = rest[rest.index("<!-- end of cost -->") :]
    text = f"{before}<!-- cost{mark}-->\n{table}\n{after}"
    if request.config.getoption("--write"):
        README.write_text(text)
    assert README.read_text() == text


def test_every_kind_of_use_is_priced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN an action with a known number of everything
    usage = {
        "act": {
            "invocations": {"orders api_handler": 2, "orders on_dynamodb_record": 1},
            "requests": {"storefront_api": 1, "orders": 2},
            "operations": {"sesv2 SendEmail": 1, "s3 PutObject": 3},
            "read_units": {"file-manager": 4.5},
            "write_units": {"orders/by_month": 2},
            "answered": {"storefront_api API": 1_000_000},
            "logged": {"orders": 2_000_000_000},
            "traces": {"always": 2, "by_share": 40},
        }
    }
    file = tmp_path / "usage.json"
    file.write_text(json.dumps(usage))
    monkeypatch.setattr(usage_cost, "USAGE", file)
    # WHEN it is done twice, one second for each invocation THEN each is billed
    assumed = Assumptions(milliseconds=1000, cold_starts=0)
    assert usage_cost.of_mix({"act": 2}, ONE_EACH, assumed) == {
        ("orders", "Lambda"): Decimal("9"),
        ("orders", "API Gateway"): 4,
        ("orders", "DynamoDB"): 4,
        ("orders", "SNS"): 2,
        ("orders", "CloudWatch Logs"): 4,
        ("storefront_api", "X-Ray"): Decimal("5.6"),
        ("storefront_api", "API Gateway"): 2,
        ("storefront_api", "CloudFront"): Decimal("2.002"),
        ("storefront_api", "WAF"): 4,
        ("file_manager", "DynamoDB"): 9,
        ("file_manager", "S3"): 6,
        ("notifications", "SES"): 2,
    }


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Count two invocations of a function of an API, and one of an event handler."""
    used = {"invocations": {"orders api_handler": 2, "orders charge": 1}}
    none = {"always": 0, "by_share": 0}
    others = ("requests", "operations", "read_units", "write_units", "answered", "logged")
    file = tmp_path / "usage.json"
    file.write_text(json.dumps({"act": {**used, **{key: {} for key in others}, "traces": none}}))
    monkeypatch.setattr(usage_cost, "USAGE", file)


def test_cold_starts_are_billed(calls: None) -> None:
    # GIVEN every second invocation is a cold start of two seconds
    assumed = Assumptions(milliseconds=0, cold_starts=500, init_milliseconds=2000)
    costs = usage_cost.of_mix({"act": 1}, ONE_EACH, assumed)
    # THEN each of the three costs a request, and a second of half a gigabyte
    assert costs == {("orders", "Lambda"): Decimal("4.5")}


def test_restored_snapshots_are_billed_instead_for_functions_of_apis(calls: None) -> None:
    assumed = Assumptions(milliseconds=0, cold_starts=500, init_milliseconds=2000, snap_start=True)
    assert usage_cost.of_mix({"act": 1}, ONE_EACH, assumed) == {
        # two requests, and those of the event handler with its cold starts
        ("orders", "Lambda"): Decimal("3.5"),
        ("orders", "Lambda SnapStart"): Decimal("0.5"),
    }
    assert usage_cost.of_snap_start({"act": 1}, ONE_EACH, assumed) == Decimal("-0.5")


def test_each_custom_metric_of_a_mix_is_billed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = {
        "order": {"metrics": ["orders placed", "payments outcome=paid"]},
        "toy": {"metrics": ["orders placed", "storefront_api calls"]},
        "never": {"metrics": ["other"]},
    }
    file = tmp_path / "usage.json"
    file.write_text(json.dumps(usage))
    monkeypatch.setattr(usage_cost, "USAGE", file)
    table = prices.Prices("here", "today", {"metric_month": Decimal("0.5")})
    mix = {"order": 1, "toy": 20, "never": 0}
    assert usage_cost.of_metrics(mix, table) == (3, Decimal("1.5"))
    assert "The 3 custom metrics of such orders cost 1.50 a month" in usage_cost.metrics_line(
        mix, table
    )


def test_both_sums_are_the_same() -> None:
    costs = usage_cost.of_mix(usage_cost.MIX, PRICES)
    assert sum(usage_cost.by(costs, 0).values()) == sum(usage_cost.by(costs, 1).values()) > 0


def test_prices_that_a_cost_depends_on_are_those_that_change_it() -> None:
    both = (Assumptions(snap_start=False), Assumptions(snap_start=True))

    def costs(table: prices.Prices) -> list[object]:
        mix = usage_cost.MIX
        of_orders = [usage_cost.of_mix(mix, table, assumed) for assumed in both]
        return [*of_orders, usage_cost.of_metrics(mix, table)]

    changing = {
        name
        for name, price in PRICES.each.items()
        if costs(prices.Prices("here", "today", {**PRICES.each, name: price * 2})) != costs(PRICES)
    }
    assert usage_cost.prices_used(PRICES) == changing


def test_command_prints_orders_and_the_idle_month(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shopctl.project.stages.load", lambda *_: PROD)
    snapshots = idle_cost.snapshots({}, PRICES)
    cost = IdleCost([], Item(snapshots.what, ("a", "a", "b"), Decimal(1)))
    monkeypatch.setattr(idle_cost, "of_stage", lambda *_: cost)
    few = ["--stage", "prod", "--toys", "0", "--searches", "0", "--lists", "0"]
    printed = CliRunner().invoke(cost_command, few).output
    assert "| | 1,000 orders | 1,000,000 orders | share of the total |" in printed
    assert "Cost of a month while idle" in printed
    assert "custom metrics of such orders cost" in printed
    # AND what SnapStart costs, and the prices of the stage's region that are unverified
    assert "Without snap_start, 1,000 orders would cost 0.0" in printed
    assert "it would cost 3.00 less: the snapshots of 2 functions" in printed
    assert "list prices of ap-southeast-2 as recorded on" in printed
    assert "(unverified: api_request, cloudfront_request, log_gb, metric_month, snap" in printed
    content = json.loads(CliRunner().invoke(cost_command, [*few, "--json"]).output)
    assert 0 < content["use"]["per_1000_orders"] < 1
    assert content["use"]["prices_in"] == "ap-southeast-2"
    assert content["use"]["assumed"]["cold_starts"] == 10
    assert content["use"]["metrics"] == {"count": 15, "per_month": 4.5}
    assert content["snap_start"] == {"enabled": True, "per_month": 3.0}
    # AND another region's, if it is named
    there = ["--region", "us-east-1", "--cold-starts", "0"]
    printed = CliRunner().invoke(cost_command, [*few, *there]).output
    assert "list prices of us-east-1 as recorded on 2026-11-29, without" in printed
    assert "unverified" not in printed
    assert "Without snap_start, 1,000 orders would cost 0.0000 less" in printed
