"""Spans: their ids, sampling and encoding, read with OpenTelemetry's own package."""

import random
import socket
from collections.abc import Callable, Iterator

import msgspec
import pytest

from chassis import context, otlp, tracing
from chassis.redaction import contains_card_number
from chassis.settings import Settings
from chassis.threads import concurrently
from support.exported import ExportedSpan, Spans, resource_of
from support.log_lines import Lines

TRACE, PARENT_SPAN = "a" * 32, "b" * 16
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT_SPAN}-01"}
UNSAMPLED = {"traceparent": f"00-{TRACE}-{PARENT_SPAN}-00"}
ORDER = "ord_" + "0" * 26


def never(_: str) -> bool:
    return False


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tracing, "_resource", {"cloud.provider": "aws"})
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "toyshop-unit-tests-api-handler")
    tracing.configure(Settings(stage="unit", service="tests"))
    yield
    tracing.forget()


def by_name(spans: list[ExportedSpan]) -> dict[str, ExportedSpan]:
    return {span.name: span for span in spans}


def test_the_spans_of_a_hop_form_a_tree_below_the_caller_s_span(spans: Spans) -> None:
    with tracing.hop("GET /things", tracing.SERVER, SAMPLED, budget=5) as own:
        own.attributes["http.response.status_code"] = 200
        stored = context.current().traceparent
        with tracing.span("outer", tracing.CLIENT, {"peer.service": "toys"}):
            sent = context.headers()["traceparent"]
            with tracing.span("inner"):
                pass
    found = by_name(spans())
    hop, outer, inner = found["GET /things"], found["outer"], found["inner"]
    assert {span.trace_id for span in found.values()} == {TRACE}
    assert (hop.parent_id, outer.parent_id, inner.parent_id) == (
        PARENT_SPAN,
        hop.span_id,
        outer.span_id,
    )
    # what is stored and sent names spans that exist
    assert stored == f"00-{TRACE}-{hop.span_id}-01"
    assert sent == f"00-{TRACE}-{outer.span_id}-01"
    assert (hop.kind, outer.kind, inner.kind) == ("SERVER", "CLIENT", "INTERNAL")
    assert hop.start <= outer.start <= inner.start <= inner.end <= outer.end <= hop.end
    assert outer.attributes == {"peer.service": "toys"}


def test_a_process_is_described_by_its_resource(datagrams: Callable[[], list[bytes]]) -> None:
    with tracing.hop("work", tracing.SERVER, {}, budget=5):
        pass
    assert resource_of(datagrams()[0]) == {
        "service.name": "tests",
        "deployment.environment.name": "unit",
        "faas.name": "toyshop-unit-tests-api-handler",
        "cloud.provider": "aws",
    }


