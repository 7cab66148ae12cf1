"""The file_manager service: public images and private documents."""

from typing import Annotated, Literal

from msgspec import Meta

from contracts import patterns
from contracts.operations import Operation
from contracts.schema import DEFAULT_LIMIT, Input, Limit, Output, Timestamp

ImageType = Literal["image/png", "image/jpeg", "image/webp", "image/gif"]
FileStatus = Literal["pending", "ready", "rejected"]
MAX_UPLOAD_BYTES = 10 * 1024 * 1024
MAX_DOCUMENT_BYTES = 2 * 1024 * 1024
Subject = Annotated[str, Meta(min_length=1, max_length=80, pattern=patterns.LINE)]


class NewImage(Input):
    """The announcement of an image; ``subject`` is the caller's entity that the image shows."""

    subject: Subject
    content_type: ImageType
    size: Annotated[int, Meta(ge=1, le=MAX_UPLOAD_BYTES)]
    alt: Annotated[str, Meta(max_length=300, pattern=patterns.LINE)]


class Image(Output):
    """An image and its path on the shop's origin, where it is served once it has been checked."""

    id: str
    url: str
    alt: str


class ImageVariant(Output):
    """A smaller copy of an image in WebP; ``width`` is in pixels."""

    url: str
    width: int


class Upload(Output):
    """How to upload the content: directly to storage, as ``multipart/form-data``.

    ``fields`` precede the part ``file``; ``url`` is absolute.
    """

    method: str
    url: str
    headers: dict[str, str]
    fields: dict[str, str]
    expires_at: Timestamp


class ImageTicket(Output):
    """An announced image and how to upload it."""

    image: Image
    upload: Upload


class File(Output):
    """A file; ``reason`` explains to staff why an image was rejected.

    ``url`` is the path of an image, empty for a document. ``width`` and ``height`` are those of a
    ready image in pixels, ``variants`` its smaller copies; an image that was checked by an earlier
    release has neither.
    """

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
    url: str = ""
    width: int | None = None
    height: int | None = None
    variants: list[ImageVariant] = []


class ImageQuery(Input):
    """Selects images by their subject; ``after`` is the last image of the previous page."""

    subject: Annotated[Subject, Meta(description="The entity that the images show")]
    limit: Limit = DEFAULT_LIMIT
    after: Annotated[
        Annotated[str, Meta(min_length=1, max_length=64)] | None,
        Meta(description="`last` of the previous page"),
    ] = None


class ImagePage(Output):
    """Images of a subject in every status, newest first; ``last`` is null on the last page."""

    items: list[File]
    last: str | None


class FileLookup(Input):
    """The ids of the files to return."""

    ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=100)
    ]


class FileLookupAnswer(Output):
    """The files with the given ids, in no particular order, without those that do not exist."""

    items: list[File]


class NewDocument(Input):
    """A document to archive under an id that the caller derives; ``content`` is base64."""

    subject: Subject
    content_type: Literal["application/pdf"]
    filename: Annotated[str, Meta(min_length=1, max_length=120, pattern=patterns.FILENAME)]
    content: Annotated[bytes, Meta(min_length=1, max_length=MAX_DOCUMENT_BYTES)]


class Link(Output):
    """A short-lived URL of a private document."""

    url: str
    expires_at: Timestamp


class ArchivedDocument(File):
    """An archived document; ``link`` leads to its content, and is null from an earlier release."""

    link: Link | None = None


class FileReady(Output):
    """``file.ready``: the content has been checked and is public."""

    id: str
    subject: str
    url: str
    alt: str
    content_type: str
    width: int | None = None
    height: int | None = None
    variants: list[ImageVariant] = []


class FileRejected(Output):
    """``file.rejected``: the content cannot be published and has been deleted."""

    id: str
    subject: str
    reason: str


ANNOUNCE_IMAGE: Operation[ImageTicket] = Operation(
    name="announceImage", method="POST", path="/images", summary="Announce the upload of an image",
    body=NewImage, answer=ImageTicket, status=(201,), problems=(400, 422),
)  # fmt: skip
LIST_IMAGES: Operation[ImagePage] = Operation(
    name="listImages", method="GET", path="/images",
    summary="List the images of a subject in every status, newest first",
    query=ImageQuery, answer=ImagePage, problems=(400,), repeatable=True,
)  # fmt: skip
LOOKUP: Operation[FileLookupAnswer] = Operation(
    name="lookUpFiles", method="POST", path="/files/lookup",
    summary="Return the files with the given ids",
    body=FileLookup, answer=FileLookupAnswer, problems=(400, 422), repeatable=True,
)  # fmt: skip
DELETE: Operation[None] = Operation(
    name="deleteFile", method="DELETE", path="/files/{file_id}",
    summary="Delete a file and its content; an unknown file is not an error",
    status=(204,), problems=(400,), repeatable=True,
)  # fmt: skip
ARCHIVE_DOCUMENT: Operation[ArchivedDocument] = Operation(
    name="archiveDocument", method="PUT", path="/documents/{file_id}",
    summary="Archive a document; repeating it with the same content changes nothing",
    body=NewDocument, answer=ArchivedDocument, status=(201, 200), problems=(400, 409, 413, 422),
    repeatable=True,
)  # fmt: skip
REPLACE_DOCUMENT: Operation[File] = Operation(
    name="replaceDocument", method="POST", path="/documents/{file_id}/replacement",
    summary="Replace an archived document and delete its earlier content",
    body=NewDocument, answer=File, problems=(400, 404, 413, 422), repeatable=True,
)  # fmt: skip
LINK_DOCUMENT: Operation[Link] = Operation(
    name="linkDocument", method="POST", path="/documents/{file_id}/link",
    summary="Return a short-lived URL of a document", answer=Link, problems=(404,), repeatable=True,
)  # fmt: skip

OPERATIONS = (
    ANNOUNCE_IMAGE,
    LIST_IMAGES,
    LOOKUP,
    DELETE,
    ARCHIVE_DOCUMENT,
    REPLACE_DOCUMENT,
    LINK_DOCUMENT,
)
