"""`./shop trace`: the hops of an order as a tree."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shopctl.cli.main import cli
from shopctl.local import trace
from shopctl.local.telemetry import opened
from support import telemetry
from support.spans import TRACE, MadeSpan

ORDER = "ord_00000000000000000000000001"
OTHER_TRACE = "6" * 32
HTTP_201 = {"http.response.status_code": 201}
ABOUT = {"toyshop.order_id": ORDER}
CONSUMED = "process shop.order.placed.v1"


def aws_call(number: int, service: str, method: str, parent: int, failed: str = "") -> MadeSpan:
    attributes = {"rpc.system": "aws-api", "rpc.service": service, "rpc.method": method}
    name = f"{service}.{method}"
    return MadeSpan(number, name, "client", parent, failed=failed, attributes=attributes)


SPANS = [
    MadeSpan(
        1,
        "POST /orders",
        "server",
        service="storefront_api",
        duration_ms=57,
        attributes=ABOUT | HTTP_201,
    ),
    MadeSpan(2, "POST /orders", "client", 1, "storefront_api", 3, 20, attributes=HTTP_201),
    MadeSpan(3, "POST /orders", "server", 2, "orders", 5, 15, attributes=ABOUT | HTTP_201),
    aws_call(12, "DynamoDB", "TransactWriteItems", 3),
    aws_call(4, "DynamoDB", "PutItem", 12),
    MadeSpan(5, "send toyshop-local-orders-events", "producer", 4, "orders", 107, 4),
    MadeSpan(
        6,
        CONSUMED,
        "consumer",
        5,
        "payments",
        120,
        140,
        failed="the gateway is down",
        attributes=ABOUT | {"error.type": "TimeoutError"},
    ),
    MadeSpan(
        7, CONSUMED, "consumer", 5, "payments", 1220, 140, attributes=ABOUT | {"toyshop.attempt": 2}
    ),
    MadeSpan(8, "POST /v1/payment_intents", "client", 7, "payments", 1225, 100),
    aws_call(9, "SESv2", "SendEmail", 7),
    aws_call(10, "SNS", "Publish", 7, "Throttled"),
    MadeSpan(
        11,
        "POST /orders/{order_id}/cancellation",
        "server",
        service="storefront_api",
        start_ms=60_000,
        trace_id=OTHER_TRACE,
        attributes=ABOUT,
    ),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home of a shop with two traces of an order."""
    monkeypatch.setenv("SHOP_HOME", str(tmp_path))
    telemetry.write(tmp_path / "telemetry.db", spans=SPANS)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["trace", *arguments])


def test_hops_stand_below_those_that_caused_them(home: Path) -> None:
    # WHEN an order's trace is shown
    result = run(ORDER)
    # THEN each hop is a line with its start, duration, service, attempt and outcome
    placing, cancelling = result.output.split(f"trace {OTHER_TRACE}")
    rows = placing.split("outcome\n")[1].strip("\n").splitlines()
    assert rows == [
        "   0.0 ms     57 ms  POST /orders                        storefront_api 201",
        "   5.0 ms     15 ms  └ POST /orders                      orders         201",
        "   107 ms    4.0 ms    └ send orders-events              orders         ok",
        "   120 ms    140 ms      ├ process shop.order.placed.v1  payments       failed",
        "                             TimeoutError: the gateway is down",
        "   1.22 s    140 ms      └ process shop.order.placed.v1  payments       ok #2",
        "   0.0 ms     10 ms        ├ SESv2.SendEmail             orders         ok",
        "   0.0 ms     10 ms        ├ SNS.Publish                 orders         failed",
        "                               Throttled",
        "   1.23 s    100 ms        └ POST /v1/payment_intents    payments       ok",
    ]
    # AND later traces of the order follow
    assert "1 m 0 s" in cancelling
    assert all(len(row) <= 80 for row in result.output.splitlines())


def test_all_spans_are_shown_on_request(home: Path) -> None:
    assert "DynamoDB.PutItem" not in run(ORDER).output
    output = run(ORDER, "--all").output
    assert "DynamoDB.PutItem" in output
    assert output.count("POST /orders ") == 3


@pytest.mark.parametrize("id_", [TRACE, f"1-{TRACE[:8]}-{TRACE[8:]}"])
def test_trace_is_found_by_its_id(home: Path, id_: str) -> None:
    output = run(id_).output
    assert TRACE in output
    assert OTHER_TRACE not in output


def test_trace_as_json_has_every_attribute(home: Path) -> None:
    first, second = json.loads(run(ORDER, "--json").output)
    assert (first["trace_id"], second["trace_id"]) == (TRACE, OTHER_TRACE)
    (failed,) = (span for span in first["spans"] if span["span_id"] == f"{6:016x}")
    assert failed["outcome"] == "failed"
    assert failed["attributes"]["error.type"] == "TimeoutError"
    assert failed["duration_ms"] == 140


@pytest.mark.parametrize("id_", ["ord_unknown", "0" * 32])
def test_unknown_id_is_reported(home: Path, id_: str) -> None:
    result = run(id_)
    assert f"{id_} is stored" in str(result.exception)


@pytest.mark.parametrize("id_", ["ord_NOPE", "NOPE", "1-2-3", ORDER.lower()[:-1]])
def test_text_that_is_no_id_is_answered_with_the_form_of_ids(home: Path, id_: str) -> None:
    problem = run(id_).exception
    assert str(problem) == f"No trace of {id_} is stored."
    assert getattr(problem, "remedy", "") == (
        "That is not an id: an order id is ord_ followed by 26 digits and capital letters, and a"
        " trace id has 32 hexadecimal digits. The response to POST /orders contains the order id."
    )


@pytest.mark.parametrize("id_", [f"{ORDER[:-1]}9", "0" * 32])
def test_id_that_is_not_stored_may_be_wrong(home: Path, id_: str) -> None:
    remedy = getattr(run(id_).exception, "remedy", "")
    assert remedy.startswith("The id may be wrong, or the trace too old: ")


def test_blanks_around_an_id_do_not_belong_to_it(home: Path) -> None:
    assert run(f" {ORDER}\n").output == run(ORDER).output
    assert run(f"\t{TRACE} ").output == run(TRACE).output


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (MadeSpan(1, "x", attributes={"toyshop.duplicate": True}), "duplicate"),
        (MadeSpan(1, "x", failed="no", events=[("parked", {"reason": "poison"})]), "parked"),
        (MadeSpan(1, "x", failed="no"), "failed"),
        (MadeSpan(1, "x"), "ok"),
    ],
)
def test_outcome_is_a_word(tmp_path: Path, span: MadeSpan, expected: str) -> None:
    telemetry.write(tmp_path / "db", spans=[span])
    with opened(tmp_path / "db") as stored:
        (found,) = stored.spans(TRACE)
    assert trace.outcome(found) == expected


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0.44, "0.4 ms"),
        (57.4, "57 ms"),
        (1250, "1.25 s"),
        (3_599_000, "59 m 59 s"),
        (7_500_000, "2 h 5 m"),
    ],
)
def test_duration_has_a_fitting_unit(milliseconds: float, text: str) -> None:
    assert trace.duration(milliseconds) == text
