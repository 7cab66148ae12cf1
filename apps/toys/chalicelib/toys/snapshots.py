"""Snapshots of the search index, one object per format in the service's own bucket.

S3 replaces an object atomically, so a reader gets a whole snapshot, the old or the new one.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from chassis import clock, log
from chassis.clock import Clock

LONGEST_AGE = timedelta(hours=24)
"""Age from which on a snapshot is not read.

That is how long the table's stream keeps a write that bypassed the change log. If such writes were
made for longer, because the service was rolled back, the snapshot lacks some of them for good.
"""
_SEQUENCE = "sequence"


class Saved(NamedTuple):
    """What is known of a snapshot without reading it: the last change in it, and its time."""

    sequence: int
    at: datetime


class Snapshots:
    """Reads and writes the snapshot in one format.

    Parameters
    ----------
    s3
        Returns a client of S3; called when a snapshot is first needed.
    bucket
        The bucket.
    format
        The format that this release reads and writes; another release may use another one.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self, s3: Callable[[], Any], bucket: str, format: int, now: Clock = clock.now
    ) -> None:
        self._now = now
        self._s3 = s3
        self._bucket = bucket
        self._key = f"snapshots/{format}"

    def read(self) -> bytes | None:
        """Return the snapshot, or ``None`` if there is none, it is too old, or S3 fails."""
        try:
            answer = self._s3().get_object(Bucket=self._bucket, Key=self._key)
            if self._now() - answer["LastModified"] >= LONGEST_AGE:
                log.error("snapshot too old", key=self._key)
                return None
            snapshot: bytes = answer["Body"].read()
        except (ClientError, BotoCoreError) as error:
            log.warning("snapshot not read", key=self._key, reason=str(error))
            return None
        return snapshot

    def saved(self) -> Saved | None:
        """Return what is known of the snapshot, or ``None`` if there is none.

        Raises
        ------
        ClientError
            If S3 fails.
        """
        try:
            found = self._s3().head_object(Bucket=self._bucket, Key=self._key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return None
            raise
        return Saved(int(found["Metadata"].get(_SEQUENCE, 0)), found["LastModified"])

    def write(self, snapshot: bytes, sequence: int) -> None:
        """Replace the snapshot.

        Parameters
        ----------
        sequence
            The number of the last change in it.

        Raises
        ------
        ClientError
            If S3 fails.
        """
        self._s3().put_object(
            Bucket=self._bucket,
            Key=self._key,
            Body=snapshot,
            ContentType="application/octet-stream",
            Metadata={_SEQUENCE: str(sequence)},
        )
