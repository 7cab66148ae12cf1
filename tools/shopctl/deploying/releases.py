"""The releases of each service, kept beside the packages so that one can be taken back.

``releases/<service>/<number>-<digest>.json`` in the stage's bucket holds the template, its
parameters and the key of the code. The last one is what is deployed, or, after a command that
was interrupted, what was deployed before.
"""

from collections.abc import Mapping, Sequence

import msgspec

from shopctl.aws import artifact_bucket
from shopctl.aws.clients import Cloud
from shopctl.project.services import Service

# on AWS all are kept
_KEPT_LOCALLY = 2


class Release(msgspec.Struct, frozen=True):
    """A release as it was deployed.

    Attributes
    ----------
    body, parameters
        The template as JSON, and values of what it declares.
    code
        Key of the package in the stage's bucket.
    key
        Where the release itself is kept.
    """

    body: str
    parameters: Sequence[Mapping[str, str]]
    code: str
    key: str = ""


def note(cloud: Cloud, bucket: str, service: Service, digest: str, release: Release) -> None:
    """Keep a release that has been deployed, unless it is the last one kept."""
    kept = _keys(cloud, bucket, service)
    if not kept or _digest(kept[-1]) != digest:
        number = int(kept[-1].rpartition("/")[2].partition("-")[0]) + 1 if kept else 1
        key = f"{_prefix(service)}{number:06}-{digest}.json"
        artifact_bucket.upload(cloud, bucket, key, msgspec.json.encode(release))
        kept.append(key)
    if cloud.is_local:
        _forget(cloud, bucket, service, kept)


def before(cloud: Cloud, bucket: str, service: Service, present: str | None) -> Release | None:
    """Return the release before the one that is deployed; None if there is none.

    Parameters
    ----------
    present
        Digest of what is deployed; None is the last one kept.
    """
    kept = _keys(cloud, bucket, service)
    if kept and present in (None, _digest(kept[-1])):
        kept.pop()
    content = artifact_bucket.read(cloud, bucket, kept[-1]) if kept else None
    if content is None:
        return None
    found = msgspec.json.decode(content, type=Release)
    return msgspec.structs.replace(found, key=kept[-1])


def withdraw(cloud: Cloud, bucket: str, service: Service, last: Release) -> None:
    """Forget the releases after one, which becomes the last."""
    for key in _keys(cloud, bucket, service):
        if key > last.key:
            artifact_bucket.delete(cloud, bucket, key)


def _forget(cloud: Cloud, bucket: str, service: Service, kept: Sequence[str]) -> None:
    """Keep the present and the previous release and their code, for a laptop's disk."""
    codes = set()
    for key in kept[-_KEPT_LOCALLY:]:
        content = artifact_bucket.read(cloud, bucket, key)
        if content is not None:
            codes.add(msgspec.json.decode(content, type=Release).code)
    old = {*kept[:-_KEPT_LOCALLY]}
    old |= {*artifact_bucket.keys(cloud, bucket, f"{service.name}/")} - codes
    for key in sorted(old):
        artifact_bucket.delete(cloud, bucket, key)


def _keys(cloud: Cloud, bucket: str, service: Service) -> list[str]:
    return artifact_bucket.keys(cloud, bucket, _prefix(service))


def _prefix(service: Service) -> str:
    return f"releases/{service.name}/"


def _digest(key: str) -> str:
    return key.rpartition("-")[2].removesuffix(".json")
