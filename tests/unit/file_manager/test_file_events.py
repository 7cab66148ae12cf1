"""The events that a changed file emits."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from chalicelib.file_manager.events import events_of
from chalicelib.file_manager.store import FileRecord
from contracts.files import FileReady, FileRejected, ImageVariant

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def record(status: str, version: int = 2, **changes: Any) -> FileRecord:
    return FileRecord(
        **{
            "id": "fil_1",
            "kind": "image",
            "status": status,
            "subject": "toy_1",
            "content_type": "image/png",
            "size": 3,
            "alt": "A kite",
            "version": version,
            "created_at": NOW,
            "updated_at": NOW,
            **changes,
        }
    )


def test_checked_image_emits_ready() -> None:
    (event,) = events_of(record("pending", 1), record("ready"))
    assert (event.id, event.source) == ("fil_1.2.shop.file.ready.v1", "/file_manager")
    assert (event.type, event.subject) == ("shop.file.ready.v1", "fil_1")
    assert event.data == FileReady(
        id="fil_1", subject="toy_1", url="/files/fil_1", alt="A kite", content_type="image/png"
    )


def test_ready_event_lists_the_smaller_copies() -> None:
    variants = [ImageVariant(url="/files/fil_1-320.webp", width=320)]
    ready = record("ready", width=400, height=300, variants=variants)
    (event,) = events_of(record("pending", 1), ready)
    assert isinstance(event.data, FileReady)
    assert (event.data.width, event.data.height) == (400, 300)
    assert event.data.variants == variants


def test_event_has_the_trace_of_the_record_if_there_is_one() -> None:
    for status in ("ready", "rejected"):
        (event,) = events_of(record("pending", 1), record(status, traceparent="00-a"))
        assert event.traceparent == "00-a"
        (event,) = events_of(record("pending", 1), record(status))
        assert event.traceparent is msgspec.UNSET


def test_rejected_image_emits_rejected_with_the_reason() -> None:
    (event,) = events_of(record("pending", 1), record("rejected", reason="It is a cat"))
    assert event.type == "shop.file.rejected.v1"
    assert event.data == FileRejected(id="fil_1", subject="toy_1", reason="It is a cat")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, record("pending", 1)),
        (record("ready"), record("ready", 3)),
        (record("ready"), None),
        (record("pending", 1), None),
        (None, record("ready", 1, kind="document")),
    ],
)
def test_other_changes_emit_nothing(before: Any, after: Any) -> None:
    assert list(events_of(before, after)) == []
