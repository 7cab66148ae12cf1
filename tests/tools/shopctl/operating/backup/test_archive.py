"""A backup on disk is complete and undamaged, or is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shopctl.operating.backup import archive
from shopctl.operating.backup.archive import FORMAT, Manifest, Reader, StoredObject
from shopctl.project.errors import ShopProblem

ITEMS: list[dict[str, Any]] = [
    {"id": {"S": "a"}, "raw": {"B": b"\x00\xff"}, "set": {"BS": [b"1"]}, "n": {"N": "1"}},
    {"id": {"S": "b"}, "nested": {"M": {"l": {"L": [{"B": b"x"}, {"NULL": True}]}}}},
]


def write(directory: Path) -> None:
    with archive.new_backup(directory) as writer:
        table = writer.table("orders", iter(ITEMS))
        size, sha256 = writer.add(iter([b"recei", b"pt"]))
        objects = [StoredObject("receipts/1.pdf", size, sha256, {"ContentType": "text/plain"})]
        bucket = writer.bucket("private", iter(objects))
        names = {"service": "orders", "stage": "local", "account": "0", "region": "r"}
        moment = {"moment": "2026-11-30T07:00:00Z", "finished": "2026-11-30T07:00:01Z"}
        writer.finish(
            Manifest(format=FORMAT, **names, **moment, tables=(table,), buckets=(bucket,))
        )


def test_backup_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path / "backup")
    backup = Reader(tmp_path / "backup")
    (table,), (bucket,) = backup.manifest.tables, backup.manifest.buckets
    assert (table.count, bucket.count, bucket.bytes) == (2, 1, 7)
    assert list(backup.items(table)) == ITEMS
    (stored,) = backup.objects(bucket)
    assert backup.content(stored).read_bytes() == b"receipt"
    assert stored.headers == {"ContentType": "text/plain"}


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    write(tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_interrupted_backup_is_deleted_and_can_be_repeated(
    tmp_path: Path, error: type[BaseException]
) -> None:
    with pytest.raises(error), archive.new_backup(tmp_path / "backup"):
        raise error
    # customers' data does not remain on the disk
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "backup")
    with pytest.raises(ShopProblem, match="exists"):
        write(tmp_path / "backup")


def _below_a_file(directory: Path) -> Path:
    (directory / "file").write_text("")
    return directory / "file/backup"


def _dangling(directory: Path) -> Path:
    (directory / "link").symlink_to(directory / "missing")
    return directory / "link"


@pytest.mark.parametrize(
    "impossible",
    [
        _below_a_file,
        _dangling,
        lambda _: Path("/proc/x"),
        lambda directory: directory / ("x" * 300),
        lambda directory: directory / ("x" * 250),
        lambda directory: directory / "missing/..",
        lambda directory: directory / "missing" / ("x" * 300),
    ],
    ids=["below a file", "dangling link", "proc", "long", "too long with suffix", "..", "parent"],
)
def test_impossible_directory_is_refused_before_anything_is_read(
    tmp_path: Path, impossible: Callable[[Path], Path]
) -> None:
    directory = impossible(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ShopProblem) as problem, archive.new_backup(directory):
        pytest.fail("it was begun")
    assert str(directory) in problem.value.what
    assert problem.value.remedy
    assert sorted(tmp_path.rglob("*")) == before


def test_directory_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShopProblem, match="not a complete backup"):
        Reader(tmp_path)


@pytest.mark.parametrize("name", ["table-orders.jsonl", "bucket-private.jsonl", "objects/*"])
@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_damaged_or_missing_file_is_named(tmp_path: Path, name: str, damage: str) -> None:
    write(tmp_path / "backup")
    (file,) = (tmp_path / "backup").glob(name)
    if damage == "changed":
        file.write_bytes(file.read_bytes()[:-1])
    else:
        file.unlink()
    with pytest.raises(ShopProblem) as problem:
        Reader(tmp_path / "backup")
    assert str(file) in problem.value.what


@pytest.mark.parametrize(
    ("change", "words"),
    [({"format": 99}, "format 99"), ({"tables": 1}, "damaged"), ({"service": 1}, "damaged")],
)
def test_manifest_that_is_not_understood_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    write(tmp_path / "backup")
    manifest = tmp_path / "backup/manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    with pytest.raises(ShopProblem, match=words):
        Reader(tmp_path / "backup")
    for text in (
        "{",
        "{}",
        "[]",
        "null",
        '{"format": "1"}',
        '{"format": null}',
        '{"format": true}',
    ):
        manifest.write_text(text)
        with pytest.raises(ShopProblem, match=r"manifest\.json is damaged"):
            Reader(tmp_path / "backup")
