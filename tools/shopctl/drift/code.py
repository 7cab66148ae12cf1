"""Differences between the files of two packages."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping

from shopctl.drift.change import Change, Kind
from shopctl.packaging.package import Package

_PACKAGE = re.compile(r"([^/]+)-([^-/]+)\.dist-info/METADATA")
_DERIVED = re.compile(r"\.pyc$|\.dist-info/")


def differing(package: Package, deployed: bytes, *, exactly: bool) -> list[Change]:
    """Return the differences between a deployed zip and a service's package.

    They are the service's own files and the versions of its dependencies.

    Parameters
    ----------
    exactly
        Also report when only other files differ.
    """
    new = package.archive.read_bytes()
    before, after = _read(deployed), _read(new)
    own = {path.name for path in (package.service.directory / "vendor").glob("*/")}
    own |= {"app.py", "chalicelib"}
    files = [_own_files(archive, own) for archive in (before, after)]
    changes = [
        *_differing(*files, with_versions=False),
        *_differing(_packages(before), _packages(after), with_versions=True),
    ]
    if not changes and exactly and deployed != new:
        return [Change("changed", "byte-code, or files of its dependencies")]
    return changes


def differing_files(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[Change]:
    """Yield which files differ, by name."""
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield Change(
                "added" if name not in old else "removed" if name not in new else "changed", name
            )


def _read(archive: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(archive))


def _own_files(archive: zipfile.ZipFile, own: set[str]) -> dict[str, str]:
    return {
        entry.filename: f"{entry.CRC:08x}"
        for entry in archive.infolist()
        if entry.filename.partition("/")[0] in own
        and not entry.is_dir()
        and not _DERIVED.search(entry.filename)
    }


def _packages(archive: zipfile.ZipFile) -> dict[str, str]:
    found = (_PACKAGE.fullmatch(name) for name in archive.namelist())
    return {match[1]: match[2] for match in found if match}


def _differing(
    old: dict[str, str], new: dict[str, str], *, with_versions: bool
) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before != after:
            kind: Kind = "added" if before is None else "removed" if after is None else "changed"
            shown = (before, after) if with_versions else (None, None)
            yield Change(kind, name, *shown)
