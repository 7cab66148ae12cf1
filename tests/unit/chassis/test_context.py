"""Trace, correlation id and deadline: adopted if they are valid, otherwise created."""

import time
from types import SimpleNamespace

import pytest
import time_machine

from chassis import context

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def test_a_trace_continues_with_a_new_span() -> None:
    with context.entered({"Traceparent": PARENT}, budget=5) as current:
        version, trace, span, flags = current.traceparent.split("-")
        assert (version, trace, flags) == ("00", TRACE, "01")
        assert span != "b7ad6b7169203331"
        # the header that is passed on has this span, and is the same for every call
        assert context.headers()["traceparent"] == current.traceparent
        assert current.correlation_id == TRACE


def test_outside_of_a_request_the_correlation_id_is_the_trace_id() -> None:
    current = context.current()
    assert current.correlation_id == current.traceparent.split("-")[1]


def test_an_unsampled_trace_stays_unsampled() -> None:
    with context.entered({"traceparent": PARENT[:-2] + "00"}, budget=5) as current:
        assert current.traceparent.endswith("-00")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "junk",
        PARENT.upper(),
        PARENT + "\n",
        PARENT + "-x",
        " " + PARENT,
        f"ff-{TRACE}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-b7ad6b7169203331-01",
        f"00-{TRACE[:-1]}g-b7ad6b7169203331-01",
        # a card number would be logged on every line
        "00-0af7651916cdab4242424242424242ab-b7ad6b7169203331-01",
        "00-30569309025904cd8448eb211c80319c-b7ad6b7169203331-01",
        "00-569309025900d3dd8448eb211c80319c-b7ad6b7169203331-01",
    ],
)
def test_an_invalid_trace_is_replaced(bad: str) -> None:
    with context.entered({"traceparent": bad}, budget=5) as current:
        version, trace, span, _ = current.traceparent.split("-")
        assert (version, len(trace), len(span)) == ("00", 32, 16)
        assert trace not in (TRACE, "0" * 32, bad[3:35])
        assert int(trace, 16)
        assert int(span, 16)


def test_created_ids_are_adopted_by_the_next_service() -> None:
    # every few hundredth random trace resembles a card number
    for parent in ({}, {"traceparent": PARENT}):
        for _ in range(2_000):
            with context.entered(parent, budget=5) as current:
                given = context.headers()
            with context.entered(given, budget=5) as following:
                assert following.correlation_id == current.correlation_id
                assert following.traceparent.split("-")[1] == current.traceparent.split("-")[1]


def test_a_correlation_id_is_kept() -> None:
    with context.entered({"x-correlation-id": "web-7.a_B"}, budget=5) as current:
        assert current.correlation_id == "web-7.a_B"
        assert context.headers()["X-Correlation-Id"] == "web-7.a_B"


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a b",
        "a\n",
        "a\r\nSet-Cookie: x",
        "é",
        "a" * 65,
        "{}",
        "4242424242424242",
        "order-4242-4242-4242-4242",
        "0af7651916cdab4242424242424242ab",
        "ord_01KB42424242424242ABCDEFGH",
        "sk_test_key",
        "eyJhbGciOi.eyJzdWIi.x",
    ],
)
def test_an_invalid_correlation_id_is_replaced_by_the_trace_id(bad: str) -> None:
    given = {"X-Correlation-Id": bad, "traceparent": PARENT}
    with context.entered(given, budget=5) as current:
        assert current.correlation_id == TRACE


def test_a_trusted_caller_may_shorten_the_deadline() -> None:
    soon = time.time() + 2
    given = {"X-Request-Deadline": f"{soon:.3f}"}
    with time_machine.travel(soon - 2, tick=False), context.entered(given, budget=25) as current:
        assert current.deadline == pytest.approx(soon, abs=0.01)
        assert current.remaining() == pytest.approx(2, abs=0.01)
        assert float(context.headers()["X-Request-Deadline"]) == pytest.approx(soon, abs=0.01)


@pytest.mark.parametrize("given", ["32503680000", "inf", "nan", "soon", ""])
def test_no_caller_may_extend_the_deadline(given: str) -> None:
    now, headers = time.time(), {"X-Request-Deadline": given}
    with time_machine.travel(now, tick=False), context.entered(headers, budget=5) as current:
        assert current.remaining() == pytest.approx(5)


def test_a_public_api_ignores_the_deadline_of_its_callers() -> None:
    now = time.time()
    given = {"X-Request-Deadline": f"{now - 100:.3f}"}
    with time_machine.travel(now, tick=False):
        with context.entered(given, budget=5, trust_deadline=False) as current:
            assert current.remaining() == pytest.approx(5)
        with context.entered(given, budget=5) as current:
            assert current.remaining() == 0


def test_contexts_nest_and_are_restored() -> None:
    outside = context.current()
    assert outside.traceparent != context.current().traceparent  # a fresh one outside of any
    with context.entered({"traceparent": PARENT}, budget=5) as outer:
        with pytest.raises(ValueError, match="x"), context.entered({}, budget=1) as inner:  # noqa: PT012
            assert context.current() is inner
            raise ValueError("x")
        assert context.current() is outer
    assert context.current() is not outer
    assert context.current().remaining() > 25


@pytest.mark.parametrize(("milliseconds", "seconds"), [(9000, 4.0), (5500, 0.5), (4000, 0.0)])
def test_budget_is_what_is_left_but_the_reserve(milliseconds: int, seconds: float) -> None:
    lambda_context = SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)
    assert context.budget_of(lambda_context, reserve=5.0) == seconds
