"""The check of uploads, which publishes the images that they contain.

S3 sends an event per upload, at least once, through a queue. A crash may follow any step, so each
step can be repeated: publish, record, then delete the upload.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec

from chalicelib.file_manager import domain
from chalicelib.file_manager.images import (
    VARIANT_TYPE,
    RejectedImageError,
    published_image,
    size_of,
    variants_of,
)
from chalicelib.file_manager.storage import Storage, uploaded_file_id
from chalicelib.file_manager.store import FileStore, Stored
from chassis import clock, context, log, tracing
from chassis.clock import Clock
from chassis.consumer import delay
from chassis.contention import Attempts
from chassis.parking import Parking, is_replay
from contracts.files import File


class _Object(msgspec.Struct):
    key: str


class _Entity(msgspec.Struct):
    object: _Object


class _Record(msgspec.Struct):
    s3: _Entity
    uploaded_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = msgspec.field(
        default=None, name="eventTime"
    )


class _Notification(msgspec.Struct):
    """An S3 event; the test event that S3 sends has no records."""

    records: list[_Record] = msgspec.field(default_factory=list, name="Records")


class Uploads:
    """Checks uploads when S3 reports them.

    Parameters
    ----------
    store
        Reads and writes the files table.
    storage
        Reads and writes the content of files.
    parking
        Parks messages that are not S3 events.
    sqs
        A botocore SQS client, which delays retries.
    queue_url
        URL of the queue to which S3 sends its events.
    base_delay
        Delay before the first retry in seconds; it doubles with each further retry.
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
        event
            Messages of the queue, as Lambda delivers them.
        lambda_context
            Context of the invocation, which knows the remaining time.

        Returns
        -------
        dict
            The partial batch response: the messages that must stay in the queue.

        Raises
        ------
        Exception
            If a replayed message fails: a replay has no queue that could retry it.
        """
        failed = []
        for message in event["Records"]:
            try:
                for file_id, uploaded_at in self._uploads_in(
                    message["body"], is_replay(event), lambda_context
                ):
                    self.check(file_id, uploaded_at, lambda_context)
            except Exception as error:
                failed.append(message["messageId"])
                log.metric("toyshop.events.retried")
                delay(self._sqs, self._queue_url, message, error, self._base_delay)
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}

    def _uploads_in(
        self, body: str, replay: bool, lambda_context: Any
    ) -> Iterator[tuple[str, datetime | None]]:
        """Yield the ids of the uploaded files, each with the time of its upload."""
        try:
            notification = msgspec.json.decode(body, type=_Notification)
        except msgspec.MsgspecError as error:
            budget = context.budget_of(lambda_context)
            with tracing.hop("process upload", tracing.CONSUMER, {}, budget=budget):
                self._parking.park(body, reason=f"poison: {error}", replay=replay)
            return
        for record in notification.records:
            if file_id := uploaded_file_id(record.s3.object.key):
                yield file_id, record.uploaded_at

    def check(
        self, file_id: str, uploaded_at: datetime | None = None, lambda_context: Any = None
    ) -> None:
        """Check one upload, or complete an interrupted check.

        Parameters
        ----------
        file_id
            Id of the announced image.
        uploaded_at
            When S3 completed the upload; ``None`` if unknown, and then no duration is recorded.
        lambda_context
            Context of the invocation, which knows the remaining time.
        """
        attempts = Attempts(file_id)
        stored = self._store.get(file_id)
        while stored and stored.file.status == "pending":
            attempts.begin()
            with tracing.hop(
                "process upload",
                tracing.CONSUMER,
                {context.TRACEPARENT: stored.trace},
                budget=context.budget_of(lambda_context),
                invocation=lambda_context,
            ):
                outcome = self._outcome(stored)
                if outcome is None:
                    return
                if self._store.replace(outcome):
                    if uploaded_at and outcome.status == "ready":
                        waited = (outcome.updated_at - uploaded_at).total_seconds()
                        log.metric("toyshop.file.time_to_ready", max(0.0, waited), "Seconds")
                    log.summary(
                        "upload checked",
                        file_id=file_id,
                        status=outcome.status,
                        reason=outcome.reason,
                    )
            stored = self._store.get(file_id)
        if stored and stored.file.status == "ready":
            self._storage.delete_upload(file_id)
        else:
            # Rejected, deleted or never announced: delete all of its content.
            self._storage.delete_image(file_id)

    def _outcome(self, stored: Stored) -> File | None:
        """Publish the image of an upload, and return the file to record.

        Returns ``None`` if there is no upload.
        """
        file = stored.file
        content = self._storage.read_upload(file.id, file.size)
        if content is None:
            return None
        if len(content) != file.size:
            more = "more" if len(content) > file.size else "fewer"
            reason = (
                f"The upload has {more} bytes than the {file.size} that were announced. "
                "Upload the whole file again."
            )
            return domain.mark_rejected(file, reason, self._now())
        try:
            image = published_image(content, file.content_type)
        except RejectedImageError as error:
            return domain.mark_rejected(file, str(error), self._now())
        # An interrupted check may have published the image of an earlier upload. What is public
        # never changes, so everything else is derived from that.
        image = self._storage.publish(file.id, image, file.content_type)
        widths = []
        for variant in variants_of(image, domain.VARIANT_WIDTHS):
            name = domain.variant_name(file.id, variant.width)
            self._storage.publish(name, variant.content, VARIANT_TYPE)
            widths.append(variant.width)
        width, height = size_of(image)
        return domain.mark_ready(file, width, height, widths, self._now())
