"""Dead letters about a customer are found and discarded, and retry queues counted."""

import json

import pytest

from shopctl.aws.target import Target
from shopctl.operating.forget import queues as search_module
from shopctl.operating.replay import discarding
from shopctl.operating.replay.selection import Selection
from support.dead_letter_queues import ORDER, OTHER, DeadLetterQueues
from support.moto_aws import client_of
from support.sns_notifications import sns

EMAIL = "alice@example.com"
FULFIL = "payments-fulfil-dead-letters"


@pytest.fixture
def retry_queues(queues: DeadLetterQueues) -> list[str]:
    """Create the queues that are not dead-letter queues; return their names."""
    names = [
        "payments-charge-retry",
        "payments-fulfil-retry",
        "toys-images-retry",
        "toys-log-retry",
        "file-manager-uploads",
    ]
    for name in names:
        queues.sqs.create_queue(QueueName=f"toyshop-local-{name}")
    return names


def test_messages_about_the_customer_are_discarded_and_others_kept(
    target: Target, queues: DeadLetterQueues
) -> None:
    # GIVEN messages that name the order, or have the address in any depth and spelling
    queues.park(ORDER)
    inner = sns(json.dumps({"data": {"contact": {"email": EMAIL.upper()}}}))
    queues.put(FULFIL, inner)
    queues.put(FULFIL, {"requestPayload": inner})
    # AND others
    queues.park(OTHER)
    queues.put(FULFIL, sns(json.dumps({"contact": "bob@example.com"})))
    # WHEN it is a dry run, THEN they are found and kept
    planned = search_module.search(target, EMAIL, {ORDER}, dry_run=True)
    assert (planned.found, planned.discarded) == (3, 0)
    assert queues.counts() == (2, 0)
    # AND otherwise discarded, on record
    searched = search_module.search(target, EMAIL, {ORDER})
    assert (searched.messages, searched.found, searched.discarded) == (5, 3, 3)
    assert searched.queues == len(queues.routes)
    assert (queues.counts(), queues.counts(FULFIL)) == ((1, 0), (1, 0))
    records = discarding.recorded(target, Selection())
    assert [record["because"] for record in records] == [search_module.REASON] * 3
    assert EMAIL not in json.dumps(records).lower()
    # AND another search finds nothing
    assert search_module.search(target, EMAIL, {ORDER}).found == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"Alice <{EMAIL}>", True),
        (f"to:\n{EMAIL}\nfrom: shop", True),
        (f"Written to {EMAIL}.", True),
        ("malice@example.com", False),
        ("not-alice@example.com", False),
        ("alice@example.com.au", False),
        ("alice@example.community", False),
    ],
)
def test_longer_addresses_are_those_of_others(
    target: Target, queues: DeadLetterQueues, text: str, found: bool
) -> None:
    queues.put(FULFIL, sns(json.dumps({"contact": text})))
    assert search_module.search(target, EMAIL, set(), dry_run=True).found == found


def test_without_an_address_only_orders_count(target: Target, queues: DeadLetterQueues) -> None:
    queues.park(ORDER)
    queues.put(FULFIL, sns(json.dumps({"contact": EMAIL})))
    assert search_module.search(target, "", {ORDER}).discarded == 1


def test_message_in_flight_is_reported(target: Target, queues: DeadLetterQueues) -> None:
    queues.park(ORDER)
    url = client_of("sqs").get_queue_url(QueueName="toyshop-local-payments-charge-dead-letters")
    client_of("sqs").receive_message(QueueUrl=url["QueueUrl"], VisibilityTimeout=60)
    searched = search_module.search(target, EMAIL, {ORDER})
    assert (searched.found, searched.in_flight) == (0, 1)


def test_messages_that_wait_for_a_retry_are_counted(
    target: Target, queues: DeadLetterQueues, retry_queues: list[str]
) -> None:
    assert search_module.waiting(target) == {}
    name = f"toyshop-local-{retry_queues[0]}"
    url = queues.sqs.get_queue_url(QueueName=name)["QueueUrl"]
    for delay in (0, 60):
        queues.sqs.send_message(QueueUrl=url, MessageBody="{}", DelaySeconds=delay)
    assert search_module.waiting(target) == {name: 2}
