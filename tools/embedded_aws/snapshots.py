"""Snapshots of the embedded AWS's state: directories that are written whole and then renamed.

The newest one is ``aws/state``; the one before it stays as ``aws/state.previous``. A snapshot
counts only if its manifest is there, which is written last, and all files have the checksums that
the manifest names.
"""

import contextlib
import datetime
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
FORMAT = 1

Manifest = dict[str, Any]


class Snapshots:
    """The snapshots of one shop.

    Parameters
    ----------
    home
        Directory of the shop's files.
    """

    def __init__(self, home: Path) -> None:
        self._aws = home / "aws"
        self.newest = self._aws / "state"
        self._previous = self._aws / "state.previous"
        self._unfinished = self._aws / "state.unfinished"
        self._damaged = self._aws / "state.damaged"

    def write(self, files: Iterable[tuple[str, str]], manifest: Manifest) -> None:
        """Write a snapshot, which replaces the newest one at once or not at all.

        Parameters
        ----------
        files
            Names and contents. What has not changed since the newest snapshot is linked to it.
        manifest
            What else the snapshot is of. The checksums are added to it.
        """
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._unfinished.mkdir(parents=True)
        before = (_read(self.newest) or {}).get("files", {})
        digests = {}
        for name, text in files:
            content = text.encode()
            digests[name] = hashlib.sha256(content).hexdigest()
            if before.get(name) == digests[name]:
                with contextlib.suppress(OSError):
                    os.link(self.newest / name, self._unfinished / name)
                    continue
            _write(self._unfinished / name, content)
        text = json.dumps({**manifest, "format": FORMAT, "files": digests}, indent=1)
        _write(self._unfinished / MANIFEST, text.encode())
        sync(self._unfinished)
        self._make_newest(self._unfinished)

    def choose(self) -> tuple[Manifest | None, bool]:
        """Make the newest whole snapshot ``aws/state``.

        Returns
        -------
        tuple
            Its manifest, or ``None`` if there is none; and whether a damaged one was set aside as
            ``aws/state.damaged``.
        """
        self._adopt_files_of_earlier_release()
        candidates = (self.newest, self._unfinished, self._previous)
        whole = [(manifest["number"], path) for path in candidates if (manifest := verified(path))]
        if not whole:
            return None, self._set_damaged_aside()
        chosen = max(whole)[1]
        was_damaged = chosen != self.newest and self._set_damaged_aside()
        if chosen == self._previous:
            self._previous.rename(self.newest)
        elif chosen == self._unfinished:
            self._make_newest(self._unfinished)
        shutil.rmtree(self._unfinished, ignore_errors=True)
        return verified(self.newest), was_damaged

    def kept(self) -> Iterator[tuple[Path, Manifest]]:
        """Yield the snapshots that could be chosen, without verifying them."""
        for path in (self.newest, self._previous):
            if manifest := _read(path):
                yield path, manifest

    def _make_newest(self, written: Path) -> None:
        if self.newest.exists():
            shutil.rmtree(self._previous, ignore_errors=True)
            self.newest.rename(self._previous)
        written.rename(self.newest)
        sync(self._aws)

    def _set_damaged_aside(self) -> bool:
        if not self.newest.exists() or verified(self.newest):
            return False
        shutil.rmtree(self._damaged, ignore_errors=True)
        self.newest.rename(self._damaged)
        return True

    def _adopt_files_of_earlier_release(self) -> None:
        """Make a snapshot of files that an earlier release has written into ``aws`` itself."""
        saved = self._aws / "dynamodb.json"
        if self.newest.exists() or not saved.exists():
            return
        moment = datetime.datetime.fromtimestamp(saved.stat().st_mtime, datetime.UTC)
        ports = self._aws / "ports.json"
        manifest = {
            "number": 0,
            "moment": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            "ports": json.loads(ports.read_text()) if ports.exists() else {},
        }
        ports.unlink(missing_ok=True)
        files = sorted(self._aws.glob("*.json"))
        self.write(((file.name, file.read_text()) for file in files), manifest)
        for file in files:
            file.unlink()


def verified(path: Path) -> Manifest | None:
    """Return the manifest of a snapshot; ``None`` if a part of it is missing or damaged."""
    manifest = _read(path)
    if manifest is None:
        return None
    for name, digest in manifest["files"].items():
        try:
            if hashlib.sha256((path / name).read_bytes()).hexdigest() != digest:
                return None
        except OSError:
            return None
    return manifest


def sync(path: Path) -> None:
    """Make a file, or the entries of a directory, survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> Manifest | None:
    try:
        manifest = json.loads((path / MANIFEST).read_text())
    except (OSError, ValueError):
        return None
    known = isinstance(manifest, dict) and manifest.get("format") == FORMAT
    return manifest if known else None


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
