"""A stage with queues of moto, and functions that do what a test says."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shopctl.aws.clients import Cloud
from shopctl.operating.replay.routes import Route
from support.moto_aws import client_of
from support.sns_notifications import sns

ORDER = "ord_01J9ZZZZZZZZZZZZZZZZZZZZZZ"
OTHER = "ord_01J9YYYYYYYYYYYYYYYYYYYYYY"
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"

Event = dict[str, Any]


def event(order: str = ORDER, kind: str = "shop.order.placed.v1") -> Event:
    return {
        "specversion": "1.0",
        "id": f"{order}.1.{kind}",
        "source": "/orders",
        "type": kind,
        "subject": order,
        "time": "2026-11-24T03:00:00Z",
        "data": {"id": order},
        "traceparent": TRACE,
    }


def exhausted(order: str = ORDER, **context: str) -> Event:
    """Return the message that Lambda's failure destination sends."""
    return {
        "version": "1.0",
        "requestContext": {"condition": "RetriesExhausted", **context},
        "requestPayload": sns(json.dumps(event(order))),
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorType": "GatewayUnavailableError", "errorMessage": "no answer"},
    }


def stream_record(order: str = ORDER, number: str = "100") -> Event:
    return {
        "eventName": "INSERT",
        "dynamodb": {
            "Keys": {"id": {"S": order}},
            "SequenceNumber": number,
            "NewImage": {"id": {"S": order}, "traceparent": {"S": TRACE}},
        },
    }


@dataclass
class Functions:
    """A botocore Lambda client whose functions succeed by default."""

    invoked: list[tuple[str, Event]] = field(default_factory=list)
    answer: Callable[[Event], Any] | None = None
    error: Event | None = None
    during: Callable[[], object] = lambda: None

    def invoke(self, *, FunctionName: str, Payload: str) -> Event:  # noqa: N803
        payload = json.loads(Payload)
        self.invoked.append((FunctionName, payload))
        self.during()
        if self.error:
            return {
                "FunctionError": "Unhandled",
                "Payload": io.BytesIO(json.dumps(self.error).encode()),
            }
        answer = self.answer(payload) if self.answer else self._handled(payload)
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}

    @staticmethod
    def _handled(payload: Event) -> Event:
        if "Sns" in payload["Records"][0]:
            texts = [record["Sns"]["Message"] for record in payload["Records"]]
            return {"handled": [json.loads(text).get("id", "") for text in texts]}
        return {"batchItemFailures": []}


class MemoryCloud(Cloud):
    """A cloud with queues of moto, and the functions and streams that a test sets."""

    def __init__(self, functions: Functions) -> None:
        super().__init__("local", "http://127.0.0.1:1")
        self.fakes: dict[str, Any] = {"lambda": functions}
        self.sqs = client_of("sqs")

    def client(self, service: str, read_timeout: float = 60) -> Any:
        if service in self.fakes:
            return self.fakes[service]
        return self.sqs if service == "sqs" else client_of(service)


class DeadLetterQueues:
    """The dead-letter queues of a stage."""

    def __init__(self, cloud: MemoryCloud, found: list[Route]) -> None:
        self.sqs = cloud.sqs
        self.routes = {route.queue.removeprefix("toyshop-local-"): route for route in found}
        self._urls = {
            name: self.sqs.create_queue(QueueName=route.queue)["QueueUrl"]
            for name, route in self.routes.items()
        }

    def put(self, queue: str, body: Any, **attributes: str) -> str:
        text = body if isinstance(body, str) else json.dumps(body)
        return str(
            self.sqs.send_message(
                QueueUrl=self._urls[queue],
                MessageBody=text,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in attributes.items()
                },
            )["MessageId"]
        )

    def park(self, order: str = ORDER, reason: str = "permanent: no") -> str:
        return self.put(
            "payments-charge-dead-letters", event(order), reason=reason, traceparent=TRACE
        )

    def counts(self, queue: str = "payments-charge-dead-letters") -> tuple[int, int]:
        """Return the number of visible messages and of those in flight."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = self.sqs.get_queue_attributes(QueueUrl=self._urls[queue], AttributeNames=names)
        visible, in_flight = (int(found["Attributes"][name]) for name in names)
        return visible, in_flight
