"""A dead letter is deleted after it was handled, and only then."""

import time
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError

from shopctl.aws.target import Target
from shopctl.operating.replay import redrive as redrive_module
from shopctl.operating.replay.payloads import Json
from shopctl.operating.replay.selection import Selection
from shopctl.project.errors import ShopProblem
from support.dead_letter_queues import (
    ORDER,
    OTHER,
    DeadLetterQueues,
    Event,
    Functions,
    MemoryCloud,
    event,
    exhausted,
    stream_record,
)
from support.stream_records import Streams, position

CHARGE = "payments-charge-dead-letters"


def redrive(target: Target, *, dry_run: bool = False, **choice: Any) -> list[Json]:
    outcome, _ = redrive_module.redrive(
        target, Selection(**choice), lambda _: None, dry_run=dry_run
    )
    return outcome


def test_handled_message_is_deleted(
    target: Target, queues: DeadLetterQueues, functions: Functions
) -> None:
    queues.park()
    queues.put(CHARGE, exhausted(OTHER))
    outcome = redrive(target)
    assert {each["outcome"] for each in outcome} == {"handled"}
    assert queues.counts() == (0, 0)
    assert [name for name, _ in functions.invoked] == ["toyshop-local-payments-charge"] * 2
    # the function knows that it is a replay, and parks nothing a second time
    assert all(payload["replay"] is True for _, payload in functions.invoked)
    assert redrive(target) == []


def test_each_function_receives_what_its_trigger_delivers(
    target: Target, queues: DeadLetterQueues, functions: Functions
) -> None:
    queues.put("orders-relay-dead-letters", stream_record(), reason="poison: x")
    queues.put("file-manager-uploads-dead-letters", '{"Records": []}')
    queues.park()
    assert {each["outcome"] for each in redrive(target)} == {"handled"}
    records = {name: payload["Records"][0] for name, payload in functions.invoked}
    assert records["toyshop-local-orders-on-dynamodb-record"] == stream_record()
    assert records["toyshop-local-file-manager-on-s3-event"]["body"] == '{"Records": []}'
    assert "Sns" in records["toyshop-local-payments-charge"]


def test_message_stays_in_the_queue_until_it_is_handled(
    target: Target, queues: DeadLetterQueues, functions: Functions
) -> None:
    # GIVEN a function that looks into its dead-letter queue while it works
    queues.park()
    seen = []
    functions.during = lambda: seen.append(queues.counts())
    # WHEN its dead letter is delivered again, THEN the message is still there, hidden from others
    redrive(target)
    assert seen == [(0, 1)]
    assert queues.counts() == (0, 0)


def test_crash_during_redelivery_loses_nothing(
    target: Target, queues: DeadLetterQueues, functions: Functions
) -> None:
    queues.park()

    def die() -> None:
        raise KeyboardInterrupt

    functions.during = die
    with pytest.raises(KeyboardInterrupt):
        redrive(target)
    assert queues.counts() == (1, 0)
    functions.during = lambda: None
    assert [each["outcome"] for each in redrive(target)] == ["handled"]


