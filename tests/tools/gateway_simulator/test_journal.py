"""The journal, and the store that is restored from it."""

from pathlib import Path

import pytest

from gateway_simulator.journal import Journal, JournalError
from gateway_simulator.store import JOURNAL, Store


def write_charges(directory: Path, *identifiers: str) -> None:
    store = Store(directory)
    for identifier in identifiers:
        work = store.begin()
        work.put("charges", identifier, {"id": identifier})
        work.commit()
    store.close()


def read_charges(directory: Path) -> list[str]:
    store = Store(directory)
    found = list(store.rows("charges"))
    store.close()
    return found


@pytest.mark.parametrize(
    "incomplete", [b'{"at":1,"put":{"charg', b'{"at":1}', b"\x00\x00\n", b"{\n"]
)
def test_incomplete_last_line_is_removed(tmp_path: Path, incomplete: bytes) -> None:
    # GIVEN a journal whose last line is incomplete after a crash
    write_charges(tmp_path, "ch_1", "ch_2")
    with (tmp_path / JOURNAL).open("ab") as journal:
        journal.write(incomplete)
    # WHEN it is opened and another record is appended
    write_charges(tmp_path, "ch_3")
    # THEN all complete records are read
    assert read_charges(tmp_path) == ["ch_1", "ch_2", "ch_3"]


def test_damaged_line_before_the_last_is_an_error(tmp_path: Path) -> None:
    write_charges(tmp_path, "ch_1")
    with (tmp_path / JOURNAL).open("ab") as journal:
        journal.write(b"{damaged\n" + (tmp_path / JOURNAL).read_bytes())
    with pytest.raises(JournalError, match=r"line 2 .* is damaged"):
        Store(tmp_path)


def test_journal_in_use_cannot_be_opened(tmp_path: Path) -> None:
    journal = Journal(tmp_path / JOURNAL)
    with pytest.raises(JournalError, match="another simulator"):
        Journal(tmp_path / JOURNAL)
    journal.close()
    Journal(tmp_path / JOURNAL).close()


def test_failed_write_changes_neither_memory_nor_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a disk on which `fsync` fails
    write_charges(tmp_path, "ch_1")
    store = Store(tmp_path)

    def fail(_: int) -> None:
        raise OSError("disk full")

    work = store.begin()
    work.put("charges", "ch_2", {"id": "ch_2"})
    with monkeypatch.context() as patched:
        patched.setattr("gateway_simulator.journal.os.fsync", fail)
        # WHEN a unit of work is committed THEN it fails and changes nothing
        with pytest.raises(OSError, match="disk full"):
            work.commit()
    assert list(store.rows("charges")) == ["ch_1"]
    store.close()
    assert read_charges(tmp_path) == ["ch_1"]


def test_get_returns_a_copy_of_the_row(tmp_path: Path) -> None:
    write_charges(tmp_path, "ch_1")
    store = Store(tmp_path)
    row = store.begin().get("charges", "ch_1")
    assert row is not None
    row["id"] = "changed"
    assert store.begin().get("charges", "ch_1") == {"id": "ch_1"}
    store.close()


def test_advanced_clock_survives_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    before = store.now()
    store.advance_clock(3600)
    store.close()
    store = Store(tmp_path)
    assert 3600 <= store.now() - before < 3660
    store.close()
