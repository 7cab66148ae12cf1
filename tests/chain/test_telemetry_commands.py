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


def test_spans_of_an_order_are_one_tree(shop: Shop, order: str) -> None:
    # GIVEN the traces about the order: one of its placing, and those of webhooks
    traces = json.loads(shop.run("trace", order, "--json").stdout)
    (spans,) = (
        trace["spans"]
        for trace in traces
        if any(span["name"] == "POST /orders" for span in trace["spans"])
    )
    # THEN the storefront's request is the only span of that trace without a parent in it
    by_id = {span["span_id"]: span for span in spans}
    assert len(by_id) == len(spans)
    (root,) = (span for span in spans if span["parent_id"] not in by_id)
    assert (root["service"], root["name"]) == ("storefront_api", "POST /orders")
    assert not root["parent_id"]
    # AND each request or event is below the call or message that caused it
    caused = [(span, by_id[span["parent_id"]]) for span in spans if span is not root]
    calls = {(span["name"], cause["kind"]) for span, cause in caused if span["kind"] == "server"}
    events = {
        (span["name"], cause["kind"])
        for span, cause in caused
        if span["name"].startswith("process shop.")
    }
    assert {kind for _, kind in calls} == {"client"}
    assert {name for name, _ in calls} >= {
        "POST /orders",
        "PUT /messages/{message_id}",
        "PUT /documents/{file_id}",
    }
    assert {kind for _, kind in events} == {"producer"}
    assert {name for name, _ in events} == {
        "process shop.order.placed.v1",
        "process shop.payment.succeeded.v1",
    }


def test_all_attempts_to_place_an_order_are_in_its_trace(shop: Shop, alice: str) -> None:
    # WHEN a client places an order again, as the page does after a lost response
    key = "c0ffee00-cafe-4000-abcd-efabcdef0002"
    trace_id = key.replace("-", "")
    for span_id in ("a" * 16, "b" * 16):
        headers = {"Idempotency-Key": key, "traceparent": f"00-{trace_id}-{span_id}-00"}
        answer = shop.api("POST", "/orders", shop.order_body(), alice, headers)
    order_id = answer.json["id"]
    shop.wait_for_emails(order_id, 1)
    wait_until_idle(shop)
    # THEN the client's trace has both attempts, and the email and the receipt of the order
    traces = json.loads(shop.run("trace", order_id, "--json").stdout)
    spans = {trace["trace_id"]: trace["spans"] for trace in traces}
    placed = spans.pop(trace_id)
    roots = [(span["name"], span["outcome"]) for span in placed if not span["parent_id"]]
    assert roots == [("POST /orders", "201"), ("POST /orders", "200")]
    assert {"SESv2.SendEmail", "S3.PutObject"} <= {span["name"] for span in placed}
    # AND only webhooks are traces of their own
    others = {span["name"] for trace in spans.values() for span in trace if not span["parent_id"]}
    assert others <= {"POST /webhooks/payments"}


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
