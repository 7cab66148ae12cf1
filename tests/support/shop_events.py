"""Receives the events of a running shop like any subscriber."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from support.running_shop import ACCOUNT, Shop

TOPICS = ("orders", "payments", "file-manager")


class Tap:
    """A queue that receives all events of the shop."""

    def __init__(self, shop: Shop) -> None:
        self._sqs, self._sns = shop.client("sqs"), shop.client("sns")
        self._url = self._sqs.create_queue(QueueName=f"tap-{uuid.uuid4()}")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        sns_may = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn["Attributes"]["QueueArn"],
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [sns_may]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        self._subscriptions = [
            self._sns.subscribe(
                TopicArn=topic_arn(service),
                Protocol="sqs",
                Endpoint=arn["Attributes"]["QueueArn"],
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]
            for service in TOPICS
        ]
        self._events: list[tuple[str, dict[str, Any]]] = []

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._sns.unsubscribe(SubscriptionArn=subscription)
        self._sqs.delete_queue(QueueUrl=self._url)

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the topic and the event of each message received so far."""
        while batch := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in batch:
                envelope = json.loads(message["Body"])
                self._events.append((envelope["TopicArn"], json.loads(envelope["Message"])))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._events

    def publish_again(self, topic: str, event: dict[str, Any]) -> None:
        self._sns.publish(
            TopicArn=topic,
            Message=json.dumps(event),
            MessageAttributes={"type": {"DataType": "String", "StringValue": event["type"]}},
        )


def topic_arn(service: str) -> str:
    return f"arn:aws:sns:us-east-1:{ACCOUNT}:toyshop-local-{service}-events"


@pytest.fixture
def tap(shop: Shop) -> Iterator[Tap]:
    tap = Tap(shop)
    yield tap
    tap.close()
