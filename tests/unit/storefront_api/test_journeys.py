"""The journey of an order: what is drawn from its traces, and what is said without them."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.storefront_api.hops import Drawing, drawn
from chalicelib.storefront_api.journeys import Journeys
from chalicelib.storefront_api.ordering import OrderTimes
from chalicelib.storefront_api.traces import TraceReader, spans_of
from chassis import context
from chassis.problems import ServiceUnavailable
from contracts.journeys import Journey, JourneyHop
from contracts.notifications import Message, MessageLookupAnswer
from support.downstream import Call, FakeDownstream
from support.order_traces import (
    DECLINED,
    PLACED,
    START,
    FakeXRay,
    Recording,
    paid_again,
    placed_and_declined,
)

ORDER = "ord_7Q4M2K"
NOW = datetime.fromtimestamp(START, UTC) + timedelta(hours=2)


def recorded() -> Recording:
    recording = Recording(ORDER)
    placed_and_declined(recording, "msg_9")
    paid_again(recording, "msg_2")
    return recording


def draw(recording: Recording) -> Drawing:
    return drawn(ORDER, [span for one in recording.documents.values() for span in spans_of(one)])


def named(drawing: Drawing, name: str, outcome: str = "ok") -> JourneyHop:
    """Return the only hop with a name and an outcome."""
    (hop,) = [one for one in drawing.hops if (one.name, one.outcome) == (name, outcome)]
    return hop


class TestDrawing:
    def test_hops_are_in_order_of_time_with_the_one_that_caused_each(self) -> None:
        drawing = draw(recorded())
        hops = {hop.id: hop for hop in drawing.hops}
        lines = [
            (hop.service, hop.name, hops[hop.parent_id].name if hop.parent_id else None)
            for hop in drawing.hops[:9]
        ]
        assert lines == [
            ("storefront_api", "POST /orders", None),
            ("toys", "POST /toys/lookup", "POST /orders"),
            ("orders", "POST /orders", "POST /orders"),
            ("orders", f"send {PLACED}", "POST /orders"),
            ("payments", f"process {PLACED}", f"send {PLACED}"),
            ("payments", "POST /v1/payment_intents", f"process {PLACED}"),
            ("payments", "POST /v1/payment_intents/{id}/confirm", f"process {PLACED}"),
            ("payments", f"send {DECLINED}", f"process {PLACED}"),
            ("payments", f"process {DECLINED}", f"send {DECLINED}"),
        ]
        starts = [hop.start for hop in drawing.hops]
        assert starts == sorted(starts)
        assert starts[0] == 0
        assert drawing.started_at == datetime.fromtimestamp(START, UTC)
        assert drawing.duration == 60_000 + 33_020

    def test_hop_has_function_event_times_and_status(self) -> None:
        drawing = draw(recorded())
        charge = named(drawing, f"process {PLACED}")
        assert (charge.function, charge.event) == ("on_sns_message", PLACED)
        assert (charge.start, charge.duration, charge.attempt) == (420, 480, 1)
        placing = drawing.hops[0]
        assert (placing.function, placing.event, placing.status) == ("api_handler", None, 201)
        confirmed = next(hop for hop in drawing.hops if hop.status == 402)
        assert (confirmed.kind, confirmed.outcome) == ("call", "failed")
        assert confirmed.peer == "payment gateway"
        assert [hop.peer for hop in drawing.hops if hop.name == "SendEmail"] == ["Amazon SES"] * 2

    def test_messages_name_their_channel_and_how_long_they_waited(self) -> None:
        drawing = draw(recorded())
        hops = {hop.id: hop for hop in drawing.hops}
        waits = [
            (hops[one.receiver].name, one.channel, one.sent, one.waited)
            for one in drawing.messages
            if one.receiver in {hop.id for hop in drawing.hops[1:5]}
        ]
        assert waits == [
            ("POST /toys/lookup", "http", 10, 2),
            ("POST /orders", "http", 38, 2),
            (f"send {PLACED}", "stream", 75, 235),
            (f"process {PLACED}", "topic", 330, 90),
        ]

    def test_failed_attempt_is_retried_and_the_next_waits_in_the_retry_queue(self) -> None:
        drawing = draw(recorded())
        event = "process shop.payment.retried.v1"
        first, second = named(drawing, event, "retried"), named(drawing, event)
        assert (first.attempt, first.error) == (1, "ServiceUnavailable")
        assert second.attempt == 2
        (message,) = [one for one in drawing.messages if one.receiver == second.id]
        assert (message.sender, message.channel) == (first.id, "retry_queue")
        assert message.waited == 30_000

    def test_last_failed_attempt_has_failed(self) -> None:
        recording = Recording(ORDER)
        recording.trace()
        relayed = recording.relay(recording.request("orders", None, (0, 10), "POST /orders"), (20, 30), PLACED, 1)  # fmt: skip  # noqa: E501
        recording.process(relayed, (40, 50), PLACED, 1, failed=True, toyshop__attempt=1)
        # in another process, which does not know of the first attempt
        recording.process(relayed, (90, 99), PLACED, 1, failed=True, toyshop__attempt=1)
        drawing = draw(recording)
        assert [hop.outcome for hop in drawing.hops] == ["ok", "ok", "retried", "failed"]
        assert [hop.attempt for hop in drawing.hops[2:]] == [1, 2]
        assert drawing.messages[-1].channel == "retry"

    def test_parked_and_repeated_events_are_named(self) -> None:
        recording = recorded()
        drawing = draw(recording)
        (duplicate,) = [hop for hop in drawing.hops if hop.outcome == "duplicate"]
        (message,) = [one for one in drawing.messages if one.receiver == duplicate.id]
        assert (message.sender, message.channel) == (duplicate.parent_id, "topic")
        recording.trace()
        recording.process(
            recording.relay(recording.request("orders", None, (0, 1), "POST /orders"), (2, 3), PLACED, 1),  # noqa: E501
            (4, 5), PLACED, 1, failed=True, toyshop__attempt=1, error__type="parked",
        )  # fmt: skip
        (parked,) = [hop for hop in draw(recording).hops if hop.outcome == "parked"]
        assert parked.error == "poison"

    def test_refused_request_is_a_hop_that_did_not_fail(self) -> None:
        recording = Recording(ORDER)
        recording.trace()
        recording.request("orders", None, (0, 9), "POST /orders/{order_id}/cancellation", 404)
        # X-Ray's document of a refused request has an error, which is no fault
        next(iter(recording.documents.values()))[0]["error"] = True
        recording.request("orders", None, (20, 29), "POST /orders/{order_id}/events", 503)
        assert [hop.outcome for hop in draw(recording).hops] == ["ok", "failed"]

    def test_call_without_a_response_is_a_hop_of_its_own(self) -> None:
        recording = Recording(ORDER)
        recording.trace()
        placing = recording.request("storefront_api", None, (0, 99), "POST /orders", 503)
        recording.span(
            "storefront_api", placing, (5, 90), call=True, failed=True, peer__service="orders",
            http__request__method="POST", url__template="/orders", error__type="timeout",
        )  # fmt: skip
        _, call = draw(recording).hops
        assert (call.kind, call.peer, call.outcome) == ("call", "orders", "failed")
        assert call.error == "timeout"

    def test_failed_call_that_its_callee_recorded_is_one_hop(self) -> None:
        recording = Recording(ORDER)
        recording.trace()
        placing = recording.request("storefront_api", None, (0, 99), "POST /orders", 503)
        recording.request("orders", placing, (5, 90), "POST /orders", 503)
        assert [hop.kind for hop in draw(recording).hops] == ["request", "request"]

    def test_change_waits_in_the_stream_from_the_last_write_before_its_relay(self) -> None:
        recording = Recording(ORDER)
        recording.trace()
        changing = recording.request("orders", None, (0, 500), "POST /orders/{order_id}/events")
        for times in ((10, 20), (40, 50), (300, 310)):
            recording.write(changing, times)
        recording.relay(changing, (90, 95), PLACED, 1)
        (message,) = draw(recording).messages
        assert (message.sent, message.waited) == (50, 40)

    def test_email_is_that_of_the_first_request_that_succeeded(self) -> None:
        recording = Recording(ORDER)
        recording.trace()
        for start, status in ((0, 503), (10, 201), (20, 200)):
            path = "PUT /messages/{message_id}"
            times = (start, start + 5)
            recording.request(
                "notifications", None, times, path, status, toyshop__message_id="msg_1"
            )
        drawing = draw(recording)
        assert drawing.emails == {"msg_1": drawing.hops[1].id}

    def test_repeated_request_has_its_attempt(self) -> None:
        recording = recorded()
        for documents in recording.documents.values():
            for document in documents:
                attributes = document["metadata"]["default"]
                if attributes.get("url.template") == "/documents/{file_id}":
                    attributes["http.request.resend_count"] = 1
        assert named(draw(recording), "PUT /documents/{file_id}").attempt == 2

    def test_reading_the_order_is_not_a_part_of_its_journey(self) -> None:
        recording = recorded()
        before = draw(recording)
        recording.trace()
        read = recording.request("storefront_api", None, (70, 90), "GET /orders/{order_id}")
        recording.request("payments", read, (72, 80), "POST /transactions/lookup")
        recording.trace()
        recording.request("payments", None, (95, 99), "POST /transactions/lookup")
        assert draw(recording) == before

    @pytest.mark.parametrize("function", ["reconcile", "forget"])
    def test_auditing_the_order_is_not_a_part_of_its_journey(self, function: str) -> None:
        recording = recorded()
        before = draw(recording)
        recording.trace()
        run = recording.span("storefront_api", None, (900, 999), order_id="", name=function)
        audit = recording.request("payments", run, (910, 990), "POST /transactions/audit")
        recording.gateway(audit, (920, 930), "/v1/payment_intents/{id}")
        assert draw(recording) == before

    def test_other_orders_of_the_same_trace_are_left_out(self) -> None:
        recording = Recording(ORDER)
        recording.trace()
        run = recording.span(
            "storefront_api", None, (0, 99), order_id="",
            faas__name="toyshop-local-storefront-api-reconcile", faas__invocation_id="1",
        )  # fmt: skip
        recording.request("orders", run, (10, 20), "POST /orders/{order_id}/events")
        other = recording.span(
            "orders", run, (30, 40), order_id="ord_OTHER", http__request__method="POST",
            http__route="/orders/{order_id}/events",
        )  # fmt: skip
        recording.span(
            "orders", other, (41, 42), order_id="", messaging__operation__type="send",
            messaging__message__id=f"ord_OTHER.1.{PLACED}",
        )  # fmt: skip
        hops = draw(recording).hops
        assert [(hop.kind, hop.name) for hop in hops] == [
            ("function", "reconcile"),
            ("request", "POST /orders/{order_id}/events"),
        ]

    def test_subsegments_inside_a_segment_are_read(self) -> None:
        recording = recorded()
        apart = draw(recording)
        for documents in recording.documents.values():
            for document in [one for one in documents if one.get("type") == "subsegment"]:
                parent = next(one for one in documents if one["id"] == document["parent_id"])
                parent.setdefault("subsegments", []).append(document)
                documents.remove(document)
                # the schema of X-Ray has them in segments of their own only
                del document["parent_id"], document["type"], document["trace_id"]
        assert draw(recording) == apart

    def test_service_is_that_of_the_segment(self) -> None:
        recording = recorded()
        expected = [hop.service for hop in draw(recording).hops]
        for documents in recording.documents.values():
            for document in documents:
                del document["metadata"]["default"]["otel.resource.service.name"]
        assert [hop.service for hop in draw(recording).hops] == expected


class Ordering:
    """The times of one order."""

    def __init__(self, placed_at: datetime, changed_at: datetime | None) -> None:
        self.times = OrderTimes(placed_at, changed_at, has_receipt=True)

    def times_of(self, _order_id: str) -> OrderTimes:
        return self.times


def sent(call: Call) -> MessageLookupAnswer:
    return MessageLookupAnswer(
        items=[
            Message(
                id=one, to="alice@example.com", template="payment_declined", status="sent",
                version=2, created_at=NOW, sent_at=NOW,
            )
            for one in reversed(call.body.ids)
        ]
    )  # fmt: skip


def journey(xray: Any, *, ordering: Any = None, answer: Any = sent) -> Journey:
    ordering = ordering or Ordering(datetime.fromtimestamp(START, UTC), NOW)
    notifications = FakeDownstream(lookUpMessages=answer)
    return Journeys(ordering, notifications, lambda: xray, lambda: NOW).of_order(ORDER)


class TestJourney:
    def test_all_pages_are_read_and_traces_five_at_a_time(self) -> None:
        recording = recorded()
        for _ in range(5):
            recording.trace()
            recording.request("orders", None, (0, 9), "POST /orders/{order_id}/events")
        xray = FakeXRay(recording.documents)
        found = journey(xray)
        assert len(found.hops) == len(draw(recording).hops)
        assert [len(ids) for ids in xray.batches] == [5, 2]
        assert {one["FilterExpression"] for one in xray.searches} == {
            f'annotation.toyshop_order_id = "{ORDER}"'
        }
        assert (found.missing, found.complete, found.receipt) == (None, True, True)

    def test_search_covers_the_time_of_the_order_six_hours_at_a_time(self) -> None:
        placed_at = NOW - timedelta(hours=14)
        xray = FakeXRay({})
        journey(xray, ordering=Ordering(placed_at, NOW - timedelta(hours=13)))
        periods = [(one["StartTime"], one["EndTime"]) for one in xray.searches]
        since = placed_at - timedelta(minutes=1)
        until = NOW - timedelta(hours=7)
        assert periods == [
            (until - timedelta(hours=6), until),
            (since, until - timedelta(hours=6)),
        ]

    def test_search_ends_now_while_payments_does_not_answer(self) -> None:
        xray = FakeXRay({})
        journey(xray, ordering=Ordering(NOW - timedelta(hours=1), None))
        assert [one["EndTime"] for one in xray.searches] == [NOW]

    def test_emails_are_those_that_the_traces_name(self) -> None:
        found = journey(FakeXRay(recorded().documents))
        assert [(one.id, one.to) for one in found.emails] == [
            ("msg_9", "alice@example.com"),
            ("msg_2", "alice@example.com"),
        ]
        hops = {hop.id: hop for hop in found.hops}
        assert {hops[one.hop].name for one in found.emails} == {"PUT /messages/{message_id}"}

    def test_journey_is_drawn_while_notifications_does_not_answer(self) -> None:
        found = journey(FakeXRay(recorded().documents), answer=ServiceUnavailable("down"))
        assert (len(found.hops) > 0, found.emails) == (True, [])

    @pytest.mark.parametrize(
        ("days", "missing"), [(0, "not_recorded"), (29, "not_recorded"), (31, "expired")]
    )
    def test_order_without_a_trace_says_why(self, days: int, missing: str) -> None:
        placed_at = NOW - timedelta(days=days, hours=1)
        xray = FakeXRay({})
        found = journey(xray, ordering=Ordering(placed_at, placed_at))
        assert (found.hops, found.missing, found.started_at) == ([], missing, None)
        assert all(one["StartTime"] >= NOW - timedelta(days=30) for one in xray.searches)

    @pytest.mark.parametrize(
        "error",
        [
            ClientError({"Error": {"Code": "ThrottledException"}}, "GetTraceSummaries"),
            EndpointConnectionError(endpoint_url="https://xray"),
        ],
    )
    def test_xray_that_does_not_answer_is_no_error_of_the_route(self, error: Exception) -> None:
        class Down(FakeXRay):
            def get_trace_summaries(self, **_: Any) -> dict[str, Any]:
                raise error

        found = journey(Down({}))
        assert (found.hops, found.missing, found.complete) == ([], "unavailable", False)

    def test_search_ends_in_time_for_an_answer(self) -> None:
        # GIVEN an order of a month, which takes 120 searches
        placed_at = NOW - timedelta(days=30)
        ordering = Ordering(placed_at, NOW)

        class Slow(FakeXRay):
            def get_trace_summaries(self, **request: Any) -> dict[str, Any]:
                travel.shift(1)
                return super().get_trace_summaries(**request)

        with time_machine.travel(NOW, tick=False) as travel, context.entered({}, budget=25):
            nothing, something = Slow({}), Slow(recorded().documents)
            found = journey(nothing, ordering=ordering)
            assert (len(nothing.searches), found.missing) == (15, "unavailable")
            found = journey(something, ordering=ordering)
            assert (len(found.hops) > 0, found.complete) == (True, False)

    @pytest.mark.parametrize(
        "document",
        [
            {"id": "1"},
            {
                "id": "1",
                "name": "orders",
                "start_time": START,
                "annotations": {"error_type": "parked"},
                "metadata": {"events": {"name": "parked"}},
            },
        ],
    )
    def test_unknown_documents_are_no_error_of_the_route(self, document: dict[str, Any]) -> None:
        documents = recorded().documents
        next(iter(documents.values())).append(document)
        assert journey(FakeXRay(documents)).missing == "unavailable"

    @pytest.mark.parametrize("is_cut_off", [True, False])
    def test_traces_that_are_not_whole_make_the_journey_incomplete(self, is_cut_off: bool) -> None:
        class Cut(FakeXRay):
            def batch_get_traces(self, **request: Any) -> dict[str, Any]:
                answer = super().batch_get_traces(**request)
                if is_cut_off:
                    answer["Traces"][0]["LimitExceeded"] = True
                else:
                    answer["UnprocessedTraceIds"] = [answer["Traces"].pop()["Id"]]
                return answer

        assert not journey(Cut(recorded().documents)).complete

    def test_of_the_traces_that_begin_with_reading_only_the_oldest_are_fetched(self) -> None:
        recording = Recording(ORDER)
        for _ in range(40):
            recording.trace()
            recording.request("storefront_api", None, (90, 99), "GET /orders/{order_id}")
        # GIVEN a client whose trace of the order began when it searched for toys
        recording.trace()
        recording.request("storefront_api", None, (0, 9), "GET /toys")
        recording.request("storefront_api", None, (10, 19), "POST /orders", 201)
        xray = FakeXRay(recording.documents)
        xray.summary = {"Http": {"HttpMethod": "GET"}}
        found = journey(xray)
        assert [hop.name for hop in found.hops] == ["POST /orders"]
        assert (found.complete, sum(map(len, xray.batches))) == (True, 5)

    def test_no_more_than_fifty_traces_are_fetched(self) -> None:
        recording = Recording(ORDER)
        for _ in range(51):
            recording.trace()
            recording.request("orders", None, (0, 9), "POST /orders/{order_id}/events")
        xray = FakeXRay(recording.documents)
        assert not journey(xray).complete
        assert sum(map(len, xray.batches)) == 50


def test_page_of_segments_is_followed() -> None:
    recording = recorded()

    class Paged(FakeXRay):
        def batch_get_traces(self, *, TraceIds: list[str], **rest: Any) -> dict[str, Any]:  # noqa: N803
            trace_id = TraceIds[0]
            documents = self.traces[trace_id]
            page = int(rest.get("NextToken", "0"))
            half = documents[page * 10 : page * 10 + 10]
            segments = [{"Id": one["id"], "Document": json.dumps(one)} for one in half]
            answer: dict[str, Any] = {"Traces": [{"Id": trace_id, "Segments": segments}]}
            if page * 10 + 10 < len(documents):
                answer["NextToken"] = str(page + 1)
            return answer

    first = next(iter(recording.documents))
    for document in recording.documents[first]:
        del document["metadata"]["default"]["otel.resource.service.name"]
    xray = Paged({first: recording.documents[first]})
    found = TraceReader(lambda: xray).of_order(ORDER, NOW, NOW + timedelta(hours=1))
    assert len(found.spans) == len(recording.documents[first])
    assert {span.service for span in found.spans} == {
        "storefront_api", "toys", "orders", "payments", "notifications",
    }  # fmt: skip


def test_other_routes_do_not_import_what_draws_a_journey() -> None:
    script = """if True:
        import sys
        import chalicelib.storefront_api.bootstrap
        print(*sys.modules)
    """
    environ = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]}
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environ
    ).stdout.split()
    assert "chalicelib.storefront_api.journeys" in loaded
    for name in ("traces", "hops"):
        assert f"chalicelib.storefront_api.{name}" not in loaded
