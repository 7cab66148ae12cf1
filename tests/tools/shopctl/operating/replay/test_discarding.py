"""Dead letters are discarded with a record of each."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shopctl.aws.target import Target
from shopctl.operating.replay import discarding
from shopctl.operating.replay.payloads import Json
from shopctl.operating.replay.selection import Selection
from support.dead_letter_queues import ORDER, OTHER, DeadLetterQueues, MemoryCloud
from support.moto_aws import client_of


def discard(target: Target, selection: Selection, *, dry_run: bool = False) -> list[Json]:
    found, _ = discarding.discard(target, selection, "a test", lambda _: None, dry_run=dry_run)
    return found


def records(target: Target, **selection: Any) -> list[Json]:
    return discarding.recorded(target, Selection(**selection))


def test_only_the_selected_messages_are_discarded(target: Target, queues: DeadLetterQueues) -> None:
    queues.park()
    kept = queues.park(OTHER)
    assert [each["outcome"] for each in discard(target, Selection(orders=(ORDER,)))] == [
        "discarded"
    ]
    assert queues.counts() == (1, 0)
    (left,) = discard(target, Selection(), dry_run=True)
    assert (left["message"], left["outcome"]) == (kept, "would be discarded")
    assert queues.counts() == (1, 0)
    assert len(records(target)) == 1


def test_record_says_what_why_when_and_who_without_the_content(
    target: Target, queues: DeadLetterQueues
) -> None:
    message = queues.park()
    discard(target, Selection(messages=(message,)))
    (record,) = records(target)
    assert record["message"] == message
    assert record["queue"] == "toyshop-local-payments-charge-dead-letters"
    assert record["reason"] == "permanent: no"
    assert record["because"] == "a test"
    assert record["by"].startswith("arn:aws:sts::")
    assert record["orders"] == [ORDER]
    assert "content" not in record
    age = datetime.now(UTC) - datetime.fromisoformat(record["at"])
    assert abs(age) < timedelta(minutes=1)


def test_records_expire(target: Target, queues: DeadLetterQueues) -> None:
    queues.park()
    discard(target, Selection())
    (group,) = client_of("logs").describe_log_groups()["logGroups"]
    assert group["logGroupName"] == "/toyshop/local/discarded-dead-letters"
    assert group["retentionInDays"] == 365


def test_records_are_selected_as_messages_are(target: Target, queues: DeadLetterQueues) -> None:
    queues.park()
    queues.put("toys-images-dead-letters", {"about": OTHER})
    discard(target, Selection())
    hour = timedelta(hours=1)
    for selection, count in (
        ({}, 2),
        ({"services": ("payments",)}, 1),
        ({"queues": ("toys-images-dead-letters",)}, 1),
        ({"orders": (ORDER, OTHER)}, 2),
        ({"types": ("shop.order.placed.v1",)}, 1),
        ({"messages": ("m-1",)}, 0),
        ({"since": datetime.now(UTC) - hour}, 2),
        ({"until": datetime.now(UTC) - hour}, 0),
    ):
        assert len(records(target, **selection)) == count, selection


def test_message_in_flight_is_left(target: Target, queues: DeadLetterQueues) -> None:
    queues.park()
    url = queues.sqs.get_queue_url(QueueName="toyshop-local-payments-charge-dead-letters")
    queues.sqs.receive_message(QueueUrl=url["QueueUrl"], VisibilityTimeout=60)
    assert discarding.discard(target, Selection(), "a test", lambda _: None) == ([], 1)
    assert records(target) == []


def test_message_is_recorded_before_it_is_deleted(
    target: Target, queues: DeadLetterQueues, cloud: MemoryCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = queues.park()

    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "Refused")

    # WHEN it cannot be recorded, THEN it is kept
    with monkeypatch.context() as patched:
        patched.setattr(client_of("logs"), "put_log_events", refuse)
        with pytest.raises(ClientError):
            discard(target, Selection())
    assert queues.counts() == (1, 0)
    # AND WHEN it cannot be deleted, THEN it is reported as kept
    with monkeypatch.context() as patched:
        patched.setattr(cloud.sqs, "delete_message", refuse)
        (kept,) = discard(target, Selection())
    assert (kept["outcome"], kept["message"]) == ("failed", message)
    assert "AccessDenied" in kept["error"]
    assert len(records(target)) == 1
    # AND the next run discards it
    assert [each["outcome"] for each in discard(target, Selection())] == ["discarded"]
    assert queues.counts() == (0, 0)


def test_reason_is_one_line() -> None:
    assert discarding.checked_reason(" a\n test ") == "a test"
    assert json.dumps(discarding.checked_reason("é")) == '"\\u00e9"'
