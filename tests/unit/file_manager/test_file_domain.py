"""The rules of files."""

from datetime import UTC, datetime

import pytest

from chalicelib.file_manager import domain
from chalicelib.file_manager.storage import uploaded_file_id
from chassis.ids import derived_id, new_id
from contracts.files import File, ImageVariant, NewDocument, NewImage

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LATER = datetime(2026, 11, 25, tzinfo=UTC)


def image() -> File:
    request = NewImage(subject="toy_1", content_type="image/png", size=10, alt="A kite")
    return domain.new_image("fil_1", request, NOW)


def test_image_is_pending_until_it_is_checked() -> None:
    file = image()
    assert (file.kind, file.status, file.version) == ("image", "pending", 1)
    ready = domain.mark_ready(file, 640, 400, [320, 640], LATER)
    assert (ready.status, ready.version, ready.updated_at) == ("ready", 2, LATER)
    assert (ready.width, ready.height) == (640, 400)
    assert ready.variants == [
        ImageVariant(url="/files/fil_1-320.webp", width=320),
        ImageVariant(url="/files/fil_1-640.webp", width=640),
    ]
    rejected = domain.mark_rejected(file, "It is a cat", LATER)
    assert (rejected.status, rejected.version, rejected.reason) == ("rejected", 2, "It is a cat")


def test_result_of_a_check_never_changes() -> None:
    for checked in (
        domain.mark_ready(image(), 1, 1, [], NOW),
        domain.mark_rejected(image(), "no", NOW),
    ):
        with pytest.raises(domain.AlreadyCheckedError):
            domain.mark_ready(checked, 1, 1, [], LATER)
        with pytest.raises(domain.AlreadyCheckedError):
            domain.mark_rejected(checked, "no", LATER)


def test_new_document_is_ready() -> None:
    request = NewDocument(
        subject="ord_1", content_type="application/pdf", filename="r.pdf", content=b"%PDF-"
    )
    document = domain.new_document("fil_1", request, 1234, NOW)
    assert (document.kind, document.status, document.size) == ("document", "ready", 1234)


FILE_ID = "fil_01M85R4ZE6N1GC4DDRYJ2519DX"


@pytest.mark.parametrize(
    "file_id", [new_id("fil"), derived_id("fil", "ord_1", "receipt")], ids=["new", "derived"]
)
def test_new_and_derived_ids_are_file_ids(file_id: str) -> None:
    assert domain.is_file_id(file_id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fil_",
        "fil_1",
        "../secret",
        FILE_ID.replace("fil", "toy"),
        f"{FILE_ID}\n",
        FILE_ID.lower(),
    ],
)
def test_other_texts_are_not_file_ids(text: str) -> None:
    assert not domain.is_file_id(text)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"%PDF-1.7\n...\n%%EOF", None),
        (b"%PDF-1.7\n...\n%%EOF\r\n" + b" " * 900, None),
        (b"<html>%PDF-1.7 %%EOF", "does not start with %PDF-"),
        (b"%PDF-1.7\n...", "truncated"),
        (b"%PDF-1.7\n%%EOF" + b" " * 2000, "truncated"),
        (b"", "does not start"),
    ],
)
def test_pdf_needs_its_start_and_end_markers(content: bytes, error: str | None) -> None:
    found = domain.pdf_error(content)
    assert (found is None) == (error is None)
    assert (error or "") in (found or "")


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
def test_file_id_is_decoded_from_the_event_key(key: str, file_id: str | None) -> None:
    assert uploaded_file_id(key) == file_id
