"""What a mix of traffic costs, computed from counted operations and a table of prices.

``usage.json`` has what one action uses: the tests in ``tests/simulation/budgets`` count it and
compare the file with it. Durations cannot be counted, so the milliseconds that an invocation is
billed for are a parameter. Not computed: logs and metrics, stored data, monthly active users of
Cognito, and the payment gateway's fees.
"""

import json
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from shopctl.project.errors import ShopProblem

USAGE = Path(__file__).with_name("usage.json")
PRICES = Path(__file__).with_name("prices.toml")
MEMORY_GB = Decimal("0.5")
# 60 ms is assumed for an average invocation, most of it spent waiting for other services
MILLISECONDS = 60
MIX: Mapping[str, int] = {"order": 1, "toy": 20, "search": 5, "orders": 1}
"""Actions per order: pages of toys, searches, and lists of a customer's orders."""
_PUBLIC = "storefront_api"
_OWNERS = {"sesv2 SendEmail": "notifications", "s3 PutObject": "file_manager"}

Costs = dict[tuple[str, str], Decimal]
"""US dollars by service of the shop and service of AWS."""


@dataclass(frozen=True)
class Prices:
    """Prices of a region.

    Attributes
    ----------
    region
        Name of the region.
    recorded
        Day on which they were recorded.
    each
        US dollars by the name of what is billed.
    """

    region: str
    recorded: str
    each: Mapping[str, Decimal]


def prices_of(region: str) -> Prices:
    """Return the prices of a region.

    Raises
    ------
    ShopProblem
        If the table does not have the region.
    """
    table = tomllib.loads(PRICES.read_text())
    if not isinstance(table.get(region), dict):
        raise ShopProblem(
            f"The prices of {region} are unknown.",
            "Name another with --region, or add it to tools/shopctl/operating/prices.toml.",
        )
    each = {name: Decimal(price) for name, price in table[region].items()}
    return Prices(region, str(table["recorded"]), each)


def of_mix(mix: Mapping[str, int], prices: Prices, milliseconds: int) -> Costs:
    """Return what a mix of actions costs.

    Parameters
    ----------
    mix
        Number of each action.
    milliseconds
        Billed duration of an invocation.
    """
    usage = json.loads(USAGE.read_text())
    costs: Costs = defaultdict(Decimal)
    for action, count in mix.items():
        for key, cost in _of_action(usage[action], prices.each, milliseconds).items():
            costs[key] += cost * count
    return dict(costs)


def _of_action(used: Any, price: Mapping[str, Decimal], milliseconds: int) -> Costs:
    costs: Costs = defaultdict(Decimal)
    seconds = Decimal(milliseconds) / 1000
    for function, count in used["invocations"].items():
        each = price["lambda_request"] + seconds * MEMORY_GB * price["lambda_gb_second"]
        costs[function.split()[0], "Lambda"] += count * each
    for service, count in used["requests"].items():
        costs[service, "API Gateway"] += count * price["api_request"]
        if service == _PUBLIC:
            costs[service, "CloudFront"] += count * price["cloudfront_request"]
            costs[service, "WAF"] += count * 2 * price["waf_request"]
    answered = Decimal(used["answered"].get(f"{_PUBLIC} API", 0)) / 10**9
    costs[_PUBLIC, "CloudFront"] += answered * price["cloudfront_gb"]
    for kind in ("read", "write"):
        for place, units in used[f"{kind}_units"].items():
            service = place.split("/")[0].replace("-", "_")
            costs[service, "DynamoDB"] += Decimal(units) * price[f"dynamodb_{kind}_unit"]
    for operation, name in (("sesv2 SendEmail", "ses_email"), ("s3 PutObject", "s3_put")):
        count = used["operations"].get(operation, 0)
        costs[_OWNERS[operation], name.split("_")[0].upper()] += count * price[name]
    # a relay publishes once per invocation
    for function, count in used["invocations"].items():
        service, name = function.split()
        if name == "on_dynamodb_record":
            costs[service, "SNS"] += count * price["sns_request"]
    return {key: cost for key, cost in costs.items() if cost}


def by(costs: Costs, part: int) -> dict[str, Decimal]:
    """Return the costs by service of the shop (0) or of AWS (1), the highest first."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for key, cost in costs.items():
        sums[key[part]] += cost
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def lines(costs: Costs) -> Iterator[str]:
    """Yield the lines of a table in Markdown: the cost of 1,000 and 1,000,000 orders.

    Parameters
    ----------
    costs
        Costs of one order and what is done beside it.
    """
    total = sum(costs.values(), Decimal(0))
    yield "| | 1,000 orders | 1,000,000 orders | saved without it |"
    yield "|---|---:|---:|---:|"
    for part, label in ((1, "AWS"), (0, "shop")):
        for name, cost in by(costs, part).items():
            amounts = f"{cost * 1000:.4f} | {cost * 10**6:.2f}"
            yield f"| {label}: {name} | {amounts} | {cost / total:.1%} |"
    yield f"| **total** | **{total * 1000:.4f}** | **{total * 10**6:.2f}** | |"


def as_json(mix: Mapping[str, int], prices: Prices, milliseconds: int) -> dict[str, Any]:
    """Return the cost of a mix as JSON."""
    costs = of_mix(mix, prices, milliseconds)
    return {
        "currency": "USD",
        "prices_of": prices.recorded,
        "prices_in": prices.region,
        "mix": dict(mix),
        "milliseconds": milliseconds,
        "per_order": [
            {"service": service, "aws": aws, "cost": float(cost)}
            for (service, aws), cost in sorted(costs.items())
        ],
        "per_1000_orders": float(sum(costs.values(), Decimal(0)) * 1000),
    }
