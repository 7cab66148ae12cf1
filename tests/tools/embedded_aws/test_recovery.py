"""Snapshots are whole or not used, and files go back to the one that is restored."""

import json
import shutil
from pathlib import Path

import pytest

from embedded_aws import recovery
from embedded_aws.object_log import ObjectLog
from embedded_aws.snapshots import Snapshots, verified


def write(home: Path, number: int, **texts: str) -> None:
    files = [(f"{name}.json", text) for name, text in texts.items()]
    manifest = {"number": number, "moment": "2026-11-30T07:00:00.000Z", "mails_until": number}
    Snapshots(home).write(files, manifest)


def restored(home: Path) -> tuple[int | None, bool]:
    manifest, damaged = Snapshots(home).choose()
    return manifest and manifest["number"], damaged


def test_newest_snapshot_is_restored_and_the_one_before_is_kept(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write(tmp_path, number, changing=f"{number}", constant="same")
    assert restored(tmp_path) == (3, False)
    assert (tmp_path / "aws/state/changing.json").read_text() == "3"
    assert (tmp_path / "aws/state.previous/changing.json").read_text() == "2"
    # what has not changed takes no space
    constant = tmp_path / "aws/state/constant.json"
    assert constant.samefile(tmp_path / "aws/state.previous/constant.json")


@pytest.mark.parametrize("damage", ["torn", "missing", "manifest"])
def test_damaged_snapshot_is_set_aside_for_the_one_before(tmp_path: Path, damage: str) -> None:
    write(tmp_path, 1, orders="whole")
    write(tmp_path, 2, orders="whole too")
    file = tmp_path / "aws/state/orders.json"
    match damage:
        case "torn":
            file.write_text("whol")
        case "missing":
            file.unlink()
        case "manifest":
            file.with_name("manifest.json").write_text("{")
    assert restored(tmp_path) == (1, True)
    assert (tmp_path / "aws/state/orders.json").read_text() == "whole"
    assert (tmp_path / "aws/state.damaged").exists()
    # and again: nothing changes
    assert restored(tmp_path) == (1, False)


def test_kill_while_saving_leaves_the_previous_snapshot(tmp_path: Path) -> None:
    write(tmp_path, 1, orders="whole")

    def killed():  # type: ignore[no-untyped-def]
        yield "orders.json", "half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Snapshots(tmp_path).write(killed(), {"number": 2})
    assert restored(tmp_path) == (1, False)
    assert not (tmp_path / "aws/state.unfinished").exists()


def test_kill_between_the_two_renames_leaves_the_new_snapshot(tmp_path: Path) -> None:
    write(tmp_path, 1, orders="old")
    write(tmp_path, 2, orders="new")
    (tmp_path / "aws/state").rename(tmp_path / "aws/state.unfinished")
    assert restored(tmp_path) == (2, False)
    assert (tmp_path / "aws/state/orders.json").read_text() == "new"
    assert verified(tmp_path / "aws/state.previous")


def test_state_of_an_earlier_release_is_adopted(tmp_path: Path) -> None:
    aws = tmp_path / "aws"
    aws.mkdir()
    (aws / "dynamodb.json").write_text("items")
    (aws / "ports.json").write_text('{"aws": 4566}')
    manifest, _ = Snapshots(tmp_path).choose()
    assert manifest
    assert manifest["ports"] == {"aws": 4566}
    assert (aws / "state/dynamodb.json").read_text() == "items"
    assert not (aws / "dynamodb.json").exists()


def test_objects_go_back_to_the_restored_snapshot(tmp_path: Path) -> None:
    objects, log = tmp_path / "s3", ObjectLog(tmp_path)
    objects.mkdir()

    def put(name: str, text: str) -> None:
        log.note(objects / name)
        unfinished = objects / "unfinished"
        unfinished.write_text(text)
        unfinished.replace(objects / name)

    def delete(name: str) -> None:
        log.note(objects / name)
        (objects / name).unlink()

    def contents() -> dict[str, str]:
        return {path.name: path.read_text() for path in objects.iterdir()}

    log.begin(1)
    put("replaced", "first")
    put("deleted", "first")
    saved = contents()
    # GIVEN changes after the first snapshot, and after a second one that was damaged
    log.begin(2)
    put("replaced", "second")
    put("replaced", "third")
    delete("deleted")
    put("new", "second")
    log.begin(3)
    put("replaced", "fourth")
    delete("new")
    put("deleted", "again")
    # a kill has cut the last line off
    with (tmp_path / "s3-changes/3/changes.jsonl").open("a") as notes:
        notes.write('["half')
    # WHEN the first one is restored
    assert ObjectLog(tmp_path).undo(2) == 3
    assert contents() == saved
    assert ObjectLog(tmp_path).undo(2) == 0


@pytest.mark.parametrize("partly", [False, True])
def test_undoing_again_after_a_kill_gives_the_same_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partly: bool
) -> None:
    path, log = tmp_path / "s3/object", ObjectLog(tmp_path)
    path.parent.mkdir()
    path.write_text("saved")
    # GIVEN an object that was deleted, and written again when the next snapshot had begun
    log.begin(2)
    log.note(path)
    path.unlink()
    log.begin(3)
    log.note(path)
    path.write_text("again")
    # WHEN a kill interrupts the deletion of the log, which has no order within a directory
    delete = shutil.rmtree

    def killed(directory: Path, **options: bool) -> None:
        if partly:
            is_log = directory.name == "s3-changes"
            delete(directory / "2" if is_log else directory, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            ObjectLog(tmp_path).undo(2)
    assert path.read_text() == "saved"
    # THEN the next run ends in the same state
    ObjectLog(tmp_path).undo(2)
    assert path.read_text() == "saved"
    assert not (tmp_path / "s3-changes").exists()


def test_changes_before_the_kept_snapshots_are_forgotten(tmp_path: Path) -> None:
    log = ObjectLog(tmp_path)
    for number in (1, 2, 3):
        log.begin(number)
        log.note(tmp_path / "s3/any")
    log.forget(2)
    assert sorted(path.name for path in (tmp_path / "s3-changes").iterdir()) == ["2", "3"]


def test_emails_after_the_snapshot_are_moved_only_after_a_kill(tmp_path: Path) -> None:
    write(tmp_path, 7, orders="any")
    (tmp_path / "mail").mkdir()
    for stem in (6, 7, 8):
        (tmp_path / f"mail/{stem}.eml").touch()
    assert recovery.recover(tmp_path)["emails"] == 0
    recovery.mark_unclean(tmp_path, unclean=True)
    found = recovery.recover(tmp_path)
    assert (found["killed"], found["emails"]) == (True, 1)
    assert sorted(path.stem for path in (tmp_path / "mail").iterdir()) == ["6", "7"]
    assert (tmp_path / "mail-after-snapshot/8.eml").exists()


def test_without_a_snapshot_nothing_of_a_killed_shop_is_left(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir()
    recovery.mark_unclean(tmp_path, unclean=True)
    assert json.loads(json.dumps(recovery.recover(tmp_path)))["manifest"] is None
    assert not (tmp_path / "s3").exists()
