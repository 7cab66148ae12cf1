"""The rules of files, in plain Python without AWS or HTTP."""

import re
from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from contracts.files import File, ImageVariant, NewDocument, NewImage

_ID = re.compile(r"fil_[0-9A-HJKMNP-TV-Z]{26}")
_PDF_START = b"%PDF-"
_PDF_END = b"%%EOF"
_PDF_END_WITHIN = 1024
"""The end marker is in the last 1,024 bytes of a PDF (ISO 32000, annex H.3)."""


VARIANT_WIDTHS = (320, 640, 1280)
"""Widths in pixels of an image's smaller copies. A width that was ever used must stay: a deletion
deletes the copies of these widths."""


class AlreadyCheckedError(Exception):
    """The file has been checked; the result never changes."""


def is_file_id(text: str) -> bool:
    """Return whether a text has the form of a file id."""
    return _ID.fullmatch(text) is not None


def url_of(file_id: str) -> str:
    """Return the path of a public file on the shop's origin."""
    return f"/files/{file_id}"


def variant_name(file_id: str, width: int) -> str:
    """Return the name of the smaller copy of an image, which is unique like a file id.

    Parameters
    ----------
    width
        Width of the copy in pixels.
    """
    return f"{file_id}-{width}.webp"


def new_image(file_id: str, request: NewImage, now: datetime) -> File:
    """Return the pending image of an announcement."""
    return File(
        id=file_id,
        kind="image",
        status="pending",
        subject=request.subject,
        content_type=request.content_type,
        size=request.size,
        alt=request.alt,
        url=url_of(file_id),
        version=1,
        created_at=now,
        updated_at=now,
    )


def new_document(file_id: str, request: NewDocument, size: int, now: datetime) -> File:
    """Return the document of a request to archive one.

    Parameters
    ----------
    size
        Size of the stored content in bytes.
    """
    return File(
        id=file_id,
        kind="document",
        status="ready",
        subject=request.subject,
        content_type=request.content_type,
        size=size,
        alt="",
        version=1,
        created_at=now,
        updated_at=now,
    )


def replaced(document: File, size: int, now: datetime) -> File:
    """Return the document with other content.

    Parameters
    ----------
    size
        Size of the new content in bytes.
    """
    return replace(document, size=size, version=document.version + 1, updated_at=now)


def mark_ready(
    file: File, width: int, height: int, variant_widths: Iterable[int], now: datetime
) -> File:
    """Return the image as ready: it and its smaller copies are public.

    Parameters
    ----------
    width, height
        Size of the published image in pixels.
    variant_widths
        Widths of the published copies in pixels.

    Raises
    ------
    AlreadyCheckedError
        If the image has been checked before.
    """
    _must_be_pending(file)
    return replace(
        file,
        status="ready",
        width=width,
        height=height,
        variants=[
            ImageVariant(url=url_of(variant_name(file.id, one)), width=one)
            for one in variant_widths
        ],
        version=file.version + 1,
        updated_at=now,
    )


def mark_rejected(file: File, reason: str, now: datetime) -> File:
    """Return the image as rejected: its content cannot be published.

    Parameters
    ----------
    reason
        Why not and what to do, as a text for staff.

    Raises
    ------
    AlreadyCheckedError
        If the image has been checked before.
    """
    _must_be_pending(file)
    return replace(file, status="rejected", reason=reason, version=file.version + 1, updated_at=now)


def _must_be_pending(file: File) -> None:
    if file.status != "pending":
        raise AlreadyCheckedError(f"The file {file.id} is already {file.status}")


def pdf_error(content: bytes) -> str | None:
    """Return why content is not a complete PDF, or ``None`` if it is one."""
    if not content.startswith(_PDF_START):
        return "This is not a PDF: it does not start with %PDF-"
    if _PDF_END not in content[-_PDF_END_WITHIN:]:
        return "This PDF is truncated: it does not end with %%EOF"
    return None
