"""Files in DynamoDB: conditional writes, one table."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.file_manager.domain import url_of
from chassis.records import DocumentAttribute, Record, TableMeta, bind, current_trace
from contracts.files import File, ImageVariant


class BySubject(GlobalSecondaryIndex["FileRecord"]):
    """The images of a subject by age: ids are sortable by time.

    A document stores its subject as ``about``, so it is in no index. Those of earlier releases are.
    """

    class Meta:
        index_name = "by_subject"
        projection = AllProjection()

    subject = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class FileRecord(Record):
    """An item of the files table."""

    class Meta(TableMeta):
        table_name = ""

    kind = UnicodeAttribute()
    status = UnicodeAttribute()
    subject = UnicodeAttribute(null=True)
    about = UnicodeAttribute(null=True)
    content_type = UnicodeAttribute()
    size = NumberAttribute()
    alt = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    sha256 = UnicodeAttribute(null=True)
    filename = UnicodeAttribute(null=True)
    width = NumberAttribute(null=True)
    height = NumberAttribute(null=True)
    variants: DocumentAttribute[list[ImageVariant]] = DocumentAttribute(
        list[ImageVariant], null=True
    )

    by_subject = BySubject()

    def to_file(self) -> File:
        """Return the file in the contract's form."""
        return File(
            id=self.id,
            kind=self.kind,  # type: ignore[arg-type]
            status=self.status,  # type: ignore[arg-type]
            subject=self.subject or self.about,
            content_type=self.content_type,
            size=int(self.size),
            alt=self.alt,
            version=int(self.version),
            created_at=self.created_at,
            updated_at=self.updated_at,
            reason=self.reason,
            url=url_of(self.id) if self.kind == "image" else "",
            width=None if self.width is None else int(self.width),
            height=None if self.height is None else int(self.height),
            variants=self.variants or [],
        )


class Stored(Struct, frozen=True):
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

    def images_of(
        self, subject: str, limit: int, after: str | None
    ) -> tuple[list[File], str | None]:
        """Return a page of the images of a subject, newest first, and the id at its end.

        The index may lag a moment behind the table.

        Parameters
        ----------
        limit
            Most images on the page.
        after
            Id at the end of the previous page; ``None`` for the first page.

        Returns
        -------
        tuple
            The images, and the id at the end of the page; ``None`` if no page follows.
        """
        start = after and {"id": {"S": after}, "subject": {"S": subject}}
        found = FileRecord.by_subject.query(
            subject, scan_index_forward=False, limit=limit, last_evaluated_key=start or None
        )
        files = [record.to_file() for record in found]
        last = found.last_evaluated_key
        images = [file for file in files if file.kind == "image"]
        return images, last["id"]["S"] if last else None

    def add(self, file: File, sha256: str = "", filename: str = "") -> bool:
        """Store a new file; return ``False`` and store nothing if its id is taken."""
        return self._put(Stored(file, sha256, filename), FileRecord.id.does_not_exist())

    def replace(self, file: File, sha256: str = "", filename: str = "") -> bool:
        """Store the next version of a file; return ``False`` if it has changed or is gone."""
        return self._put(Stored(file, sha256, filename), FileRecord.version == file.version - 1)

    @staticmethod
    def _put(stored: Stored, condition: Any) -> bool:
        file = stored.file
        record = FileRecord(
            id=file.id,
            kind=file.kind,
            status=file.status,
            subject=file.subject if file.kind == "image" else None,
            about=file.subject if file.kind == "document" else None,
            content_type=file.content_type,
            size=file.size,
            alt=file.alt,
            reason=file.reason,
            sha256=stored.sha256 or None,
            filename=stored.filename or None,
            width=file.width,
            height=file.height,
            variants=file.variants or None,
            version=file.version,
            created_at=file.created_at,
            updated_at=file.updated_at,
            traceparent=current_trace(),
        )
        return record.put(condition)

    def delete(self, file_id: str) -> None:
        """Delete a file; an unknown file is not an error."""
        FileRecord(id=file_id).delete()
