"""Logs: masked JSON lines; metrics in the embedded metric format."""

import importlib.util
import io
import json
from datetime import UTC, datetime

import pytest
import time_machine

from chassis import context, log, tracing
from support.exported import metrics_in
from support.log_lines import Lines


def test_a_time_has_milliseconds(lines: Lines) -> None:
    with time_machine.travel(datetime(2026, 11, 24, 3, 0, 0, 7000, tzinfo=UTC), tick=False):
        log.info("x")
    assert lines()[0]["time"] == "2026-11-24T03:00:00.007Z"


def test_the_function_is_named(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "toyshop-unit-tests-api-handler")
    log.configure("tests", "unit")
    log.info("x")
    assert lines()[0]["function"] == "toyshop-unit-tests-api-handler"


def test_details_are_logged_in_one_percent_of_the_traces_unless_tests_run() -> None:
    spec = importlib.util.find_spec("chassis.log")
    assert spec
    assert spec.loader
    unchanged = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(unchanged)
    assert unchanged.DEBUG_PERCENT == 1


def test_details_are_logged_in_a_share_of_the_traces(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def logged(trace_id: str) -> bool:
        before = len(lines())
        with context.entered({"traceparent": f"00-{trace_id}-{'b' * 16}-01"}, budget=5):
            log.debug("detail")
        return len(lines()) > before

    # the last 14 digits decide: 1 % of their values is 0x028f5c28f5c28f
    inside, outside = "a" * 18 + "028f5c28f5c28e", "a" * 18 + "028f5c28f5c290"
    monkeypatch.setattr(log, "_threshold", log._LEVELS["INFO"])
    monkeypatch.setattr(log, "DEBUG_PERCENT", 1)
    assert logged(inside)
    assert not logged(outside)
    # a trace with debug lines also has spans, unless fewer traces are sampled
    monkeypatch.setattr(tracing, "_trace_percent", 1)
    assert tracing.is_in_share(inside)
    monkeypatch.setattr(log, "_threshold", log._LEVELS["WARNING"])
    assert not logged(inside)
    monkeypatch.setattr(log, "_threshold", log._LEVELS["DEBUG"])
    assert logged(outside)


def test_a_line_names_service_stage_and_request(lines: Lines) -> None:
    trace = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "X-Correlation-Id": "web-1"}
    with context.entered(trace, budget=5) as current:
        span_id = current.span_id
        log.info("order placed", order_id="ord_1", total=2500)
    (line,) = lines()
    assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
    assert line == {
        "level": "INFO",
        "message": "order placed",
        "service": "tests",
        "stage": "unit",
        "correlation_id": "web-1",
        "trace_id": "a" * 32,
        "span_id": span_id,
        "order_id": "ord_1",
        "total": 2500,
    }


def test_an_entry_is_one_line_whatever_its_fields_contain(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(log, "_out", out)
    log.error("odd\nmessage", text="a\r\nb\u2028", when=datetime.now(UTC), error=ValueError("x\ny"),
              number=float("nan"), kind=int, raw=b"\xff", pair=(1, 2), keys={1: 2})  # fmt: skip
    assert out.getvalue().count("\n") == 1
    assert "\r" not in out.getvalue()
    assert json.loads(out.getvalue())["text"] == "a\r\nb\u2028"


def test_secrets_are_never_logged(lines: Lines) -> None:
    log.info("x", email="a@b.com", to="alice@example.com", cards=["4242 4242 4242 4242"],
             inner={"token": "t0p"}, reason=ValueError("bob@example.com"))  # fmt: skip
    try:
        raise ValueError("carol@example.com 378282246310005")
    except ValueError:
        log.exception("y")
    text = json.dumps(lines())
    for secret in ("a@b", "alice", "4242", "t0p", "bob@", "carol@", "378282246310005"):
        assert secret not in text
    assert "ValueError" in lines()[1]["stack"]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("WARNING", ["WARNING", "ERROR"]),
        ("INFO", ["INFO", "WARNING", "ERROR"]),
        ("ERROR", ["ERROR"]),
    ],
)
def test_lines_below_the_level_are_omitted(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, level: str, expected: list[str]
) -> None:
    monkeypatch.setattr(log, "_threshold", log._LEVELS[level])
    for write in (log.info, log.warning, log.error):
        write("x")
    assert [line["level"] for line in lines()] == expected


