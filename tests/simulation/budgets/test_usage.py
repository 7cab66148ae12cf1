"""What one action of a customer uses of AWS: written for `./shop cost`, and held by this test.

`./shop test -e contract -- tests/simulation/budgets/test_usage.py --write` updates the file.
"""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from contracts import toys as toys_api
from shopctl.operating.usage_cost import USAGE
from support.exported import metrics_in
from support.fault_matrix import scenarios
from support.fault_matrix.scenarios import TOY, _call_storefront
from support.world import apps, deliveries
from support.world.telemetry import Telemetry, recorded
from support.world.usage import Usage, counted
from support.world.whole_chain import WholeChain
from support.world.world import World

BODY = {"shipping_address": scenarios.ADDRESS, "payment_method": "pm_card_visa"}


def order(world: World, toy: str) -> None:
    body = {**BODY, "lines": [{"toy_id": toy, "quantity": 1}]}
    _call_storefront(world, "POST", "/orders", body, **{"Idempotency-Key": "counted"})
    world.run_until_idle()
    assert world.emails_sent.total() == 1


def read(path: str) -> Callable[[World, str], None]:
    def action(world: World, toy: str) -> None:
        _call_storefront(world, "GET", path.format(toy=toy))

    return action


def cancel_expired(world: World, toy: str) -> None:
    assert world.cancel_expired() == 0


ACTIONS: dict[str, Callable[[World, str], None]] = {
    "order": order,
    "toy": read("/toys/{toy}"),
    "search": read("/toys?q=kite&limit=20"),
    "orders": read("/orders?limit=20"),
    "hourly run": cancel_expired,
}


def plain(usage: Usage) -> Any:
    """Return what the cost is computed from, as JSON."""
    return {
        name: dict(sorted(getattr(usage, name).items()))
        for name in (
            "invocations", "requests", "operations", "read_units", "write_units", "sent", "answered"
        )
    }  # fmt: skip


def logged(telemetry: Telemetry) -> dict[str, int]:
    """Return the bytes that each service logs."""
    sizes: Counter[str] = Counter()
    for line in telemetry.out.getvalue().splitlines():
        sizes[json.loads(line)["service"]] += len(line.encode()) + 1
    return dict(sorted(sizes.items()))


def traces(telemetry: Telemetry) -> dict[str, int]:
    """Return the number of traces that are always recorded, and of those that a share is of."""
    always = {span.trace_id for span in telemetry.spans}
    every = {line["trace_id"] for line in telemetry.lines if "trace_id" in line}
    return {"always": len(always), "by_share": len(every - always)}


def metrics(telemetry: Telemetry) -> list[str]:
    """Return the custom metrics that got values: service, name and dimensions of each."""
    found = set()
    for metric in (metric for line in telemetry.lines for metric in metrics_in(line)):
        others = {k: v for k, v in metric.dimensions.items() if k not in ("service", "stage")}
        named = [f"{name}={value}" for name, value in sorted(others.items())]
        found.add(" ".join([metric.dimensions["service"], metric.name, *named]))
    return sorted(found)


def observe() -> dict[str, Any]:
    found = {}
    for name, action in ACTIONS.items():
        # each stream record is an invocation of its own, as in a shop that is not busy
        with (
            mock.patch.object(deliveries, "BATCH_SIZE", 1),
            mock.patch.object(apps, "SIGNED_IN_USER", {"sub": "cus_1", "groups": ""}),
            WholeChain() as world,
        ):
            toy: str = json.loads(world.call_api(toys_api.CREATE, "toys", body=TOY).data)["id"]
            world.run_until_idle()
            world.advance(2)
            # the first search of a process loads the index
            _call_storefront(world, "GET", "/toys?q=kite&limit=20")
            with (
                counted(world) as usage,
                recorded(world) as telemetry,
                mock.patch("chassis.tracing._trace_percent", 0),
            ):
                action(world, toy)
        found[name] = plain(usage) | {
            "logged": logged(telemetry),
            "traces": traces(telemetry),
            "metrics": metrics(telemetry),
        }
    return found


def test_cost_is_computed_from_what_actions_use(request: pytest.FixtureRequest) -> None:
    observed = observe()
    # bytes differ by the digits of times and random ids: to the next 100
    for usage in observed.values():
        for name in ("sent", "answered", "logged"):
            usage[name] = {key: -(-size // 100) * 100 for key, size in usage[name].items()}
    if request.config.getoption("--write"):
        USAGE.write_text(json.dumps(observed, indent=2) + "\n")
    assert observed == json.loads(USAGE.read_text())
