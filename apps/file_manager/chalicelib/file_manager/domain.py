"""The rules of files: no AWS, no HTTP, nothing that a shopkeeper could not follow."""

import re
from datetime import datetime

from msgspec.structs import replace

from contracts.files import File, NewDocument, NewImage

_ID = re.compile(r"fil_[0-9A-HJKMNP-TV-Z]{26}")
_PDF_START = b"%PDF-"
_PDF_END = b"%%EOF"
_PDF_END_WITHIN = 1024
"""Bytes at the end of a PDF that hold its end marker (ISO 32000, annex H.3)."""


class AlreadyCheckedError(Exception):
    """A file is checked once; what came of it stays."""


def is_file_id(text: str) -> bool:
    """Tell whether a text can be the id of a file."""
    return _ID.fullmatch(text) is not None


def url_of(file_id: str) -> str:
    """Return the path of a public file on the shop's origin."""
    return f"/files/{file_id}"


def announced(file_id: str, request: NewImage, now: datetime) -> File:
    """Return the picture that an announcement promises."""
    return File(
        id=file_id,
        kind="image",
        status="pending",
        subject=request.subject,
        content_type=request.content_type,
        size=request.size,
        alt=request.alt,
        version=1,
        created_at=now,
        updated_at=now,
    )


def archived(file_id: str, request: NewDocument, size: int, now: datetime) -> File:
    """Return the document that an archived request makes.

    Parameters
    ----------
    size
        Of the bytes that are kept.
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


def passed(file: File, now: datetime) -> File:
    """Return the picture whose bytes are what they said.

    Raises
    ------
    AlreadyCheckedError
        If it was checked before.
    """
    _must_be_pending(file)
    return replace(file, status="ready", version=file.version + 1, updated_at=now)


def rejected(file: File, reason: str, now: datetime) -> File:
    """Return the picture whose bytes are not what they said.

    Raises
    ------
    AlreadyCheckedError
        If it was checked before.
    """
    _must_be_pending(file)
    return replace(file, status="rejected", reason=reason, version=file.version + 1, updated_at=now)


def _must_be_pending(file: File) -> None:
    if file.status != "pending":
        raise AlreadyCheckedError(f"The file {file.id} is {file.status} already")


def flaw_in_pdf(content: bytes) -> str | None:
    """Return why bytes are no whole PDF, or ``None`` if they are one."""
    if not content.startswith(_PDF_START):
        return "This is no PDF: it does not start with %PDF-"
    if _PDF_END not in content[-_PDF_END_WITHIN:]:
        return "This PDF is cut off: it does not end with %%EOF"
    return None
