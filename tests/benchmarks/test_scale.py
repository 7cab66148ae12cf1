"""The simulation of scale agrees with its document, with the counted operations and the limits."""

import importlib.util
import json
import sys
import tomllib
from typing import Any

import pytest

from shopctl.operating.usage_cost import USAGE
from shopctl.project.yaml_lines import parse_yaml
from support.paths import ROOT

FOLDER = ROOT / "benchmarks/scale"
_SPEC = importlib.util.spec_from_file_location("benchmarks_scale", FOLDER / "simulate.py")
assert _SPEC is not None
assert _SPEC.loader is not None
scale: Any = importlib.util.module_from_spec(_SPEC)
sys.modules["benchmarks_scale"] = scale
_SPEC.loader.exec_module(scale)

TABLE = {one["name"]: one for one in tomllib.loads((FOLDER / "limits.toml").read_text())["limit"]}


def limit(capacity: float, *, rejects: bool) -> Any:
    return scale.Limit("one", capacity, 0, rejects, True, "", "")


def test_document_has_the_tables() -> None:
    text = scale.DOCUMENT.read_text()
    assert scale.document(text) == text


def test_limits_use_what_an_order_is_counted_to_use() -> None:
    order = json.loads(USAGE.read_text())["order"]
    uses = {name: one.get("uses") for name, one in TABLE.items()}
    assert uses["API Gateway, requests of the account"] == sum(order["requests"].values())
    assert uses["Cognito, category UserRead"] == order["operations"]["cognito-idp GetUser"]
    assert uses["SNS, messages published"] == order["operations"]["sns PublishBatch"]
    assert uses["SES, emails of the account"] == order["operations"]["sesv2 SendEmail"]
    assert uses["orders: partitions of a new table"] == order["write_units"]["orders"]
    assert uses["orders: index by_month, 8 shards"] == order["write_units"]["orders/by_month"]
    assert uses["payments: partitions of a new table"] == order["write_units"]["payments"]


def test_the_shops_own_limits_are_those_of_its_templates() -> None:
    def resources(service: str) -> Any:
        return parse_yaml((ROOT / "apps" / service / "delivery.yaml").read_text())["Resources"]

    for function in ("Charge", "Fulfil"):
        payments = resources("payments")
        own = payments[function]["Properties"]["ReservedConcurrentExecutions"]
        (queue,) = payments[f"{function}Retry"]["Properties"]["Events"].values()
        retries = queue["Properties"]["ScalingConfig"]["MaximumConcurrency"]
        name = f"payments: {function.lower()}, {own} invocations and {retries} retries"
        assert TABLE[name]["concurrent"] == own + retries
    text = (ROOT / "apps/storefront_api/delivery.yaml").read_text()
    rate = TABLE["route POST /orders"]["per_second"]
    assert f"ResourcePath: /~1orders, ThrottlingRateLimit: {rate}," in text


def test_below_every_limit_nothing_waits() -> None:
    outcome = scale.simulate(10, [limit(1000, rejects=True), limit(1000, rejects=False)])
    assert outcome.accepted == 1
    assert outcome.emailed[1] == pytest.approx(scale.LATENCY, abs=0.1)


@pytest.mark.parametrize("rate", [20, 200, 2000])
def test_beyond_a_limit_orders_are_refused_or_wait(rate: int) -> None:
    refused = scale.simulate(rate, [limit(rate / 2, rejects=True)])
    assert refused.accepted == pytest.approx(0.5, abs=0.05)
    # twice as much as fits arrives for a minute: half of it is left
    waiting = scale.simulate(rate, [limit(rate / 2, rejects=False)])
    assert waiting.backlog == pytest.approx(30 * rate, rel=0.1)
    assert waiting.emailed[0] == pytest.approx(30 + scale.LATENCY, rel=0.15)
