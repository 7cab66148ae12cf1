"""What a change of a file means to others."""

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

    A picture is ``ready`` or ``rejected`` once it was checked. Documents concern nobody but their
    owner, who archives them.
    """
    if not isinstance(after, FileRecord) or after.kind != "image":
        return
    if isinstance(before, FileRecord) and before.status == after.status:
        return
    if after.status == "ready":
        yield _event(
            FILE_READY,
            after,
            FileReady(
                id=after.id,
                subject=after.subject,
                url=url_of(after.id),
                alt=after.alt,
                content_type=after.content_type,
            ),
        )
    elif after.status == "rejected":
        yield _event(
            FILE_REJECTED,
            after,
            FileRejected(id=after.id, subject=after.subject, reason=after.reason or ""),
        )


def _event(
    kind: EventType, record: FileRecord, news: FileReady | FileRejected
) -> CloudEvent[FileReady | FileRejected]:
    return CloudEvent(
        id=f"{record.id}.{int(record.version)}.{kind.name}",
        source=kind.source,
        type=kind.name,
        subject=record.id,
        time=record.updated_at,
        data=news,
        traceparent=record.trace,
    )
