"""Files in DynamoDB: conditional writes, one table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chassis.records import Record, TableMeta, bind, current_trace
from contracts.files import File


class FileRecord(Record):
    """An item of the files table."""

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
        """Return the file in the contract's form."""
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
    """A file, and what the contract does not contain of it.

    Attributes
    ----------
    sha256, filename
        Digest and file name of a document; empty for an image.
    trace
        The ``traceparent`` of the last write.
    """

    file: File
    sha256: str = ""
    filename: str = ""
    trace: str = ""


class FileStore:
    """Reads and writes the files table.

    Parameters
    ----------
    table_name
        Name of the service's own table.
    """

    def __init__(self, table_name: str) -> None:
        bind(FileRecord, table_name)

    def get(self, file_id: str) -> Stored | None:
        """Return a file with a consistent read, or ``None`` if there is no such file."""
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
        """Return the existing files of some ids, with one read per 100 ids."""
        found = FileRecord.batch_get(list(dict.fromkeys(file_ids)), consistent_read=True)
        return [record.to_file() for record in found]

    def add(self, file: File, sha256: str = "", filename: str = "") -> bool:
        """Store a new file; return ``False`` and store nothing if its id is taken."""
        return self._put(Stored(file, sha256, filename), FileRecord.id.does_not_exist())

    def replace(self, file: File) -> bool:
        """Store the next version of an image; return ``False`` if it has changed or is gone."""
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
        """Delete a file; an unknown file is not an error."""
        FileRecord(id=file_id).delete()