def test_the_function_is_the_one_of_the_process_that_was_forked(
    datagrams: Callable[[], list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "toyshop-unit-tests-on-sns-message")
    with tracing.hop("work", tracing.SERVER, {}, budget=5):
        pass
    assert resource_of(datagrams()[0])["faas.name"] == "toyshop-unit-tests-on-sns-message"


def test_values_of_every_type_are_encoded(spans: Spans) -> None:
    values = {
        "text": "Zoë",
        "number": 2**40,
        "negative": -1,
        "none": 0,
        "share": 0.25,
        "yes": True,
        "no": False,
        "names": ["one", "two"],
        "long": "x" * 300,
    }
    with tracing.hop("work", tracing.SERVER, {}, budget=5) as own:
        own.attributes |= values
        own.note("parked", reason="poison")
        own.link(SAMPLED["traceparent"])
        own.link("junk")
    (span,) = spans()
    assert values.items() <= span.attributes.items()
    assert span.events == [("parked", {"reason": "poison"})]
    assert span.links == [(TRACE, PARENT_SPAN)]
    assert span.error is None


def test_an_error_is_described_without_secrets(spans: Spans) -> None:
    with (
        pytest.raises(ValueError, match="rejected"),
        tracing.hop("work", tracing.SERVER, {}, budget=5),
        tracing.span("call"),
    ):
        raise ValueError("4242424242424242 of jo@toyshop.example rejected")
    for span in spans():
        assert span.error == "*** of *** rejected"
        assert span.attributes["error.type"] == "ValueError"


def test_a_refused_request_is_no_failure(spans: Spans) -> None:
    with tracing.hop("work", tracing.SERVER, {}, budget=5) as own:
        own.refuse(404)
    (span,) = spans()
    assert (span.error, span.attributes["error.type"]) == (None, "404")


def test_an_unsampled_trace_exports_nothing(spans: Spans) -> None:
    with (
        tracing.hop("work", tracing.SERVER, UNSAMPLED, budget=5),
        tracing.span("call"),
    ):
        assert context.headers()["traceparent"].endswith("-00")
    assert spans() == []


def test_a_hop_that_fails_exports_its_spans_although_unsampled(spans: Spans) -> None:
    with (
        tracing.hop("work", tracing.SERVER, UNSAMPLED, budget=5),
        tracing.span("call") as call,
    ):
        call.fail("timeout")
    assert set(by_name(spans())) == {"work", "call"}


def test_a_slow_hop_exports_its_spans_although_unsampled(
    spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "_slow_seconds", 0)
    with tracing.hop("work", tracing.SERVER, UNSAMPLED, budget=5):
        pass
    assert set(by_name(spans())) == {"work"}


def test_an_unsampled_trace_can_be_kept_from_some_moment_on(spans: Spans) -> None:
    with tracing.hop("work", tracing.SERVER, UNSAMPLED, budget=5):
        with tracing.span("before"):
            pass
        tracing.keep()
        assert context.current().traceparent.endswith("-01")
        with tracing.span("after"):
            assert context.headers()["traceparent"].endswith("-01")
    assert set(by_name(spans())) == {"work", "before", "after"}
    tracing.keep()  # outside of a hop there is nothing to keep


def test_the_public_cannot_decide_about_sampling(spans: Spans) -> None:
    for headers in (SAMPLED, UNSAMPLED):
        with tracing.hop("w", tracing.SERVER, headers, budget=5, public=True, sampled=never):
            assert context.current().trace_id == TRACE
            assert not context.current().is_sampled
        with tracing.hop(
            "w", tracing.SERVER, headers, budget=5, public=True, sampled=tracing.always
        ):
            assert context.current().is_sampled
    # its span is in no store of ours, so it is not the parent
    assert [span.parent_id for span in spans()] == ["", ""]


@pytest.mark.parametrize(
    ("headers", "sampled", "expected"),
    [(SAMPLED, never, True), (UNSAMPLED, tracing.always, False), ({}, never, False)],
)
def test_services_follow_the_decision_of_their_caller(
    headers: dict[str, str], sampled: Callable[[str], bool], expected: bool
) -> None:
    with tracing.hop("work", tracing.SERVER, headers, budget=5, sampled=sampled):
        assert context.current().is_sampled is expected


@pytest.mark.parametrize(("percent", "expected"), [(0, 0), (5, 50), (50, 500), (100, 1000)])
def test_a_share_of_the_traces_is_sampled(percent: float, expected: int) -> None:
    tracing.configure(Settings(stage="unit", service="tests", trace_percent=percent))
    chance = random.Random(1)
    sampled = sum(tracing.is_in_share(chance.randbytes(16).hex()) for _ in range(1000))
    assert abs(sampled - expected) <= (25 if 0 < percent < 100 else 0)


def test_an_order_s_id_is_on_all_spans_and_nothing_else_can_be(spans: Spans) -> None:
    with tracing.hop("work", tracing.SERVER, {}, budget=5):
        with tracing.span("before"):
            pass
        tracing.concerns("4242424242424242")
        assert "order_id" not in context.current().fields
        tracing.concerns(ORDER)
        with tracing.span("after"):
            pass
    found = spans()
    assert [span.attributes["toyshop.order_id"] for span in found] == [ORDER] * 3
    # X-Ray searches traces by what a span names as annotations
    indexed = [span.attributes.get("aws.xray.annotations") for span in found]
    assert [names for names in indexed if names] == [["toyshop.order_id"]]


class Subject(msgspec.Struct):
    id: str = ""
    order_id: str | None = None
    order_ids: list[str] = []
    order: "Subject | None" = None


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (Subject(id=ORDER), ORDER),
        (Subject(id="txn_1", order_id=ORDER), ORDER),
        (Subject(order=Subject(order_id=ORDER)), ORDER),
        (Subject(order_ids=[ORDER]), ORDER),
        (Subject(order_ids=[ORDER, "ord_" + "1" * 26]), None),
        (Subject(id="toy_1"), None),
        (None, None),
    ],
)
def test_the_order_of_a_document_is_found(subject: object, expected: str | None) -> None:
    with tracing.hop("work", tracing.SERVER, {}, budget=5):
        tracing.concerns_subject_of(subject)
        assert context.current().fields.get("order_id") == expected


