"""The events that a changed file emits."""

from collections.abc import Iterator

from chalicelib.file_manager.domain import url_of
from chalicelib.file_manager.store import FileRecord
from chassis.records import Record
from contracts.events import FILE_READY, FILE_REJECTED, CloudEvent, EventType
from contracts.files import FileReady, FileRejected


def events_of(
    before: Record | None, after: Record | None
) -> Iterator[CloudEvent[FileReady | FileRejected]]:
    """Yield the events of a change in the table.

    An image emits ``ready`` or ``rejected`` once it has been checked. A document emits nothing.

    Parameters
    ----------
    before, after
        The record before and after the change; ``None`` if it did not exist.
    """
    if not isinstance(after, FileRecord) or after.kind != "image":
        return
    if isinstance(before, FileRecord) and before.status == after.status:
        return
    if after.status == "ready":
        file = after.to_file()
        yield _event(
            FILE_READY,
            after,
            FileReady(
                id=after.id,
                subject=after.subject,
                url=url_of(after.id),
                alt=after.alt,
                content_type=after.content_type,
                width=file.width,
                height=file.height,
                variants=file.variants,
            ),
        )
    elif after.status == "rejected":
        yield _event(
            FILE_REJECTED,
            after,
            FileRejected(id=after.id, subject=after.subject, reason=after.reason or ""),
        )


def _event(
    kind: EventType, record: FileRecord, data: FileReady | FileRejected
) -> CloudEvent[FileReady | FileRejected]:
    return CloudEvent(
        id=f"{record.id}.{int(record.version)}.{kind.name}",
        source=kind.source,
        type=kind.name,
        subject=record.id,
        time=record.updated_at,
        data=data,
        traceparent=record.trace,
    )
