"""A dead letter is deleted once it is handled, and at no other time."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shopctl.deploying.deploy import Target
from shopctl.operating.replay import replaying
from shopctl.operating.replay.dead_letters import Json
from shopctl.operating.replay.selection import Selection
from shopctl.project.errors import ShopProblem
from support.dead_letter_queues import (
    ORDER,
    OTHER,
    Event,
    Functions,
    MemoryCloud,
    Shelf,
    event,
    gave_up,
    stream_record,
)
from support.stream_records import Streams, position

CHARGE = "payments-charge-dead-letters"


def redrive(target: Target, *, dry_run: bool = False, **choice: Any) -> list[Json]:
    told, _ = replaying.redrive(target, Selection(**choice), lambda _: None, dry_run=dry_run)
    return told


def test_what_is_handled_is_deleted(target: Target, shelf: Shelf, functions: Functions) -> None:
    shelf.park()
    shelf.put(CHARGE, gave_up(OTHER))
    told = redrive(target)
    assert {each["became"] for each in told} == {"handled"}
    assert shelf.counts() == (0, 0)
    assert [name for name, _ in functions.invoked] == ["toyshop-local-payments-charge"] * 2
    # the function knows that it is a replay, and parks nothing a second time
    assert all(payload["replay"] is True for _, payload in functions.invoked)
    assert redrive(target) == []


def test_each_kind_of_function_gets_what_its_trigger_delivers(
    target: Target, shelf: Shelf, functions: Functions
) -> None:
    shelf.put("orders-relay-dead-letters", stream_record(), reason="poison: x")
    shelf.put("file-manager-uploads-dead-letters", '{"Records": []}')
    shelf.park()
    assert {each["became"] for each in redrive(target)} == {"handled"}
    records = {name: payload["Records"][0] for name, payload in functions.invoked}
    assert records["toyshop-local-orders-on-dynamodb-record"] == stream_record()
    assert records["toyshop-local-file-manager-on-s3-event"]["body"] == '{"Records": []}'
    assert "Sns" in records["toyshop-local-payments-charge"]


def test_the_message_is_there_until_it_is_handled(
    target: Target, shelf: Shelf, functions: Functions
) -> None:
    # GIVEN a function that looks into its dead-letter queue while it works
    shelf.park()
    seen = []
    functions.during = lambda: seen.append(shelf.counts())
    # WHEN its dead letter is delivered again, THEN the message is still there, hidden from others
    redrive(target)
    assert seen == [(0, 1)]
    assert shelf.counts() == (0, 0)


def test_a_replay_that_dies_while_it_delivers_loses_nothing(
    target: Target, shelf: Shelf, functions: Functions
) -> None:
    shelf.park()

    def die() -> None:
        raise KeyboardInterrupt

    functions.during = die
    with pytest.raises(KeyboardInterrupt):
        redrive(target)
    assert shelf.counts() == (1, 0)
    functions.during = lambda: None
    assert [each["became"] for each in redrive(target)] == ["handled"]


def test_a_replay_that_dies_before_it_deletes_delivers_a_second_time(
    target: Target, shelf: Shelf, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.park()
    with monkeypatch.context() as patch:
        patch.setattr(shelf.sqs, "delete_message", lambda **_: raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            redrive(target)
    assert shelf.counts() == (1, 0)
    redrive(target)
    assert len(functions.invoked) == 2
    assert shelf.counts() == (0, 0)


def test_what_cannot_be_deleted_is_said(
    target: Target, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.park()
    refusal = ClientError({"Error": {"Code": "AccessDenied"}}, "DeleteMessage")
    monkeypatch.setattr(shelf.sqs, "delete_message", lambda **_: raising(refusal))
    (told,) = redrive(target)
    assert told["became"] == "failed"
    assert "handled, but cannot be deleted" in told["why"]
    assert shelf.counts() == (1, 0)


@pytest.mark.parametrize(
    ("error", "became", "why"),
    [
        (
            {"errorType": "Refused", "errorMessage": "permanent: no such thing"},
            "refused",
            "permanent: no such thing",
        ),
        (
            {"errorType": "GatewayUnavailableError", "errorMessage": "no answer"},
            "failed",
            "GatewayUnavailableError: no answer",
        ),
        ({"errorMessage": "Task timed out after 60 s"}, "failed", "Task timed out after 60 s"),
        ({}, "failed", "the function says no more"),
    ],
)
def test_what_fails_stays_and_says_why(
    target: Target, shelf: Shelf, functions: Functions, error: Event, became: str, why: str
) -> None:
    shelf.park()
    shelf.park(OTHER)
    functions.error = error or {"x": 1}
    told = redrive(target)
    # once each, however long the run goes on
    assert [(each["became"], each["why"]) for each in told] == [(became, why)] * 2
    assert shelf.counts() == (2, 0)


@pytest.mark.parametrize(
    ("queue", "answer", "why"),
    [
        (CHARGE, None, "does not say what became of it"),
        (CHARGE, {"handled": []}, "has no handler for shop.order.placed.v1"),
        (CHARGE, {"handled": [f"{OTHER}.1.shop.order.placed.v1"]}, "has no handler"),
        (CHARGE, {"batchItemFailures": []}, "has no handler"),
        ("orders-relay-dead-letters", None, "does not say"),
        ("orders-relay-dead-letters", {"batchItemFailures": [{"itemIdentifier": "100"}]}, "log"),
        ("orders-relay-dead-letters", {"handled": []}, "log"),
    ],
)
def test_only_the_functions_word_counts(
    target: Target, shelf: Shelf, functions: Functions, queue: str, answer: Any, why: str
) -> None:
    shelf.put(queue, event() if queue == CHARGE else stream_record())
    functions.answer = lambda _: answer
    (told,) = redrive(target)
    assert told["became"] == ("failed" if answer else "unknown")
    assert why in told["why"]
    assert shelf.counts(queue) == (1, 0)


def test_a_function_that_parks_again_is_not_asked_for_ever(
    target: Target, shelf: Shelf, functions: Functions
) -> None:
    # GIVEN the functions of an older release, which know no replays: they park, and say nothing
    shelf.park()
    shelf.park(OTHER)
    functions.answer = lambda _: None
    functions.during = shelf.park
    # THEN one message tells that; no more are delivered
    (told,) = redrive(target)
    assert told["became"] == "unknown"
    assert len(functions.invoked) == 1
    # AND even one that parks and raises is asked just once for each message there was
    time.sleep(1.1)

    def park_later() -> None:
        assert len(functions.invoked) < 10, "asked for ever"
        time.sleep(1.1)  # the clock of SQS is known to the second
        shelf.park()

    functions.error = {"errorType": "ValueError", "errorMessage": "no"}
    functions.during = park_later
    assert len(redrive(target)) == 3
    assert sum(shelf.counts()) == 3 + 3


def test_a_function_that_cannot_be_invoked_is_a_failure(
    target: Target, shelf: Shelf, functions: Functions
) -> None:
    shelf.park()
    refusal = ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")
    functions.during = lambda: raising(refusal)
    (told,) = redrive(target)
    assert told["became"] == "failed"
    assert "TooManyRequestsException" in told["why"]
    assert shelf.counts() == (1, 0)


def test_only_what_is_selected_is_delivered(
    target: Target, shelf: Shelf, functions: Functions
) -> None:
    # more than one call takes, on both sides of the choice
    for order in (ORDER, OTHER):
        for _ in range(12):
            shelf.park(order)
    told = redrive(target, orders=(OTHER,))
    assert [each["orders"] for each in told] == [[OTHER]] * 12
    assert shelf.counts() == (12, 0)
    assert len(functions.invoked) == 12


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(
    target: Target, shelf: Shelf, functions: Functions
) -> None:
    shelf.park()
    shelf.put("orders-relay-dead-letters", stream_record(OTHER))
    rehearsed = redrive(target, dry_run=True)
    assert functions.invoked == []
    assert shelf.counts() == (1, 0)
    assert shelf.counts("orders-relay-dead-letters") == (1, 0)
    redrive(target)
    # exactly what was told is what happened, but for the time at which SNS would have sent it
    would = [(each["function"], each["payloads"]) for each in rehearsed]
    did = [(name, [payload]) for name, payload in functions.invoked]
    for _, (payload,) in [*would, *did]:
        payload["Records"][0].get("Sns", {}).pop("Timestamp", None)
    assert would == did


def test_looking_changes_nothing(target: Target, shelf: Shelf) -> None:
    for number in range(25):
        shelf.park(reason=f"permanent: the refund of {ORDER[:-2]}{number:02} was refused")
    (content,) = replaying.summaries(target, Selection(queues=(CHARGE,)))
    assert content["messages"] == 25
    assert content["reasons"] == {"permanent: the refund of ord_… was refused": 25}
    assert content["types"] == {"shop.order.placed.v1": 25}
    assert content["function"] == "toyshop-local-payments-charge"
    assert content["oldest"] <= content["newest"]
    found = replaying.inspect(target, Selection(queues=(CHARGE,)))
    assert len(found) == 25
    assert found[0]["content"] == event()
    assert shelf.counts() == (25, 0)


def test_what_somebody_else_is_at_is_left_to_them(
    target: Target, shelf: Shelf, functions: Functions
) -> None:
    # GIVEN a replay at work
    shelf.park()
    inner: list[Any] = []

    def look() -> None:
        functions.during = lambda: None
        inner.append(replaying.redrive(target, Selection(), lambda _: None))
        inner.append(replaying.summaries(target, Selection(queues=(CHARGE,))))

    functions.during = look
    redrive(target)
    # THEN a second one beside it has nothing to do, and says that somebody is at it
    assert inner[0] == ([], 1)
    assert inner[1][0]["being_replayed"] == 1
    assert len(functions.invoked) == 1


def test_a_position_is_read_from_the_stream(
    target: Target, shelf: Shelf, functions: Functions, cloud: MemoryCloud
) -> None:
    # GIVEN a stream that has more than was given up
    cloud.fakes["dynamodbstreams"] = Streams([stream_record(number=str(n)) for n in range(7)])
    shelf.put("orders-relay-dead-letters", position("1", 5))
    # THEN just these records are delivered, in their order
    (told,) = redrive(target)
    assert told["became"] == "handled"
    sent = [payload["Records"][0]["dynamodb"]["SequenceNumber"] for _, payload in functions.invoked]
    assert sent == ["1", "2", "3", "4", "5"]
    assert shelf.counts("orders-relay-dead-letters") == (0, 0)


@pytest.mark.parametrize(("start", "size"), [("0", 2), ("8", 3)])
def test_what_the_stream_has_forgotten_is_said(
    target: Target, shelf: Shelf, functions: Functions, cloud: MemoryCloud, start: str, size: int
) -> None:
    cloud.fakes["dynamodbstreams"] = Streams([stream_record(number=str(n)) for n in (8, 9)])
    shelf.put("orders-relay-dead-letters", position(start, size))
    for dry_run in (True, False):
        (told,) = redrive(target, dry_run=dry_run)
        assert told["became"] == "gone"
        assert "toyshop-local-orders" in told["why"]
        assert "2026-11-24T03:00:00Z to 2026-11-24T03:00:09Z" in told["why"]
        assert "docs/runbooks/dead-letters.md" in told["why"]
    assert functions.invoked == []
    assert shelf.counts("orders-relay-dead-letters") == (1, 0)


def test_one_record_of_a_batch_that_fails_keeps_the_letter(
    target: Target, shelf: Shelf, functions: Functions, cloud: MemoryCloud
) -> None:
    cloud.fakes["dynamodbstreams"] = Streams([stream_record(number=str(n)) for n in range(3)])
    shelf.put("orders-relay-dead-letters", position("0", 3))
    functions.answer = lambda payload: {
        "batchItemFailures": [
            {"itemIdentifier": "1"}
            for record in payload["Records"]
            if record["dynamodb"]["SequenceNumber"] == "1"
        ]
    }
    (told,) = redrive(target)
    assert told["became"] == "failed"
    assert len(functions.invoked) == 3
    assert shelf.counts("orders-relay-dead-letters") == (1, 0)


def test_a_part_of_the_shop_is_enough(target: Target, cloud: MemoryCloud) -> None:
    # GIVEN one queue of all
    cloud.sqs.create_queue(QueueName="toyshop-local-toys-images-dead-letters")
    (content,) = replaying.summaries(target, Selection())
    assert content["queue"] == "toyshop-local-toys-images-dead-letters"
    with pytest.raises(ShopProblem, match="has none of these dead-letter queues"):
        replaying.summaries(target, Selection(services=("payments",)))


def raising(error: BaseException) -> Any:
    raise error
