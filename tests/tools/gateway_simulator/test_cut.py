"""A stopped simulator can be taken back to a size of its journal."""

import json
from pathlib import Path

import pytest

from gateway_simulator import ledger
from gateway_simulator.cut import cut, main
from gateway_simulator.journal import JournalError
from gateway_simulator.store import JOURNAL, Store


def charge(store: Store, number: int) -> None:
    work = store.begin()
    intent = {"id": f"pi_{number}", "currency": "aud", "metadata": {"order_id": f"ord_{number}"}}
    ledger.add(work, f"ch_{number}", "charge", 100 * number, intent, "succeeded", None)
    work.commit()


def charges(directory: Path) -> list[str]:
    store = Store(directory)
    try:
        return list(store.rows(ledger.TABLE))
    finally:
        store.close()


@pytest.fixture
def sizes(tmp_path: Path) -> list[int]:
    """Charge three orders, and return the size of the journal after each."""
    store, found = Store(tmp_path), []
    for number in (1, 2, 3):
        charge(store, number)
        found.append((tmp_path / JOURNAL).stat().st_size)
    store.close()
    return found


def test_what_follows_is_kept_beside_and_named(tmp_path: Path, sizes: list[int]) -> None:
    found = cut(tmp_path, sizes[0])
    assert [(one["order_id"], one["amount"]) for one in found["ledger"]] == [
        ("ord_2", 200),
        ("ord_3", 300),
    ]
    assert len(Path(found["file"]).read_text().splitlines()) == 2
    assert charges(tmp_path) == ["ch_1"]
    # WHEN it is cut again, THEN nothing happens
    assert cut(tmp_path, sizes[0]) == {"file": None, "ledger": []}


@pytest.mark.parametrize(("offset", "kept"), [(-1, 1), (0, 1), (1, 2)])
def test_a_line_that_was_begun_is_kept(
    tmp_path: Path, sizes: list[int], offset: int, kept: int
) -> None:
    cut(tmp_path, sizes[0] + offset)
    assert len(charges(tmp_path)) == kept


def test_everything_can_be_cut_off(tmp_path: Path, sizes: list[int]) -> None:
    assert sizes
    assert len(cut(tmp_path, 0)["ledger"]) == 3
    assert charges(tmp_path) == []


def test_incomplete_last_line_is_cut_off_too(tmp_path: Path, sizes: list[int]) -> None:
    with (tmp_path / JOURNAL).open("a") as journal:
        journal.write('{"at": 1, "pu')
    assert [one["order_id"] for one in cut(tmp_path, sizes[1])["ledger"]] == ["ord_3"]


def test_each_cut_has_a_file_of_its_own(tmp_path: Path, sizes: list[int]) -> None:
    files = {cut(tmp_path, size)["file"] for size in (sizes[1], sizes[0], 0)}
    assert len(files) == 3


def test_running_simulator_is_not_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path)
    with pytest.raises(JournalError):
        cut(tmp_path, 0)
    assert main(["--state", str(tmp_path), "--size", "0"]) == 1
    assert "another simulator" in capsys.readouterr().err
    store.close()
    assert main(["--state", str(tmp_path), "--size", "0"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": None, "ledger": []}
