"""Takes the files of a shop whose embedded AWS was killed back to its last snapshot."""

import shutil
from pathlib import Path
from typing import Any

from embedded_aws.object_log import ObjectLog
from embedded_aws.snapshots import Manifest, Snapshots


def recover(home: Path) -> dict[str, Any]:
    """Make objects and emails agree with the newest whole snapshot.

    After a clean stop, nothing has changed since that snapshot. Doing it again changes nothing.

    Parameters
    ----------
    home
        Directory of the shop's files.

    Returns
    -------
    dict
        ``manifest`` of the snapshot or ``None``, ``killed``, ``damaged`` (whether a newer snapshot
        was damaged), ``objects`` (how many files of objects were taken back) and ``emails`` (how
        many were moved to ``mail-after-snapshot``).
    """
    manifest, damaged = Snapshots(home).choose()
    killed = is_unclean(home)
    if manifest is None:
        # objects are written at once; without a saved state they belong to a killed shop
        shutil.rmtree(home / "s3", ignore_errors=True)
        shutil.rmtree(home / "s3-changes", ignore_errors=True)
        objects = 0
    else:
        objects = ObjectLog(home).undo(manifest["number"])
    emails = _move_emails(home, manifest) if killed else 0
    return {
        "manifest": manifest,
        "killed": killed,
        "damaged": damaged,
        "objects": objects,
        "emails": emails,
    }


def is_unclean(home: Path) -> bool:
    """Return whether the embedded AWS runs, or was killed."""
    return (home / "aws" / "unclean").exists()


def mark_unclean(home: Path, *, unclean: bool) -> None:
    """Note that the embedded AWS runs, or that it has saved everything and stops."""
    mark = home / "aws" / "unclean"
    if unclean:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    else:
        mark.unlink(missing_ok=True)


def _move_emails(home: Path, manifest: Manifest | None) -> int:
    """Move the emails that were sent after a snapshot; what is restored sends them again."""
    until = manifest.get("mails_until") if manifest else 0
    if until is None:
        return 0
    later = [mail for mail in (home / "mail").glob("*.eml") if int(mail.stem) > until]
    for mail in later:
        aside = home / "mail-after-snapshot"
        aside.mkdir(exist_ok=True)
        mail.rename(aside / mail.name)
    return len(later)
