"""The use cases of files."""

from datetime import timedelta
from hashlib import sha256

from chalicelib.file_manager import domain
from chalicelib.file_manager.storage import LINK_SECONDS, UPLOAD_SECONDS, Storage
from chalicelib.file_manager.store import FileStore, Stored
from chassis import clock
from chassis.clock import Clock
from chassis.ids import new_id
from chassis.problems import BadRequest, Conflict, NotFound, Unprocessable
from contracts.files import (
    File,
    FileLookup,
    FileLookupAnswer,
    Image,
    ImageTicket,
    Link,
    NewDocument,
    NewImage,
    Upload,
)


class FileService:
    """Announces pictures, archives documents, and forgets either.

    Parameters
    ----------
    store
        What is known of files.
    storage
        Their bytes.
    now
        Returns the current time in UTC.
    """

    def __init__(self, store: FileStore, storage: Storage, now: Clock = clock.now) -> None:
        self._store = store
        self._storage = storage
        self._now = now

    def announce(self, request: NewImage) -> ImageTicket:
        """Expect a picture, and say where its bytes go."""
        now = self._now()
        file = domain.announced(new_id("fil"), request, now)
        self._store.add(file)
        url, fields = self._storage.ticket(file)
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

    def look_up(self, lookup: FileLookup) -> FileLookupAnswer:
        """Return the files that exist of those asked for."""
        return FileLookupAnswer(items=self._store.of_ids(lookup.ids))

    def delete(self, file_id: str) -> None:
        """Forget a file and its bytes; one that is not there is no error.

        The bytes go first: as long as one of them may be left, the record says so. An upload that
        is being checked meanwhile finds no record when it is done, and takes its bytes back.
        """
        if domain.is_file_id(file_id):
            self._storage.discard(file_id)
            self._store.delete(file_id)

    def archive(self, file_id: str, request: NewDocument) -> tuple[File, bool]:
        """Archive a document, once per id.

        The bytes go first and are written once, so whatever is recorded is there; a try that
        crashed in between is completed by the next one.

        Returns
        -------
        tuple
            The document, and whether this call has archived it.

        Raises
        ------
        BadRequest, Unprocessable
            If the id is no file's, or the content is no PDF.
        Conflict
            If another content was archived under this id.
        """
        if not domain.is_file_id(file_id):
            raise BadRequest.at("/file_id", "The id of a file is fil_ and 26 letters and digits")
        if flaw := domain.flaw_in_pdf(request.content):
            raise Unprocessable.at("/content", flaw)
        digest = sha256(request.content).hexdigest()
        if stored := self._store.get(file_id):
            return _same(stored, digest), False
        kept = self._storage.keep_document(file_id, request.content, request.content_type, digest)
        file = domain.archived(file_id, request, kept.size, self._now())
        is_new = self._store.add(file, kept.sha256, request.filename)
        # What the first try kept stands, also if its content was another one.
        return _same(self._stored(file_id), digest), is_new

    def link(self, file_id: str) -> Link:
        """Return a short-lived URL of a document.

        Raises
        ------
        NotFound
            If there is no such document.
        """
        stored = self._store.get(file_id)
        if stored is None or stored.file.kind != "document":
            raise NotFound("There is no such document.")
        return Link(
            url=self._storage.link(stored.file, stored.filename),
            expires_at=self._now() + timedelta(seconds=LINK_SECONDS),
        )

    def _stored(self, file_id: str) -> Stored:
        stored = self._store.get(file_id)
        if stored is None:
            raise NotFound("There is no such file.")
        return stored


def _same(stored: Stored, digest: str) -> File:
    if stored.sha256 != digest:
        raise Conflict("Another content was archived under this id; it does not change any more.")
    return stored.file
