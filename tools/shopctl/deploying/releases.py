"""The record of the releases of each service and of the web page, for `./shop rollback`.

``releases/<name>/<number>-<digest>.json`` in the stage's bucket holds the template, its
parameters and the key of the code; for the web page, only the key of its files. The last one is
what is deployed, or, after a command that was interrupted, what was deployed before.
"""

from collections.abc import Mapping, Sequence

import msgspec

from shopctl.aws import artifact_bucket
from shopctl.aws.clients import Cloud

# on AWS all are kept
_KEPT_LOCALLY = 2


class Release(msgspec.Struct, frozen=True):
    """A release as it was deployed.

    Attributes
    ----------
    body, parameters
        The template as JSON, with its dynamic references, and values of the parameters that it
        declares.
    code
        Key of the code in the stage's bucket.
    key
        Key of this record in the stage's bucket.
    """

    code: str
    body: str = ""
    parameters: Sequence[Mapping[str, str]] = ()
    key: str = ""


def record(cloud: Cloud, bucket: str, name: str, digest: str, release: Release) -> None:
    """Record a release that has been deployed, unless it is the last one recorded.

    Parameters
    ----------
    digest
        Digest of the release.
    """
    recorded = _keys(cloud, bucket, name)
    if not recorded or _digest(recorded[-1]) != digest:
        number = int(recorded[-1].rpartition("/")[2].partition("-")[0]) + 1 if recorded else 1
        key = f"{_prefix(name)}{number:06}-{digest}.json"
        artifact_bucket.upload(cloud, bucket, key, msgspec.json.encode(release))
        recorded.append(key)
    if cloud.is_local:
        _delete_old(cloud, bucket, name, recorded)


def last(cloud: Cloud, bucket: str, name: str) -> str:
    """Return the digest of the last release recorded; empty if there is none."""
    recorded = _keys(cloud, bucket, name)
    return _digest(recorded[-1]) if recorded else ""


def before(cloud: Cloud, bucket: str, name: str, present: str | None) -> Release | None:
    """Return the release before the deployed one; None if there is none.

    Parameters
    ----------
    present
        Digest of the deployed release; None for the last release recorded.
    """
    recorded = _keys(cloud, bucket, name)
    if recorded and present in (None, _digest(recorded[-1])):
        recorded.pop()
    content = artifact_bucket.read(cloud, bucket, recorded[-1]) if recorded else None
    if content is None:
        return None
    found = msgspec.json.decode(content, type=Release)
    return msgspec.structs.replace(found, key=recorded[-1])


def delete_after(cloud: Cloud, bucket: str, name: str, last: Release) -> None:
    """Delete the records of the releases after one, which becomes the last."""
    for key in _keys(cloud, bucket, name):
        if key > last.key:
            artifact_bucket.delete(cloud, bucket, key)


def _delete_old(cloud: Cloud, bucket: str, name: str, recorded: Sequence[str]) -> None:
    """Keep only the last releases and their code, to save a laptop's disk."""
    codes = set()
    for key in recorded[-_KEPT_LOCALLY:]:
        content = artifact_bucket.read(cloud, bucket, key)
        if content is not None:
            codes.add(msgspec.json.decode(content, type=Release).code)
    old = {*recorded[:-_KEPT_LOCALLY]}
    old |= {*artifact_bucket.keys(cloud, bucket, f"{name}/")} - codes
    for key in sorted(old):
        artifact_bucket.delete(cloud, bucket, key)


def _keys(cloud: Cloud, bucket: str, name: str) -> list[str]:
    return artifact_bucket.keys(cloud, bucket, _prefix(name))


def _prefix(name: str) -> str:
    return f"releases/{name}/"


def _digest(key: str) -> str:
    return key.rpartition("-")[2].removesuffix(".json")
