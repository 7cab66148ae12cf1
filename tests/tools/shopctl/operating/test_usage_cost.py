"""The cost of orders is that of the counted operations, and the README states it.

`./shop test -e tools -- tests/tools/shopctl/operating/test_usage_cost.py --write` updates it.
"""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from shopctl.cli.cost import cost_command
from shopctl.operating import idle_cost, usage_cost
from shopctl.project.errors import ShopProblem
from support.paths import ROOT
from support.sample_stages import PROD

README = ROOT / "README.md"
PRICES = usage_cost.prices_of("us-east-1")


def test_readme_states_the_computed_cost(request: pytest.FixtureRequest) -> None:
    costs = usage_cost.of_mix(usage_cost.MIX, PRICES, usage_cost.MILLISECONDS)
    table = "\n".join(usage_cost.lines(costs))
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
        }
    }
    file = tmp_path / "usage.json"
    file.write_text(json.dumps(usage))
    monkeypatch.setattr(usage_cost, "USAGE", file)
    prices = usage_cost.Prices("here", "today", dict.fromkeys(PRICES.each, Decimal(1)))
    # WHEN it is done twice, one second for each invocation THEN each is billed
    assert usage_cost.of_mix({"act": 2}, prices, 1000) == {
        ("orders", "Lambda"): Decimal("9"),
        ("orders", "API Gateway"): 4,
        ("orders", "DynamoDB"): 4,
        ("orders", "SNS"): 2,
        ("storefront_api", "API Gateway"): 2,
        ("storefront_api", "CloudFront"): Decimal("2.002"),
        ("storefront_api", "WAF"): 4,
        ("file_manager", "DynamoDB"): 9,
        ("file_manager", "S3"): 6,
        ("notifications", "SES"): 2,
    }


def test_both_sums_are_the_same() -> None:
    costs = usage_cost.of_mix(usage_cost.MIX, PRICES, 60)
    assert sum(usage_cost.by(costs, 0).values()) == sum(usage_cost.by(costs, 1).values()) > 0


def test_unknown_region_is_refused() -> None:
    with pytest.raises(ShopProblem, match="prices of mars-1"):
        usage_cost.prices_of("mars-1")
    with pytest.raises(ShopProblem):
        usage_cost.prices_of("recorded")


def test_command_prints_orders_and_the_idle_month(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shopctl.project.stages.load", lambda *_: PROD)
    monkeypatch.setattr(idle_cost, "of_stage", lambda *_: [])
    few = ["--stage", "prod", "--toys", "0", "--searches", "0", "--lists", "0"]
    printed = CliRunner().invoke(cost_command, few).output
    assert "| | 1,000 orders | 1,000,000 orders |" in printed
    assert "A month while idle" in printed
    content = json.loads(CliRunner().invoke(cost_command, [*few, "--json"]).output)
    assert 0 < content["use"]["per_1000_orders"] < 1
    assert content["use"]["prices_in"] == "us-east-1"
