"""Fakes of SNS, SQS, S3 and SES, in memory, behind botocore's real clients.

The seam is ``BaseClient._make_api_call``: the last step before a request is serialised. Above it
all is real.
"""

import contextlib
import io
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from support.world.outside import Trouble
from support.world.tables import MemoryTables, refusal

_MESSAGE_ID = re.compile(rb"Message-ID:\s*<(msg_[0-9A-Z]{26})@")


@dataclass
class Message:
    """A message of a queue."""

    id: str
    body: str
    visible_at: float
    attributes: dict[str, str] = field(default_factory=dict)
    receives: int = 0


@dataclass
class MemoryQueue:
    """A queue, with what ``resources.yaml`` says of it.

    Attributes
    ----------
    dead_letters
        The queue that a message goes to which was received too often.
    """

    name: str
    visibility: float = 30
    max_receives: int | None = None
    dead_letters: str | None = None
    messages: list[Message] = field(default_factory=list)


class MemoryCloud:
    """SNS, SQS, S3, SES and DynamoDB.

    Parameters
    ----------
    tables
        DynamoDB.
    queues
        SQS's queues by name.
    publish
        Delivers one message of a topic: topic's name, body, type.
    now
        The clock.
    mailed
        Is told the id of each e-mail that SES has taken.
    later
        Takes what happens at some later time.
    """

    def __init__(
        self,
        tables: MemoryTables,
        queues: dict[str, MemoryQueue],
        publish: Callable[[str, str, str], None],
        now: Callable[[], float],
        mailed: Callable[[str], None],
        later: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self.tables = tables
        self.queues = queues
        self.objects: dict[str, dict[str, Any]] = {}
        self._publish = publish
        self._now = now
        self._mailed = mailed
        self._later = later
        self._numbers = itertools.count(1)

    def call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Answer an operation as AWS does."""
        if service == "dynamodb":
            return self.tables.call(operation, params, self._now())
        handler = getattr(self, f"_{service.replace('-', '_')}_{operation}", None)
        if handler is None:
            raise NotImplementedError(f"the fake of AWS does not know {service}.{operation}")
        answer: dict[str, Any] = handler(**params)
        return answer

    def spoiled(
        self, trouble: Trouble, service: str, operation: str, params: dict[str, Any]
    ) -> dict[str, Any]:
        """Answer an operation as AWS does on a bad day."""
        silence = ReadTimeoutError(endpoint_url=f"https://{service}")
        match trouble:
            case "throttled":
                raise refusal(operation, "ThrottlingException", 429)
            case "faulty":
                raise refusal(operation, "InternalServerError", 500)
            case "refused":
                raise EndpointConnectionError(endpoint_url=f"https://{service}")
            case "held_back":
                self._later(service, partial(self._unheard, service, operation, params))
                raise silence
            case "request_lost" | "late":
                raise silence
            case "answer_lost":
                self.call(service, operation, params)
                raise silence
            case "faulty_after" | "garbage":
                self.call(service, operation, params)
                raise refusal(operation, "InternalServerError", 500)
            case "twice" if service != "sesv2":  # its client sends once
                self.call(service, operation, params)
            case "partly" if operation == "PublishBatch":
                return self._sns_PublishBatch(**params, refused=2)
        return self.call(service, operation, params)

    def _unheard(self, service: str, operation: str, params: dict[str, Any]) -> None:
        with contextlib.suppress(ClientError):  # nobody hears the answer
            self.call(service, operation, params)

    def message(self, queue: str, body: str, attributes: dict[str, str] | None = None) -> None:
        """Put a message into a queue."""
        self.queues[queue].messages.append(
            Message(f"m{next(self._numbers)}", body, self._now(), attributes or {})
        )

    def _sns_PublishBatch(  # noqa: N802 (AWS's name)
        self,
        TopicArn: str,  # noqa: N803
        PublishBatchRequestEntries: list[dict[str, Any]],  # noqa: N803
        refused: int = 0,
    ) -> dict[str, Any]:
        """Publish; with ``refused``, every so many entries one is not accepted."""
        ids: dict[bool, list[str]] = {True: [], False: []}
        for number, entry in enumerate(PublishBatchRequestEntries):
            accepted = not refused or number % refused != 0
            ids[accepted].append(entry["Id"])
            if accepted:
                kind = entry["MessageAttributes"]["type"]["StringValue"]
                self._publish(TopicArn.rpartition(":")[2], entry["Message"], kind)
        return {
            "Successful": [{"Id": one, "MessageId": one} for one in ids[True]],
            "Failed": [
                {"Id": one, "Code": "InternalError", "SenderFault": False} for one in ids[False]
            ],
        }

    def _sqs_SendMessage(  # noqa: N802
        self,
        QueueUrl: str,  # noqa: N803
        MessageBody: str,  # noqa: N803
        MessageAttributes: dict[str, Any],  # noqa: N803
    ) -> dict[str, Any]:
        attributes = {name: value["StringValue"] for name, value in MessageAttributes.items()}
        self.message(QueueUrl.rpartition("/")[2], MessageBody, attributes)
        return {"MessageId": "m"}

    def _sqs_ChangeMessageVisibility(  # noqa: N802
        self,
        QueueUrl: str,  # noqa: N803
        ReceiptHandle: str,  # noqa: N803
        VisibilityTimeout: int,  # noqa: N803
    ) -> dict[str, Any]:
        for message in self.queues[QueueUrl.rpartition("/")[2]].messages:
            if message.id == ReceiptHandle:
                message.visible_at = self._now() + VisibilityTimeout
        return {}

    def _s3_PutObject(self, Bucket: str, Key: str, Body: bytes, **rest: Any) -> dict[str, Any]:  # noqa: N802, N803
        if rest.get("IfNoneMatch") == "*" and Key in self.objects:
            raise refusal("PutObject", "PreconditionFailed", 412)
        self.objects[Key] = {
            "Metadata": rest.get("Metadata", {}),
            "ContentLength": len(Body),
            "Body": Body,
        }
        return {}

    def _s3_HeadObject(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N802, N803
        if Key not in self.objects:
            raise refusal("HeadObject", "404", 404)
        return {name: self.objects[Key][name] for name in ("Metadata", "ContentLength")}

    def _s3_GetObject(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N802, N803
        if Key not in self.objects:
            raise refusal("GetObject", "NoSuchKey", 404)
        return {"Body": io.BytesIO(self.objects[Key]["Body"])}

    def _s3_DeleteObject(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N802, N803
        self.objects.pop(Key, None)
        return {}

    def _cognito_idp_GetUser(self, AccessToken: str) -> dict[str, Any]:  # noqa: N802, N803
        attributes = {"email": "a@example.com", "name": "A"}
        return {"UserAttributes": [{"Name": n, "Value": v} for n, v in attributes.items()]}

    def _sesv2_SendEmail(self, Content: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        match = _MESSAGE_ID.search(Content["Raw"]["Data"])
        assert match is not None, "an e-mail of the shop has the id of its message"
        self._mailed(match[1].decode())
        return {"MessageId": "ses"}
