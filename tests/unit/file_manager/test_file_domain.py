"""The rules of files."""

from datetime import UTC, datetime

import pytest

from chalicelib.file_manager import domain
from chalicelib.file_manager.storage import uploaded_id
from chassis.ids import derived_id, new_id
from contracts.files import File, NewDocument, NewImage

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LATER = datetime(2026, 11, 25, tzinfo=UTC)


def announced() -> File:
    request = NewImage(subject="toy_1", content_type="image/png", size=10, alt="A kite")
    return domain.announced("fil_1", request, NOW)


def test_a_picture_is_pending_until_it_is_checked() -> None:
    file = announced()
    assert (file.kind, file.status, file.version) == ("image", "pending", 1)
    ready = domain.passed(file, LATER)
    assert (ready.status, ready.version, ready.updated_at) == ("ready", 2, LATER)
    refused = domain.rejected(file, "It is a cat", LATER)
    assert (refused.status, refused.version, refused.reason) == ("rejected", 2, "It is a cat")


def test_a_picture_is_checked_once() -> None:
    for checked in (domain.passed(announced(), NOW), domain.rejected(announced(), "no", NOW)):
        with pytest.raises(domain.AlreadyCheckedError):
            domain.passed(checked, LATER)
        with pytest.raises(domain.AlreadyCheckedError):
            domain.rejected(checked, "no", LATER)


def test_a_document_is_ready_at_once() -> None:
    request = NewDocument(
        subject="ord_1", content_type="application/pdf", filename="r.pdf", content=b"%PDF-"
    )
    document = domain.archived("fil_1", request, 1234, NOW)
    assert (document.kind, document.status, document.size) == ("document", "ready", 1234)


A_FILE = "fil_01M85R4ZE6N1GC4DDRYJ2519DX"


@pytest.mark.parametrize(
    "file_id", [new_id("fil"), derived_id("fil", "ord_1", "receipt")], ids=["new", "derived"]
)
def test_ids_of_the_chassis_are_ids_of_files(file_id: str) -> None:
    assert domain.is_file_id(file_id)


@pytest.mark.parametrize(
    "text",
    ["", "fil_", "fil_1", "../secret", A_FILE.replace("fil", "toy"), f"{A_FILE}\n", A_FILE.lower()],
)
def test_nothing_else_is(text: str) -> None:
    assert not domain.is_file_id(text)


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (b"%PDF-1.7\n...\n%%EOF", None),
        (b"%PDF-1.7\n...\n%%EOF\r\n" + b" " * 900, None),
        (b"<html>%PDF-1.7 %%EOF", "does not start with %PDF-"),
        (b"%PDF-1.7\n...", "cut off"),
        (b"%PDF-1.7\n%%EOF" + b" " * 2000, "cut off"),
        (b"", "does not start"),
    ],
)
def test_a_pdf_is_known_by_both_ends(content: bytes, flaw: str | None) -> None:
    found = domain.flaw_in_pdf(content)
    assert (found is None) == (flaw is None)
    assert (flaw or "") in (found or "")


@pytest.mark.parametrize(
    ("key", "file_id"),
    [
        ("incoming/fil_1", "fil_1"),
        ("incoming%2Ffil_1", "fil_1"),
        ("incoming/a+b%2B", "a b+"),
        ("documents/fil_1", None),
        ("", None),
    ],
)
def test_an_events_key_names_the_upload(key: str, file_id: str | None) -> None:
    assert uploaded_id(key) == file_id
