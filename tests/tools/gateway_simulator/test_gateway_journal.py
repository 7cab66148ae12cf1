"""The journal, and the store that is rebuilt from it."""

from pathlib import Path

import pytest

from gateway_simulator.journal import Journal, JournalError
from gateway_simulator.store import JOURNAL, Store


def write(folder: Path, *identifiers: str) -> None:
    store = Store(folder)
    for identifier in identifiers:
        work = store.begin()
        work.put("charges", identifier, {"id": identifier})
        work.commit()
    store.close()


def charges(folder: Path) -> list[str]:
    store = Store(folder)
    found = list(store.rows("charges"))
    store.close()
    return found


@pytest.mark.parametrize("torn", [b'{"at":1,"put":{"charg', b'{"at":1}', b"\x00\x00\n", b"{\n"])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    # GIVEN a journal whose last line a crash has torn
    write(tmp_path, "ch_1", "ch_2")
    with (tmp_path / JOURNAL).open("ab") as journal:
        journal.write(torn)
    # WHEN it is opened and written to again
    write(tmp_path, "ch_3")
    # THEN all that was complete is there
    assert charges(tmp_path) == ["ch_1", "ch_2", "ch_3"]


def test_damage_before_the_last_line_is_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "ch_1")
    with (tmp_path / JOURNAL).open("ab") as journal:
        journal.write(b"{damaged\n" + (tmp_path / JOURNAL).read_bytes())
    with pytest.raises(JournalError, match=r"line 2 .* is damaged"):
        Store(tmp_path)


def test_two_processes_cannot_share_a_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / JOURNAL)
    with pytest.raises(JournalError, match="another simulator"):
        Journal(tmp_path / JOURNAL)
    journal.close()
    Journal(tmp_path / JOURNAL).close()


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a disk that fails when the line is to be made durable
    write(tmp_path, "ch_1")
    store = Store(tmp_path)

    def full(_: int) -> None:
        raise OSError("disk full")

    work = store.begin()
    work.put("charges", "ch_2", {"id": "ch_2"})
    with monkeypatch.context() as patched:
        patched.setattr("gateway_simulator.journal.os.fsync", full)
        # WHEN a unit of work is committed THEN it fails, and neither memory nor disk has it
        with pytest.raises(OSError, match="disk full"):
            work.commit()
    assert list(store.rows("charges")) == ["ch_1"]
    store.close()
    assert charges(tmp_path) == ["ch_1"]


def test_a_row_that_was_read_is_a_copy(tmp_path: Path) -> None:
    write(tmp_path, "ch_1")
    store = Store(tmp_path)
    row = store.begin().get("charges", "ch_1")
    assert row is not None
    row["id"] = "changed"
    assert store.begin().get("charges", "ch_1") == {"id": "ch_1"}
    store.close()


def test_the_clock_stays_advanced(tmp_path: Path) -> None:
    store = Store(tmp_path)
    before = store.now()
    store.advance_clock(3600)
    store.close()
    store = Store(tmp_path)
    assert 3600 <= store.now() - before < 3660
    store.close()
