"""The table of prices: complete for each region, and honest about what nobody verified."""

import re
import tomllib
from decimal import Decimal

import pytest

from shopctl.operating import prices
from shopctl.project import stages
from shopctl.project.errors import ShopProblem

TABLE = tomllib.loads(prices.TABLE.read_text())


def test_every_region_has_the_same_prices_and_only_these() -> None:
    names = set(prices.of_region(prices.DEFAULT_REGION).each)
    for region in prices.regions():
        found = prices.of_region(region)
        assert set(found.each) == names, region
        assert all(price > 0 for price in found.each.values())
        assert found.unverified <= names, region
        assert not set(TABLE["everywhere"]) & set(TABLE[region]), "a price of a region differs"


def test_regions_are_those_of_aws() -> None:
    assert {"us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2"} <= set(
        prices.regions()
    )
    assert set(prices.regions()) <= set(stages.regions())


def test_all_prices_of_the_documented_region_are_verified() -> None:
    assert not prices.of_region(prices.DEFAULT_REGION).unverified


def test_price_of_a_region_overrides_nothing_else() -> None:
    sydney = prices.of_region("ap-southeast-2")
    assert sydney.each["endpoint_hour"] == Decimal("0.013")
    assert sydney.each["lambda_request"] == Decimal("0.0000002")


def test_unverified_prices_are_named_where_they_are_used() -> None:
    sydney = prices.of_region("ap-southeast-2")
    assert sydney.statement(["endpoint_hour"]) == (
        f"list prices of ap-southeast-2 as recorded on {TABLE['recorded']}"
    )
    assert sydney.statement(["endpoint_hour", "sqs_request", "alarm_month"]).endswith(
        " (unverified: alarm_month, sqs_request)"
    )


@pytest.mark.parametrize("region", ["mars-1", "recorded", "everywhere"])
def test_unknown_region_is_refused_with_how_to_add_it(region: str) -> None:
    with pytest.raises(ShopProblem, match=f"prices of {region} are unknown") as refused:
        prices.of_region(region)
    assert re.search(r"one of us-east-1, .*ap-southeast-2, or add", refused.value.remedy)
    assert "prices.toml, which says how" in refused.value.remedy
    assert "To add a region" in prices.TABLE.read_text()
