"""What was uploaded is checked, and made public if it is what it said.

S3 tells of an upload at least once, through a queue. Every step may be the last before a crash,
so each can be done again: publish, record, then delete what was uploaded.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from chalicelib.file_manager import domain
from chalicelib.file_manager.pictures import flaw_in_picture
from chalicelib.file_manager.storage import Storage, uploaded_id
from chalicelib.file_manager.store import FileStore, Stored
from chassis import clock, context, log
from chassis.clock import Clock
from chassis.consumer import delay
from chassis.parking import Parking, is_replay
from contracts.files import File


class _Object(msgspec.Struct):
    key: str


class _Entity(msgspec.Struct):
    object: _Object


class _Record(msgspec.Struct):
    s3: _Entity


class _Notification(msgspec.Struct):
    """An S3 event; the one that S3 sends as a test has no records."""

    records: list[_Record] = msgspec.field(default_factory=list, name="Records")


class Uploads:
    """Checks uploads as S3 tells of them.

    Parameters
    ----------
    store
        What is known of files.
    storage
        Their bytes.
    parking
        Where a message goes that is no S3 event.
    sqs
        A botocore SQS client, for the queue's delays.
    queue_url
        The queue that S3 tells of uploads.
    base_delay
        Seconds before the second try; each further one waits twice as long.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self,
        store: FileStore,
        storage: Storage,
        parking: Parking,
        sqs: Any,
        queue_url: str,
        base_delay: float = 30,
        now: Clock = clock.now,
    ) -> None:
        self._store = store
        self._storage = storage
        self._parking = parking
        self._sqs = sqs
        self._queue_url = queue_url
        self._base_delay = base_delay
        self._now = now

    def handle(self, event: dict[str, Any], lambda_context: Any = None) -> dict[str, Any]:
        """Check a batch of uploads.

        Parameters
        ----------
        lambda_context
            Of the invocation: it says how much time there is.

        Returns
        -------
        dict
            A partial-batch answer: the messages that must stay in the queue.
        """
        failed = []
        for message in event["Records"]:
            try:
                for file_id in self._ids_in(message["body"], is_replay(event)):
                    self.check(file_id, lambda_context)
            except Exception as error:
                failed.append(message["messageId"])
                delay(self._sqs, self._queue_url, message, error, self._base_delay)
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}

    def _ids_in(self, body: str, replay: bool) -> Iterator[str]:
        try:
            notification = msgspec.json.decode(body, type=_Notification)
        except msgspec.MsgspecError as error:
            self._parking.park(body, reason=f"poison: {error}", replay=replay)
            return
        for record in notification.records:
            if file_id := uploaded_id(record.s3.object.key):
                yield file_id

    def check(self, file_id: str, lambda_context: Any = None) -> None:
        """Check one upload, or complete a check that was not."""
        stored = self._store.get(file_id)
        while stored and stored.file.status == "pending":
            budget = context.budget_of(lambda_context)
            with context.entered({context.TRACEPARENT: stored.trace}, budget=budget):
                outcome = self._outcome(stored)
                if outcome is None:
                    return
                if self._store.replace(outcome):
                    log.info("checked", file=file_id, status=outcome.status, reason=outcome.reason)
            stored = self._store.get(file_id)
        if stored and stored.file.status == "ready":
            self._storage.discard_incoming(file_id)
        else:
            # Rejected, deleted or never announced: nothing of it may stay.
            self._storage.discard_picture(file_id)

    def _outcome(self, stored: Stored) -> File | None:
        """Publish an upload that is what it said, and return what to record.

        It is ``None`` if nothing was uploaded, or it is gone.
        """
        file = stored.file
        content = self._storage.incoming(file.id, file.size)
        if content is None:
            return None
        if len(content) != file.size:
            more = "more" if len(content) > file.size else "fewer"
            return domain.rejected(
                file, f"The upload has {more} bytes than the {file.size} announced", self._now()
            )
        if flaw := flaw_in_picture(content, file.content_type):
            return domain.rejected(file, flaw, self._now())
        self._storage.publish(file, content)
        return domain.passed(file, self._now())