def test_only_the_first_hop_of_a_process_is_cold(spans: Spans) -> None:
    for _ in range(2):
        with tracing.hop("work", tracing.SERVER, {}, budget=5):
            pass
    assert [span.attributes.get("faas.coldstart") for span in spans()] == [True, None]


def test_calls_in_two_threads_are_below_the_same_span(spans: Spans) -> None:
    def call(name: str) -> None:
        with tracing.span(name):
            pass

    with tracing.hop("work", tracing.SERVER, {}, budget=5) as own:
        concurrently(lambda: call("first"), lambda: call("second"))
        span_id = own.span_id
    found = by_name(spans())
    assert found["first"].parent_id == found["second"].parent_id == span_id


def test_a_datagram_is_as_long_as_every_system_sends(datagrams: Callable[[], list[bytes]]) -> None:
    with tracing.hop("work", tracing.SERVER, {}, budget=5):
        for number in range(150):
            with tracing.span("x" * 1000, attributes={"number": number}):
                pass
    sent = datagrams()
    assert len(sent) > 1
    assert max(map(len, sent)) <= otlp.MAX_DATAGRAM


def test_the_spans_of_a_hop_are_bounded(spans: Spans) -> None:
    with tracing.hop("work", tracing.SERVER, {}, budget=5):
        for _ in range(250):
            with tracing.span("call"):
                pass
    found = spans()
    assert len(found) == 200
    assert found[0].attributes["toyshop.dropped_spans"] == 51


def test_no_id_looks_like_a_card_number(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN ids that look like card numbers first
    ids = iter(["4242424242424242" + "a" * 16, "b" * 32, "4242424242424242", "c" * 16])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(ids))
    with tracing.hop("work", tracing.SERVER, {}, budget=5):
        traceparent = context.current().traceparent
    assert not contains_card_number(traceparent)
    assert traceparent.endswith("-cccccccccccccccc-01")


def test_nothing_is_sent_without_an_address(
    datagrams: Callable[[], list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in ("", "nonsense", ":"):
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
        with tracing.hop("work", tracing.SERVER, {}, budget=5):
            pass
    assert datagrams() == []


def test_an_unreachable_daemon_disturbs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", "256.0.0.1:2000")
    with tracing.hop("work", tracing.SERVER, {}, budget=5):
        pass


def test_a_span_that_cannot_be_exported_disturbs_nobody(
    spans: Spans, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracing.hop("work", tracing.SERVER, {}, budget=5) as own:
        own.attributes["text"] = "\ud800"
    assert [line["message"] for line in lines()] == ["spans not exported"]
    assert spans() == []
    # a process without a free descriptor
    tracing.forget()
    monkeypatch.setattr(socket, "socket", raise_no_descriptor)
    with tracing.hop("work", tracing.SERVER, {}, budget=5):
        pass


def test_a_span_that_is_too_large_is_lost_alone(spans: Spans) -> None:
    with tracing.hop("work", tracing.SERVER, {}, budget=5):
        with tracing.span("large", attributes={"text": "x" * 100_000}):
            pass
        with tracing.span("small"):
            pass
    assert {span.name for span in spans()} == {"work", "small"}


def raise_no_descriptor(*_: object) -> None:
    raise OSError(24, "Too many open files")


def test_a_span_outside_of_a_hop_is_not_exported(spans: Spans) -> None:
    with tracing.span("import time") as span:
        span.note("noted")
    assert span.end >= span.start > 0
    assert spans() == []
