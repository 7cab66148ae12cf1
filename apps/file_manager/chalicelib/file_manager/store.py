"""What is known of files, in DynamoDB: conditional writes, one table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chassis.records import Record, TableMeta, bind, current_trace
from contracts.files import File


class FileRecord(Record):
    """A file as it is stored."""

    class Meta(TableMeta):
        table_name = ""

    kind = UnicodeAttribute()
    status = UnicodeAttribute()
    subject = UnicodeAttribute()
    content_type = UnicodeAttribute()
    size = NumberAttribute()
    alt = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    sha256 = UnicodeAttribute(null=True)
    filename = UnicodeAttribute(null=True)

    def to_file(self) -> File:
        """Return the file as the contract says it."""
        return File(
            id=self.id,
            kind=self.kind,  # type: ignore[arg-type]
            status=self.status,  # type: ignore[arg-type]
            subject=self.subject,
            content_type=self.content_type,
            size=int(self.size),
            alt=self.alt,
            version=int(self.version),
            created_at=self.created_at,
            updated_at=self.updated_at,
            reason=self.reason,
        )


@dataclass(frozen=True)
class Stored:
    """A file, and what only this service knows of it.

    Attributes
    ----------
    sha256, filename
        Of a document.
    trace
        Of the last write.
    """

    file: File
    sha256: str = ""
    filename: str = ""
    trace: str = ""


class FileStore:
    """The files table.

    Parameters
    ----------
    table_name
        Of the service's own table.
    """

    def __init__(self, table_name: str) -> None:
        bind(FileRecord, table_name)

    def get(self, file_id: str) -> Stored | None:
        """Return a file, read consistently, or ``None`` if there is no such file."""
        try:
            record = FileRecord.get(file_id, consistent_read=True)
        except DoesNotExist:
            return None
        return Stored(
            record.to_file(),
            record.sha256 or "",
            record.filename or "",
            record.traceparent or "",
        )

    def of_ids(self, file_ids: Iterable[str]) -> list[File]:
        """Return the files that exist, with one read for up to 100 of them."""
        found = FileRecord.batch_get(list(dict.fromkeys(file_ids)), consistent_read=True)
        return [record.to_file() for record in found]

    def add(self, file: File, sha256: str = "", filename: str = "") -> bool:
        """Store a new file; return ``False``, and store nothing, if its id is taken."""
        return self._put(Stored(file, sha256, filename), FileRecord.id.does_not_exist())

    def replace(self, file: File) -> bool:
        """Store the next version of a picture; ``False`` if another was faster, or it is gone."""
        return self._put(Stored(file), FileRecord.version == file.version - 1)

    @staticmethod
    def _put(stored: Stored, condition: Any) -> bool:
        file = stored.file
        record = FileRecord(
            id=file.id,
            kind=file.kind,
            status=file.status,
            subject=file.subject,
            content_type=file.content_type,
            size=file.size,
            alt=file.alt,
            reason=file.reason,
            sha256=stored.sha256 or None,
            filename=stored.filename or None,
            version=file.version,
            created_at=file.created_at,
            updated_at=file.updated_at,
            traceparent=current_trace(),
        )
        return record.put(condition)

    def delete(self, file_id: str) -> None:
        """Delete a file; one that is not there is no error."""
        FileRecord(id=file_id).delete()