def test_crash_before_the_delete_redelivers_a_second_time(
    target: Target, queues: DeadLetterQueues, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.park()
    with monkeypatch.context() as patch:
        patch.setattr(queues.sqs, "delete_message", lambda **_: raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            redrive(target)
    assert queues.counts() == (1, 0)
    redrive(target)
    assert len(functions.invoked) == 2
    assert queues.counts() == (0, 0)


def test_message_that_cannot_be_deleted_is_reported(
    target: Target, queues: DeadLetterQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.park()
    refusal = ClientError({"Error": {"Code": "AccessDenied"}}, "DeleteMessage")
    monkeypatch.setattr(queues.sqs, "delete_message", lambda **_: raising(refusal))
    (outcome,) = redrive(target)
    assert outcome["outcome"] == "failed"
    assert "handled, but cannot be deleted" in outcome["error"]
    assert queues.counts() == (1, 0)


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (
            {"errorType": "ReplayRejected", "errorMessage": "permanent: no such thing"},
            "rejected",
            "permanent: no such thing",
        ),
        (
            {"errorType": "GatewayUnavailableError", "errorMessage": "no answer"},
            "failed",
            "GatewayUnavailableError: no answer",
        ),
        ({"errorMessage": "Task timed out after 60 s"}, "failed", "Task timed out after 60 s"),
        ({}, "failed", "the function gave no error text"),
    ],
)
def test_message_that_fails_stays_with_its_error(
    target: Target,
    queues: DeadLetterQueues,
    functions: Functions,
    error: Event,
    status: str,
    text: str,
) -> None:
    queues.park()
    queues.park(OTHER)
    functions.error = error or {"x": 1}
    outcome = redrive(target)
    # once each, however long the run goes on
    assert [(each["outcome"], each["error"]) for each in outcome] == [(status, text)] * 2
    assert queues.counts() == (2, 0)


@pytest.mark.parametrize(
    ("queue", "answer", "text"),
    [
        (CHARGE, None, "did not report an outcome"),
        (CHARGE, {"handled": []}, "has no handler for shop.order.placed.v1"),
        (CHARGE, {"handled": [f"{OTHER}.1.shop.order.placed.v1"]}, "has no handler"),
        (CHARGE, {"batchItemFailures": []}, "has no handler"),
        ("orders-relay-dead-letters", None, "did not report"),
        ("orders-relay-dead-letters", {"batchItemFailures": [{"itemIdentifier": "100"}]}, "log"),
        ("orders-relay-dead-letters", {"handled": []}, "log"),
    ],
)
def test_only_a_reported_success_counts_as_handled(
    target: Target,
    queues: DeadLetterQueues,
    functions: Functions,
    queue: str,
    answer: Any,
    text: str,
) -> None:
    queues.put(queue, event() if queue == CHARGE else stream_record())
    functions.answer = lambda _: answer
    (outcome,) = redrive(target)
    assert outcome["outcome"] == ("failed" if answer else "unknown")
    assert text in outcome["error"]
    assert queues.counts(queue) == (1, 0)


def test_function_that_parks_again_is_not_invoked_forever(
    target: Target, queues: DeadLetterQueues, functions: Functions
) -> None:
    # GIVEN functions of an older release, which do not know replays: they park without a reply
    queues.park()
    queues.park(OTHER)
    functions.answer = lambda _: None
    functions.during = queues.park
    # THEN the outcome of the first message is unknown, and no more are delivered
    (outcome,) = redrive(target)
    assert outcome["outcome"] == "unknown"
    assert len(functions.invoked) == 1
    # AND one that parks and raises is invoked once for each message there was
    with time_machine.travel(time.time() + 1.1) as clock:

        def park_later() -> None:
            assert len(functions.invoked) < 10, "invoked forever"
            clock.shift(1.1)  # SQS's time is known to the second
            queues.park()

        functions.error = {"errorType": "ValueError", "errorMessage": "no"}
        functions.during = park_later
        assert len(redrive(target)) == 3
        assert sum(queues.counts()) == 3 + 3


def test_function_that_cannot_be_invoked_is_a_failure(
    target: Target, queues: DeadLetterQueues, functions: Functions
) -> None:
    queues.park()
    refusal = ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")
    functions.during = lambda: raising(refusal)
    (outcome,) = redrive(target)
    assert outcome["outcome"] == "failed"
    assert "TooManyRequestsException" in outcome["error"]
    assert queues.counts() == (1, 0)


def test_only_selected_messages_are_redelivered(
    target: Target, queues: DeadLetterQueues, functions: Functions
) -> None:
    # more than one call receives, both selected and not
    for order in (ORDER, OTHER):
        for _ in range(12):
            queues.park(order)
    outcome = redrive(target, orders=(OTHER,))
    assert [each["orders"] for each in outcome] == [[OTHER]] * 12
    assert queues.counts() == (12, 0)
    assert len(functions.invoked) == 12


def test_dry_run_reports_exactly_what_a_run_would_do(
    target: Target, queues: DeadLetterQueues, functions: Functions
) -> None:
    queues.park()
    queues.put("orders-relay-dead-letters", stream_record(OTHER))
    previewed = redrive(target, dry_run=True)
    assert functions.invoked == []
    assert queues.counts() == (1, 0)
    assert queues.counts("orders-relay-dead-letters") == (1, 0)
    redrive(target)
    # exactly what was outcome is what happened, but for the time at which SNS would have sent it
    would = [(each["function"], each["payloads"]) for each in previewed]
    did = [(name, [payload]) for name, payload in functions.invoked]
    for _, (payload,) in [*would, *did]:
        payload["Records"][0].get("Sns", {}).pop("Timestamp", None)
    assert would == did


def test_listing_and_inspecting_change_nothing(target: Target, queues: DeadLetterQueues) -> None:
    for number in range(25):
        queues.park(reason=f"permanent: the refund of {ORDER[:-2]}{number:02} was refused")
    (content,) = redrive_module.summaries(target, Selection(queues=(CHARGE,)))
    assert content["messages"] == 25
    assert content["reasons"] == {"permanent: the refund of ord_… was refused": 25}
    assert content["types"] == {"shop.order.placed.v1": 25}
    assert content["function"] == "toyshop-local-payments-charge"
    assert content["oldest"] <= content["newest"]
    found = redrive_module.inspect(target, Selection(queues=(CHARGE,)))
    assert len(found) == 25
    assert found[0]["content"] == event()
    assert queues.counts() == (25, 0)


def test_message_in_flight_elsewhere_is_left_alone(
    target: Target, queues: DeadLetterQueues, functions: Functions
) -> None:
    # GIVEN a replay in progress
    queues.park()
    inner: list[Any] = []

    def look() -> None:
        functions.during = lambda: None
        inner.append(redrive_module.redrive(target, Selection(), lambda _: None))
        inner.append(redrive_module.summaries(target, Selection(queues=(CHARGE,))))

    functions.during = look
    redrive(target)
    # THEN a second one has nothing to do, and reports one message in flight
    assert inner[0] == ([], 1)
    assert inner[1][0]["in_flight"] == 1
    assert len(functions.invoked) == 1


def test_stream_position_is_read_from_the_stream(
    target: Target, queues: DeadLetterQueues, functions: Functions, cloud: MemoryCloud
) -> None:
    # GIVEN a stream with more records than the dead letter names
    cloud.fakes["dynamodbstreams"] = Streams([stream_record(number=str(n)) for n in range(7)])
    queues.put("orders-relay-dead-letters", position("1", "5"))
    # THEN exactly those records are redelivered, in their order
    (outcome,) = redrive(target)
    assert outcome["outcome"] == "handled"
    sent = [payload["Records"][0]["dynamodb"]["SequenceNumber"] for _, payload in functions.invoked]
    assert sent == ["1", "2", "3", "4", "5"]
    assert queues.counts("orders-relay-dead-letters") == (0, 0)


@pytest.mark.parametrize("empty", [0, 3])
def test_stream_position_is_read_to_its_end(
    target: Target,
    queues: DeadLetterQueues,
    functions: Functions,
    cloud: MemoryCloud,
    empty: int,
) -> None:
    # GIVEN a batch of two records, and others between them that the function's filter left out
    numbers = ["98", "99", "100", "101", "102"]
    cloud.fakes["dynamodbstreams"] = Streams(
        [stream_record(number=number) for number in numbers], empty=empty
    )
    queues.put("orders-relay-dead-letters", position("98", "101", size=2))
    # THEN the last record of the batch is redelivered too
    (outcome,) = redrive(target)
    assert outcome["outcome"] == "handled"
    sent = [payload["Records"][0]["dynamodb"]["SequenceNumber"] for _, payload in functions.invoked]
    assert sent == ["98", "99", "100", "101"]
    assert queues.counts("orders-relay-dead-letters") == (0, 0)


@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize(("start", "end"), [("0", "1"), ("8", "10")])
def test_records_that_the_stream_no_longer_holds_are_reported(
    target: Target,
    queues: DeadLetterQueues,
    functions: Functions,
    cloud: MemoryCloud,
    start: str,
    end: str,
    is_closed: bool,
) -> None:
    cloud.fakes["dynamodbstreams"] = Streams(
        [stream_record(number=str(n)) for n in (8, 9)], is_closed=is_closed
    )
    queues.put("orders-relay-dead-letters", position(start, end))
    for dry_run in (True, False):
        (outcome,) = redrive(target, dry_run=dry_run)
        assert outcome["outcome"] == "gone"
        assert "toyshop-local-orders" in outcome["error"]
        assert "2026-11-24T03:00:00Z to 2026-11-24T03:00:09Z" in outcome["error"]
        assert "docs/runbooks/dead-letters.md" in outcome["error"]
    assert functions.invoked == []
    assert queues.counts("orders-relay-dead-letters") == (1, 0)


def test_stream_position_without_a_valid_end_is_reported(
    target: Target, queues: DeadLetterQueues, cloud: MemoryCloud
) -> None:
    cloud.fakes["dynamodbstreams"] = Streams([stream_record(number="8")])
    queues.put("orders-relay-dead-letters", position("8", "?"))
    (outcome,) = redrive(target)
    assert outcome["outcome"] == "gone"
    assert "it names no valid position in a stream" in outcome["error"]
    assert queues.counts("orders-relay-dead-letters") == (1, 0)


def test_one_failed_record_of_a_batch_keeps_the_dead_letter(
    target: Target, queues: DeadLetterQueues, functions: Functions, cloud: MemoryCloud
) -> None:
    cloud.fakes["dynamodbstreams"] = Streams([stream_record(number=str(n)) for n in range(3)])
    queues.put("orders-relay-dead-letters", position("0", "2"))
    functions.answer = lambda payload: {
        "batchItemFailures": [
            {"itemIdentifier": "1"}
            for record in payload["Records"]
            if record["dynamodb"]["SequenceNumber"] == "1"
        ]
    }
    (outcome,) = redrive(target)
    assert outcome["outcome"] == "failed"
    assert len(functions.invoked) == 3
    assert queues.counts("orders-relay-dead-letters") == (1, 0)


def test_queues_of_services_that_are_not_deployed_are_skipped(
    target: Target, cloud: MemoryCloud
) -> None:
    # GIVEN one of the queues
    cloud.sqs.create_queue(QueueName="toyshop-local-toys-images-dead-letters")
    (content,) = redrive_module.summaries(target, Selection())
    assert content["queue"] == "toyshop-local-toys-images-dead-letters"
    with pytest.raises(ShopProblem, match="has none of these dead-letter queues"):
        redrive_module.summaries(target, Selection(services=("payments",)))


def raising(error: BaseException) -> Any:
    raise error
