"""The use cases of files."""

from datetime import timedelta
from hashlib import sha256

from msgspec.structs import asdict

from chalicelib.file_manager import domain
from chalicelib.file_manager.storage import LINK_SECONDS, UPLOAD_SECONDS, Storage
from chalicelib.file_manager.store import FileStore, Stored
from chassis import clock
from chassis.clock import Clock
from chassis.contention import Attempts
from chassis.ids import new_id
from chassis.problems import BadRequest, Conflict, NotFound, Unprocessable
from contracts.files import (
    ArchivedDocument,
    File,
    FileLookup,
    FileLookupAnswer,
    Image,
    ImagePage,
    ImageQuery,
    ImageTicket,
    Link,
    NewDocument,
    NewImage,
    Upload,
)


class FileService:
    """Announces images, archives documents, and deletes both.

    Parameters
    ----------
    store
        Reads and writes the files table.
    storage
        Reads and writes the content of files.
    now
        Returns the current time in UTC.
    """

    def __init__(self, store: FileStore, storage: Storage, now: Clock = clock.now) -> None:
        self._store = store
        self._storage = storage
        self._now = now

    def announce(self, request: NewImage) -> ImageTicket:
        """Announce an image, and return where to upload it."""
        now = self._now()
        file = domain.new_image(new_id("fil"), request, now)
        self._store.add(file)
        url, fields = self._storage.presign_upload(file)
        return ImageTicket(
            image=Image(id=file.id, url=domain.url_of(file.id), alt=file.alt),
            upload=Upload(
                method="POST",
                url=url,
                headers={},
                fields=fields,
                expires_at=now + timedelta(seconds=UPLOAD_SECONDS),
            ),
        )

    def list_images(self, query: ImageQuery) -> ImagePage:
        """Return a page of the images of a subject in every status, newest first."""
        images, last = self._store.images_of(query.subject, query.limit, query.after)
        return ImagePage(items=images, last=last)

    def look_up(self, lookup: FileLookup) -> FileLookupAnswer:
        """Return the files with the given ids, without those that do not exist."""
        return FileLookupAnswer(items=self._store.of_ids(lookup.ids))

    def delete(self, file_id: str) -> None:
        """Delete a file and its content; an unknown file is not an error.

        The content is deleted first, so that the record exists as long as there may be content. A
        check that runs meanwhile finds no record when it ends, and deletes what it has published.
        """
        if domain.is_file_id(file_id):
            self._storage.delete_all(file_id)
            self._store.delete(file_id)

    def archive(self, file_id: str, request: NewDocument) -> tuple[ArchivedDocument, bool]:
        """Archive a document, once per id.

        The content is written first and only once, so every recorded document exists. If an
        attempt crashes before it writes the record, the next attempt completes it.

        Returns
        -------
        tuple
            The document, and whether this call archived it.

        Raises
        ------
        BadRequest
            If the id is not a file id.
        Unprocessable
            If the content is not a complete PDF.
        Conflict
            If other content was archived under this id.
        ServiceUnavailable
            If another call is archiving the same document: try again.
        """
        if not domain.is_file_id(file_id):
            raise BadRequest.at("/file_id", "A file id is fil_ followed by 26 letters and digits")
        if error := domain.pdf_error(request.content):
            raise Unprocessable.at("/content", error)
        digest = sha256(request.content).hexdigest()
        if stored := self._store.get(file_id):
            return self._archived(stored, digest), False
        document = self._storage.store_document(
            file_id, request.content, request.content_type, digest
        )
        file = domain.new_document(file_id, request, document.size, self._now())
        written = Stored(file, document.sha256, request.filename)
        is_new = self._store.add(file, document.sha256, request.filename)
        # The content that was stored first counts, even if this call's content differs.
        return self._archived(written if is_new else self._stored(file_id), digest), is_new

    def replace(self, file_id: str, request: NewDocument) -> File:
        """Replace the content of an archived document, and delete the earlier content for good.

        The content is written before the record, so that a repetition completes what a crash left.

        Raises
        ------
        NotFound
            If there is no such document.
        Unprocessable
            If the content is not a complete PDF.
        ServiceUnavailable
            If other writers were faster in every attempt.
        """
        stored = self._document(file_id)
        if error := domain.pdf_error(request.content):
            raise Unprocessable.at("/content", error)
        digest = sha256(request.content).hexdigest()
        self._storage.replace_document(file_id, request.content, request.content_type, digest)
        attempts = Attempts(file_id)
        while stored.sha256 != digest:
            attempts.begin()
            file = domain.replaced(stored.file, len(request.content), self._now())
            if self._store.replace(file, digest, stored.filename):
                return file
            stored = self._document(file_id)
        return stored.file

    def link(self, file_id: str) -> Link:
        """Return a short-lived URL of a document.

        Raises
        ------
        NotFound
            If there is no such document.
        """
        return self._link(self._document(file_id))

    def _document(self, file_id: str) -> Stored:
        stored = self._store.get(file_id)
        if stored is None or stored.file.kind != "document":
            raise NotFound("There is no such document.")
        return stored

    def _archived(self, stored: Stored, digest: str) -> ArchivedDocument:
        """Return a stored document with a link, so that nobody has to send its content again."""
        if stored.sha256 != digest:
            raise Conflict(
                "Other content was archived under this id, and a document never changes."
            )
        return ArchivedDocument(**asdict(stored.file), link=self._link(stored))

    def _link(self, stored: Stored) -> Link:
        return Link(
            url=self._storage.link(stored.file, stored.filename),
            expires_at=self._now() + timedelta(seconds=LINK_SECONDS),
        )

    def _stored(self, file_id: str) -> Stored:
        stored = self._store.get(file_id)
        if stored is None:
            raise NotFound("There is no such file.")
        return stored
