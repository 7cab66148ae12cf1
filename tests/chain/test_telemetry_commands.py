"""The commands that show what happened to an order, after an order went through the whole chain."""

import json
import re
import time
from typing import Any

import pytest

from support.running_shop import Shop, wait_until_idle


@pytest.fixture(scope="module")
def order(shop: Shop, alice: str) -> str:
    """Place an order and wait until it is paid and mailed; return its id."""
    order_id: str = shop.place(alice)["id"]
    shop.wait_for_payment(order_id, alice, "succeeded")
    shop.wait_for_emails(order_id, 1)
    wait_until_idle(shop)
    return order_id


def test_trace_leads_from_the_request_to_the_email_and_the_receipt(shop: Shop, order: str) -> None:
    # WHEN the order's trace is shown
    result = shop.run("trace", order)
    # THEN it fits into a terminal, and each service is below the one that caused its work
    assert result.returncode == 0, result.stderr
    rows = result.stdout.splitlines()
    assert max(map(len, rows)) <= 80
    indents = [
        (found.start(), service)
        for row in rows
        for service in ["storefront_api", "orders", "payments", "notifications", "file_manager"]
        if row[57:].startswith(service) and (found := re.search(r"[A-Za-z]", row[21:]))
    ]
    assert indents[0] == (0, "storefront_api")
    depths = {
        service: max(depth for depth, each in indents if each == service) for _, service in indents
    }
    assert depths["storefront_api"] < depths["orders"] < depths["payments"]
    assert depths["payments"] < depths["notifications"]
    assert depths["payments"] < depths["file_manager"]
    assert "SESv2.SendEmail" in result.stdout


def test_log_of_an_order_names_every_service(shop: Shop, order: str) -> None:
    result = shop.run("logs", "--order", order, "--json", "-n", "1000")
    lines = [json.loads(row) for row in result.stdout.splitlines()]
    services = {"storefront_api", "toys", "orders", "payments", "notifications", "file_manager"}
    assert {line["service"] for line in lines} == services
    assert {line.get("order_id", order) for line in lines} == {order}


@pytest.mark.parametrize("name", ["toyshop.order.time_to_paid", "toyshop.file.time_to_ready"])
def test_metrics_of_the_chains_are_summarized(shop: Shop, order: str, name: str) -> None:
    result = shop.run("metrics", name, "--json")
    (summary,) = json.loads(result.stdout)
    assert summary["unit"] == "Seconds"
    assert 0 < summary["p50"] <= summary["p95"]


def test_top_shows_the_services(shop: Shop, order: str) -> None:
    result = shop.run("top", "--once")
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) <= 24
    assert re.search(r"^storefront_api +\d", result.stdout, re.MULTILINE)


def test_xray_finds_the_traces_of_an_order(shop: Shop, order: str) -> None:
    # GIVEN the trace that the command shows
    traces: list[Any] = json.loads(shop.run("trace", order, "--json").stdout)
    # WHEN X-Ray is asked for the order
    xray = shop.client("xray")
    now = time.time()
    found = xray.get_trace_summaries(
        StartTime=now - 3600,
        EndTime=now + 60,
        FilterExpression=f'annotation[toyshop.order_id] = "{order}"',
    )["TraceSummaries"]
    # THEN it has the same traces, with the same spans
    ids = sorted(summary["Id"] for summary in found)
    assert [trace_id.replace("-", "")[1:] for trace_id in ids] == sorted(
        trace["trace_id"] for trace in traces
    )
    (trace,) = xray.batch_get_traces(TraceIds=ids[:1])["Traces"]
    spans = next(t["spans"] for t in traces if t["trace_id"] == ids[0].replace("-", "")[1:])
    documents = [json.loads(segment["Document"]) for segment in trace["Segments"]]
    assert sum(map(count, documents)) == len(spans)


def count(document: dict[str, Any]) -> int:
    return 1 + sum(map(count, document.get("subsegments", [])))
