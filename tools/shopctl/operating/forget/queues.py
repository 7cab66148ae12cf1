"""A customer's data in queues: dead letters are discarded, messages to retry are counted."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

from shopctl.aws.target import Target
from shopctl.operating.replay import discarding, reading
from shopctl.operating.replay.dead_letters import DeadLetter
from shopctl.operating.replay.selection import Selection
from shopctl.project import delivery_config

REASON = "the data of their customer are erased"
_ESCAPED_SPACE = re.compile(r"\\+[nrt]")


@dataclass
class Searched:
    """The result of a search in the dead-letter queues.

    Attributes
    ----------
    queues, messages
        Numbers of the queues and messages that were read.
    found
        SQS's ids of the messages about the customer.
    discarded
        How many of them were discarded.
    in_flight
        Number of messages that another reader had received, so that they were not read.
    """

    queues: int = 0
    messages: int = 0
    found: int = 0
    discarded: int = 0
    in_flight: int = 0


def search(
    target: Target, email: str, order_ids: Collection[str], *, dry_run: bool = False
) -> Searched:
    """Discard the dead letters about a customer; each is recorded before.

    They name one of the orders, or contain the email address. All orders are finished, so none of
    these messages is needed any more.

    Parameters
    ----------
    email
        The customer's address; empty if it is unknown.
    order_ids
        The customer's orders.
    dry_run
        Discard nothing.
    """
    result, found = Searched(), []
    for route, queue in reading.queues(target, Selection(), reading.INSPECT_SECONDS):
        result.queues += 1
        with queue:
            for dead_letter in reading.selected(route, queue, Selection()):
                result.messages += 1
                if _is_about(dead_letter, email, order_ids):
                    found.append(dead_letter.id)
            result.in_flight += queue.in_flight()
    result.found = len(found)
    if found and not dry_run:
        outcomes, _ = discarding.discard(
            target, Selection(messages=tuple(found)), REASON, lambda _: None
        )
        result.discarded = sum(each["outcome"] == "discarded" for each in outcomes)
    return result


def _is_about(dead_letter: DeadLetter, email: str, order_ids: Collection[str]) -> bool:
    if not dead_letter.orders.isdisjoint(order_ids):
        return True
    if not email:
        return False
    # the text of an event within a notification is escaped once more, an address is not
    text = json.dumps(dead_letter.content, ensure_ascii=False).lower()
    # the end of a longer address, or its beginning, is someone else's
    address = rf"(?<![\w.+-]){re.escape(email)}(?![\w-]|\.\w)"
    return re.search(address, _ESCAPED_SPACE.sub(" ", text)) is not None


def waiting(target: Target) -> dict[str, int]:
    """Return the number of messages in each retry queue that has any.

    Their content cannot be read without counting as an attempt to handle them.
    """
    sqs = target.cloud.client("sqs")
    names = [
        queue
        for service in target.services
        for queue, dead_letters in delivery_config.redrives(service, target.stage).items()
        if dead_letters is not None
    ]
    counted = {}
    for name in names:
        attributes = sqs.get_queue_attributes(
            QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"],
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
        counted[name] = sum(map(int, attributes.values()))
    return {name: count for name, count in counted.items() if count}
