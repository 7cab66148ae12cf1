"""What a mix of traffic costs, computed from counted operations and a table of prices.

``usage.json`` has what one action uses: the tests in ``tests/simulation/budgets`` count it and
compare the file with it. Durations and cold starts cannot be counted, so they are assumptions.
Custom metrics are billed by the month, whatever the number of orders. Not computed: the lines that
Lambda itself logs, debug lines, stored data, monthly active users of Cognito, a pricing plan of
SES, and the payment gateway's fees.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from shopctl.operating.prices import Prices

USAGE = Path(__file__).with_name("usage.json")
MEMORY_GB = Decimal("0.5")
MIX: Mapping[str, int] = {"order": 1, "toy": 20, "search": 5, "orders": 1}
"""Actions per order: pages of toys, searches, and lists of a customer's orders."""
_PUBLIC = "storefront_api"
_OWNERS = {"sesv2 SendEmail": "notifications", "s3 PutObject": "file_manager"}
# those that an API invokes, of which SnapStart takes snapshots
_API_FUNCTIONS = ("api_handler", "jwt_authorizer")

Costs = dict[tuple[str, str], Decimal]
"""US dollars by service of the shop and service of AWS."""


@dataclass(frozen=True)
class Assumptions:
    """What cannot be counted on this machine.

    Attributes
    ----------
    milliseconds
        Billed duration of an average invocation, most of it spent waiting for other services.
    cold_starts
        Cold starts per 1,000 invocations. Lambda's documentation says that they "typically occur
        in under 1% of invocations".
    init_milliseconds
        Billed duration of a cold start, before the invocation: about as long as the slowest
        functions take in benchmarks/report.md.
    snap_start
        Whether functions of an API start from snapshots, which are billed instead.
    trace_percent
        Share of the traces that are recorded by chance.
    """

    milliseconds: int = 60
    cold_starts: int = 10
    init_milliseconds: int = 300
    snap_start: bool = False
    trace_percent: float = 2


ASSUMED = Assumptions()


def of_mix(mix: Mapping[str, int], prices: Prices, assumed: Assumptions = ASSUMED) -> Costs:
    """Return what a mix of actions costs.

    Parameters
    ----------
    mix
        Number of each action.
    """
    usage = json.loads(USAGE.read_text())
    costs: Costs = defaultdict(Decimal)
    for action, count in mix.items():
        for key, cost in _of_action(usage[action], prices.each, assumed).items():
            costs[key] += cost * count
    return dict(costs)


def metrics(actions: Iterable[str]) -> list[str]:
    """Return the custom metrics that actions record, each with its service and dimensions.

    CloudWatch bills a metric for the hours in which it gets values. The actions cover
    orders that are paid; failures, cancellations and refunds record further metrics.

    Parameters
    ----------
    actions
        Names of actions.
    """
    usage = json.loads(USAGE.read_text())
    return sorted({metric for action in actions for metric in usage[action]["metrics"]})


def of_metrics(mix: Mapping[str, int], prices: Prices) -> tuple[int, Decimal]:
    """Return how many custom metrics a mix records, and what they cost if it does so every hour.

    Parameters
    ----------
    mix
        Number of each action.

    Returns
    -------
    tuple
        The number of metrics, and US dollars per month.
    """
    found = len(metrics(action for action, count in mix.items() if count))
    return found, found * prices.each["metric_month"]


def of_snap_start(mix: Mapping[str, int], prices: Prices, assumed: Assumptions) -> Decimal:
    """Return how much more a mix costs with SnapStart than without it, in US dollars."""
    with_it, without = (
        sum(of_mix(mix, prices, replace(assumed, snap_start=one)).values(), Decimal(0))
        for one in (True, False)
    )
    return with_it - without


def prices_used(prices: Prices) -> set[str]:
    """Return the names of the prices that a cost by use, or that of SnapStart, depends on."""
    of_time = {name for name in prices.each if name.endswith(("_month", "_hour"))}
    return {*prices.each} - of_time - {"sqs_request", "snapshot_gb_second"} | {"metric_month"}


def _of_action(used: Any, price: Mapping[str, Decimal], assumed: Assumptions) -> Costs:
    costs: Costs = defaultdict(Decimal)
    seconds = Decimal(assumed.milliseconds) / 1000
    cold = Decimal(assumed.cold_starts) / 1000
    init = cold * assumed.init_milliseconds / 1000
    for function, count in used["invocations"].items():
        service, name = function.split()
        billed = seconds
        if assumed.snap_start and name in _API_FUNCTIONS:
            restored = cold * MEMORY_GB * price["snapshot_restored_gb"]
            costs[service, "Lambda SnapStart"] += count * restored
        else:
            billed += init
        each = price["lambda_request"] + billed * MEMORY_GB * price["lambda_gb_second"]
        costs[service, "Lambda"] += count * each
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
    for service, size in used["logged"].items():
        costs[service, "CloudWatch Logs"] += Decimal(size) / 10**9 * price["log_gb"]
    share = Decimal(str(assumed.trace_percent)) / 100
    traces = used["traces"]["always"] + share * used["traces"]["by_share"]
    costs[_PUBLIC, "X-Ray"] += traces * price["xray_trace"]
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
    yield "| | 1,000 orders | 1,000,000 orders | share of the total |"
    yield "|---|---:|---:|---:|"
    for part, label in ((1, "AWS"), (0, "shop")):
        for name, cost in by(costs, part).items():
            amounts = f"{cost * 1000:.4f} | {cost * 10**6:.2f}"
            yield f"| {label}: {name} | {amounts} | {cost / total:.1%} |"
    yield f"| **total** | **{total * 1000:.4f}** | **{total * 10**6:.2f}** | |"


def metrics_line(mix: Mapping[str, int], prices: Prices) -> str:
    """Return a sentence about the cost of the custom metrics that a mix records."""
    count, per_month = of_metrics(mix, prices)
    return (
        f"The {count} custom metrics of such orders cost {per_month:.2f} a month, however many"
        " orders there are, and less if not every hour has one: a metric is billed for the hours in"
        " which it gets values. Failures, cancellations and refunds have further metrics. Those of"
        " the hourly run are also part of the idle cost."
    )


def as_json(mix: Mapping[str, int], prices: Prices, assumed: Assumptions) -> dict[str, Any]:
    """Return the cost of a mix as JSON."""
    costs = of_mix(mix, prices, assumed)
    count, per_month = of_metrics(mix, prices)
    return {
        "currency": "USD",
        "prices_of": prices.recorded,
        "prices_in": prices.region,
        "unverified": sorted(prices.unverified & prices_used(prices)),
        "mix": dict(mix),
        "assumed": asdict(assumed),
        "per_order": [
            {"service": service, "aws": aws, "cost": float(cost)}
            for (service, aws), cost in sorted(costs.items())
        ],
        "per_1000_orders": float(sum(costs.values(), Decimal(0)) * 1000),
        "metrics": {"count": count, "per_month": float(per_month)},
        "snap_start_per_1000_orders": float(of_snap_start(mix, prices, assumed) * 1000),
    }
