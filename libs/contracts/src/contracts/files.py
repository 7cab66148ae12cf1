"""The file_manager service: pictures that anyone may see, documents that only their owner may."""

from typing import Annotated, Literal

from msgspec import Meta

from contracts.operations import Operation
from contracts.schema import Input, Line, Output, Timestamp

ImageType = Literal["image/png", "image/jpeg", "image/webp", "image/gif"]
FileStatus = Literal["pending", "ready", "rejected"]
MAX_UPLOAD_BYTES = 10 * 1024 * 1024
MAX_DOCUMENT_BYTES = 2 * 1024 * 1024
Subject = Annotated[str, Meta(min_length=1, max_length=80, pattern=Line)]


class NewImage(Input):
    """A picture that is about to be uploaded, and the entity of the caller that it shows."""

    subject: Subject
    content_type: ImageType
    size: Annotated[int, Meta(ge=1, le=MAX_UPLOAD_BYTES)]
    alt: Annotated[str, Meta(max_length=300, pattern=Line)]


class Image(Output):
    """A picture and the path on the shop's origin where it will be seen once it is checked."""

    id: str
    url: str
    alt: str


class Upload(Output):
    """How to send the bytes: straight to storage, as ``multipart/form-data``.

    ``fields`` go before the part ``file``; ``url`` is absolute.
    """

    method: str
    url: str
    headers: dict[str, str]
    fields: dict[str, str]
    expires_at: Timestamp


class ImageTicket(Output):
    """The answer to the announcement of a picture."""

    image: Image
    upload: Upload


class File(Output):
    """What is known of a file."""

    id: str
    kind: Literal["image", "document"]
    status: FileStatus
    subject: str
    content_type: str
    size: int
    alt: str
    version: int
    created_at: Timestamp
    updated_at: Timestamp
    reason: str | None = None


class FileLookup(Input):
    """The files that are wanted."""

    ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=100)
    ]


class FileLookupAnswer(Output):
    """The files that exist of those asked for, in no order."""

    items: list[File]


class NewDocument(Input):
    """A document to archive under an id that its owner derives; ``content`` travels as base64."""

    subject: Subject
    content_type: Literal["application/pdf"]
    filename: Annotated[str, Meta(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9._-]+$(?!\n)")]
    content: Annotated[bytes, Meta(min_length=1, max_length=MAX_DOCUMENT_BYTES)]


class Link(Output):
    """A short-lived URL of a private document."""

    url: str
    expires_at: Timestamp


class FileReady(Output):
    """``file.ready``: the bytes were checked and are public now."""

    id: str
    subject: str
    url: str
    alt: str
    content_type: str


class FileRejected(Output):
    """``file.rejected``: the bytes were not what they said; they are gone."""

    id: str
    subject: str
    reason: str


ANNOUNCE_IMAGE: Operation[ImageTicket] = Operation(
    name="announceImage", method="POST", path="/images", summary="Announce an upload",
    body=NewImage, answer=ImageTicket, status=(201,), problems=(400, 422),
)  # fmt: skip
LOOKUP: Operation[FileLookupAnswer] = Operation(
    name="lookUpFiles", method="POST", path="/files/lookup",
    summary="What is known of many files in one call",
    body=FileLookup, answer=FileLookupAnswer, problems=(400, 422), repeatable=True,
)  # fmt: skip
DELETE: Operation[None] = Operation(
    name="deleteFile", method="DELETE", path="/files/{file_id}",
    summary="Forget a file and its bytes; a file that is not there is no error",
    status=(204,), repeatable=True,
)  # fmt: skip
ARCHIVE_DOCUMENT: Operation[File] = Operation(
    name="archiveDocument", method="PUT", path="/documents/{file_id}",
    summary="Archive a document; the same content again changes nothing",
    body=NewDocument, answer=File, status=(201, 200), problems=(400, 409, 413, 422),
    repeatable=True,
)  # fmt: skip
LINK_DOCUMENT: Operation[Link] = Operation(
    name="linkDocument", method="POST", path="/documents/{file_id}/link",
    summary="A short-lived URL of a document", answer=Link, problems=(404,), repeatable=True,
)  # fmt: skip

OPERATIONS = (ANNOUNCE_IMAGE, LOOKUP, DELETE, ARCHIVE_DOCUMENT, LINK_DOCUMENT)