def test_a_metric_is_a_line_in_the_embedded_metric_format(
    capsys: pytest.CaptureFixture[str], lines: Lines
) -> None:
    log.metric("Payments", outcome="succeeded")
    log.metric("Latency", 12.5, "Milliseconds")
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    # as the specification of the embedded metric format says
    about = first.pop("_aws")
    assert isinstance(about["Timestamp"], int)
    assert abs(about["Timestamp"] / 1000 - datetime.now(UTC).timestamp()) < 60
    assert about["CloudWatchMetrics"] == [
        {
            "Namespace": "ToyShop",
            "Dimensions": [["service", "stage", "outcome"]],
            "Metrics": [{"Name": "Payments", "Unit": "Count"}],
        }
    ]
    # every dimension and the metric itself are members of the top level
    assert first == {"service": "tests", "stage": "unit", "outcome": "succeeded", "Payments": 1}
    assert second["Latency"] == 12.5
    assert second["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"] == "Milliseconds"


def test_the_metrics_of_a_hop_are_part_of_its_last_line(
    capsys: pytest.CaptureFixture[str], lines: Lines
) -> None:
    with log.collected_metrics():
        log.metric("Calls", 0.5, "Seconds", downstream="toys")
        log.metric("Calls", 0.25, "Seconds", downstream="toys")
        log.metric("Calls", 0.75, "Seconds", downstream="orders")
        log.metric("Placed")
        log.info("still working")
        log.summary("request served", status=201)
        log.metric("Late")
    working, served, *rest = map(json.loads, capsys.readouterr().out.splitlines())
    assert "_aws" not in working
    assert (served["message"], served["status"]) == ("request served", 201)
    toys = {"service": "tests", "stage": "unit", "downstream": "toys"}
    assert list(metrics_in(served)) == [
        ("Calls", 0.5, "Seconds", toys),
        ("Calls", 0.25, "Seconds", toys),
        ("Placed", 1, "Count", {"service": "tests", "stage": "unit"}),
    ]
    # a line has one value of each dimension, so the others need lines of their own
    assert [(metric.name, metric.value) for line in rest for metric in metrics_in(line)] == [
        ("Calls", 0.75),
        ("Late", 1),
    ]
    assert all("message" not in line for line in rest)


def test_metric_with_other_dimensions_goes_into_another_line(
    capsys: pytest.CaptureFixture[str], lines: Lines
) -> None:
    with log.collected_metrics():
        log.metric("Calls", 1, downstream="toys")
        log.metric("Calls", 2)
        log.metric("Calls", 3, downstream="toys")
        log.metric("Calls", 4, kind="read")
        log.metric("Calls", 5)
        log.summary("request served")
    written = list(map(json.loads, capsys.readouterr().out.splitlines()))
    found = [
        [(metric.value, len(metric.dimensions)) for metric in metrics_in(line)] for line in written
    ]
    assert found == [[(1, 3), (3, 3)], [(2, 2), (5, 2)], [(4, 3)]]


def test_a_line_has_a_hundred_values_of_a_metric_at_most(
    capsys: pytest.CaptureFixture[str], lines: Lines
) -> None:
    with log.collected_metrics():
        for number in range(250):
            log.metric("Calls", number, downstream="toys")
        log.summary("reconciled")
    written = list(map(json.loads, capsys.readouterr().out.splitlines()))
    # as the specification of the embedded metric format says
    assert [len(line["Calls"]) for line in written] == [100, 100, 50]
    values = [metric.value for line in written for metric in metrics_in(line)]
    assert values == list(range(250))


def test_the_metrics_of_a_hop_are_written_whatever_the_level(
    capsys: pytest.CaptureFixture[str], lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_threshold", log._LEVELS["ERROR"])
    with log.collected_metrics():
        log.metric("Placed")
        log.summary("request served")
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert [metric.name for metric in metrics_in(line)] == ["Placed"]


def test_lines_go_to_standard_output_by_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_out", None)
    log.error("x")
    assert json.loads(capsys.readouterr().out)["message"] == "x"
