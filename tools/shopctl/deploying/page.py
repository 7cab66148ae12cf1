"""Publishes the web page in the web bucket of a stage's edge.

Caches revalidate documents before each use. The files that documents load are under a path of the
release, so they may be cached forever, and a page that is open during a deployment keeps loading
the files of its own release. Uploading ``index.html``, the last file, switches to the new release.
"""

import functools
import gzip
import hashlib
import json
import posixpath
import re
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from shopctl.aws import artifact_bucket, cloudformation, ssm_parameters
from shopctl.aws.cloudformation import Outcome
from shopctl.aws.target import PAGE, Target
from shopctl.deploying import releases
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.stages import Stage

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""The media types of the page's files, as the local edge sends them."""
SETTINGS = "settings.json"
# the parameter that names the storefront's bucket for the document, and the document's key
_STOREFRONT = "storefront-api/page-bucket"
_DOCUMENT = "page/index.html"
_INDEX = "index.html"
# the same document; the distribution serves it with its status for addresses that do not exist
_NOT_FOUND = "not-found.html"
_ASSETS = "assets/"
_DOCUMENTS = (".html", ".json", ".webmanifest")
_TEXTS = (".css", ".js", ".svg")
_CHECKED, _FOREVER = "no-cache", "public, max-age=31536000, immutable"
_FOR_DEVELOPERS = (".d.ts", ".md", ".toml", "LICENSE", "tsconfig.json")
_REFERENCE = re.compile(r'\b(?:href|src)="([^"]+)"')
# in scripts and styles; relative references remain valid, because all files move together
_ABSOLUTE = re.compile(r'"(/[\w./-]+)"')
# characters of the digest in paths
_ID_LENGTH = 16
# a smaller file fits into one packet
_MIN_COMPRESSED = 1_000


@dataclass(frozen=True)
class Object:
    """An object of the web bucket; if `compressed` is set, its body is stored as gzip.

    The distribution responds with `status` instead of 200.
    """

    key: str
    body: bytes
    content_type: str
    cache_control: str
    compressed: bool = False
    status: int = 200

    @property
    def stored(self) -> bytes:
        """The body as it is stored; the same body always gives the same bytes."""
        return gzip.compress(self.body, mtime=0) if self.compressed else self.body


@dataclass(frozen=True)
class Page:
    """One release of the web page.

    Attributes
    ----------
    files
        The files of `web/` by name, with the settings of the stage.
    """

    files: Mapping[str, bytes]

    @cached_property
    def digest(self) -> str:
        """Hash of everything that is published."""
        content = [
            (
                one.key,
                one.content_type,
                one.cache_control,
                one.compressed,
                one.status,
                hashlib.sha256(one.body).hexdigest(),
            )
            for one in self._objects("")
        ]
        return hashlib.sha256(repr(content).encode()).hexdigest()

    @property
    def objects(self) -> list[Object]:
        """The objects to upload; `index.html`, which refers to the others, is the last."""
        found = self._objects(directory(self.digest))
        return sorted(found, key=lambda one: (one.key == _INDEX, one.key))

    def _objects(self, path: str) -> Iterator[Object]:
        for name in sorted(self.files):
            body, suffix = self.files[name], posixpath.splitext(name)[1]
            moved = functools.partial(self._moved, path, posixpath.dirname(name))
            if suffix not in _DOCUMENTS:
                compressed = suffix in _TEXTS and len(body) >= _MIN_COMPRESSED
                if suffix in _TEXTS:
                    body = _ABSOLUTE.sub(moved, body.decode()).encode()
                yield Object(f"{path}{name}", body, TYPES[suffix], _FOREVER, compressed)
                continue
            if suffix == ".html":
                body = _REFERENCE.sub(moved, body.decode()).encode()
            yield Object(name, body, TYPES[suffix], _CHECKED)
            if name == _INDEX:
                yield Object(_NOT_FOUND, body, TYPES[suffix], _CHECKED, status=404)

    def _moved(self, path: str, base: str, found: re.Match[str]) -> str:
        """Return a reference to a file, from one in the directory `base`, as published."""
        name = posixpath.normpath(posixpath.join("/", base, found[1]))[1:]
        moved = name in self.files and posixpath.splitext(name)[1] not in _DOCUMENTS
        return found[0].replace(f'"{found[1]}"', f'"/{path}{name}"') if moved else found[0]


@dataclass(frozen=True)
class _Place:
    """The bucket and the distribution of a stage's edge."""

    storage: Any
    bucket: str
    distribution: str
    storefront: str
    """The bucket from which the storefront reads the document; empty if it has none yet."""

    def present(self) -> str:
        """Return the digest of the release that is published; empty if there is none."""
        return self._release_of(self.bucket, _INDEX)

    def rendered(self) -> str:
        """Return the digest of the release that the storefront has; empty if there is none."""
        return self._release_of(self.storefront, _DOCUMENT) if self.storefront else ""

    def _release_of(self, bucket: str, key: str) -> str:
        try:
            found = self.storage.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return ""
            raise
        return str(found["Metadata"].get("release", ""))

    def hashes(self) -> dict[str, str]:
        """Return the MD5 hash of each object, which S3 uses as its ETag, by key."""
        pages = self.storage.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {
            item["Key"]: item["ETag"].strip('"')
            for page in pages
            for item in page.get("Contents", [])
        }

    def has(self, wanted: Object) -> bool:
        """Return whether the stored object has the same content once decompressed."""
        found = self.storage.get_object(Bucket=self.bucket, Key=wanted.key)
        try:
            return gzip.decompress(found["Body"].read()) == wanted.body
        except (OSError, EOFError, zlib.error):
            return False


def directory(digest: str) -> str:
    """Return the prefix of the keys of the files that a release's documents load."""
    return f"{_ASSETS}{digest[:_ID_LENGTH]}/"


def read(layout: Layout, stage: Stage) -> Page:
    """Return the page as it would be published.

    Raises
    ------
    ShopProblem
        If it has a file whose media type is unknown.
    """
    root = layout.root / "web"
    found = {path.relative_to(root): path for path in root.rglob("*") if path.is_file()}
    named = {
        name.as_posix(): path
        for name, path in found.items()
        # like the local edge, which does not serve hidden files
        if not any(part.startswith(".") for part in name.parts)
        and not name.name.endswith(_FOR_DEVELOPERS)
    }
    if unknown := sorted(name for name, path in named.items() if path.suffix not in TYPES):
        raise ShopProblem(
            f"web/{unknown[0]} cannot be published: its media type is unknown.",
            "Add it to TYPES in tools/shopctl/deploying/page.py, or move the file.",
        )
    files = {name: path.read_bytes() for name, path in named.items()}
    settings = json.loads(files[SETTINGS])
    settings["stripe_publishable_key"] = stage.stripe_publishable_key
    if stage.gateway:
        settings["bank_page"] = f"{stage.gateway}/bank/"
    return Page({**files, SETTINGS: json.dumps(settings).encode()})


def publish(to: Target, report: Callable[[str], None], *, required: bool = False) -> None:
    """Publish the page of the checkout, unless it is published already.

    Parameters
    ----------
    required
        Refuse a stage without an edge, instead of reporting that it has none.

    Raises
    ------
    ShopProblem
        If a file cannot be published, or there is no edge and it is required.
    """
    page, place = read(to.layout, to.stage), _place(to)
    if place is None and required:
        raise _no_edge(to)
    if place is None:
        # a local edge serves the page of a shop on the embedded AWS
        if not to.cloud.is_local:
            report(f"{PAGE} not published: the stage {to.stage.name} has no edge yet")
        return
    report(f"{PAGE} {_publish(to, place, page)}")
    if not to.stage.gateway and not to.stage.stripe_publishable_key:
        report(
            "Without stripe_publishable_key, the page offers test cards instead of a card form, "
            "and customers cannot confirm payments with their banks."
        )


def roll_back(to: Target, report: Callable[[str], None]) -> None:
    """Publish the release before the current one again.

    Raises
    ------
    ShopProblem
        Before any change, if there is no previous release, or its files are gone.
    """
    place = _place(to)
    if place is None:
        raise _no_edge(to)
    bucket = artifact_bucket.of(to.cloud)
    previous = releases.before(to.cloud, bucket, PAGE, place.present())
    if previous is None:
        raise ShopProblem(
            f"The web page has no release before the current one on the stage {to.stage.name}.",
            "Fix the page and deploy it again.",
        )
    files = artifact_bucket.read(to.cloud, bucket, previous.code)
    if files is None:
        raise ShopProblem(
            "The previous release of the web page is gone: "
            f"there is no {previous.code} in {bucket}.",
            "Check out its previous version and deploy it.",
        )
    # first, so that a later run does not return to the release that is rolled back
    releases.delete_after(to.cloud, bucket, PAGE, previous)
    _publish(to, place, Page(msgspec.json.decode(files, type=dict[str, bytes])))
    report(f"{PAGE} rolled back")


def published(to: Target) -> Page | None:
    """Return the published page; None if there is none, or its files are gone.

    Raises
    ------
    ShopProblem
        If the stage has no edge.
    """
    place = _place(to)
    if place is None:
        raise _no_edge(to)
    key = _archive(place.present())
    files = artifact_bucket.read(to.cloud, artifact_bucket.of(to.cloud), key)
    return Page(msgspec.json.decode(files, type=dict[str, bytes])) if files else None


def live(to: Target) -> tuple[dict[str, str], dict[str, str]]:
    """Return the hashes of the objects of the published release, as recorded and as they are.

    Objects of older releases are left out.

    Raises
    ------
    ShopProblem
        If the stage has no edge.
    """
    place, page = _place(to), published(to) or read(to.layout, to.stage)
    actual = place.hashes() if place else {}
    expected = {
        one.key: hashlib.md5(one.stored, usedforsecurity=False).hexdigest() for one in page.objects
    }
    for one in page.objects:
        differs = one.key in actual and actual[one.key] != expected[one.key]
        if place and differs and one.compressed and place.has(one):
            actual[one.key] = expected[one.key]
    present = {
        key: value
        for key, value in actual.items()
        if key in expected or not key.startswith(_ASSETS)
    }
    return expected, present


def has_edge(to: Target) -> bool:
    """Return whether the stage has a web bucket and a distribution to publish the page with."""
    return _place(to) is not None


def _publish(to: Target, place: _Place, page: Page) -> Outcome:
    bucket = artifact_bucket.ensure(to.cloud)
    present, recorded = place.present(), releases.last(to.cloud, bucket, PAGE)
    if page.digest == present == recorded == (place.rendered() if place.storefront else present):
        return "unchanged"
    before = set(place.hashes())
    archive = _archive(page.digest)
    artifact_bucket.upload(to.cloud, bucket, archive, msgspec.json.encode(dict(page.files)))
    for one in page.objects:
        copies = [(place.bucket, one.key)]
        if one.key == _INDEX and place.storefront:
            copies.insert(0, (place.storefront, _DOCUMENT))
        for bucket_name, key in copies:
            place.storage.put_object(
                Bucket=bucket_name,
                Key=key,
                Body=one.stored,
                ContentType=one.content_type,
                CacheControl=one.cache_control,
                **({"ContentEncoding": "gzip"} if one.compressed else {}),
                Metadata={"release": page.digest}
                | ({"status": str(one.status)} if one.status != 200 else {}),
            )
    _invalidate(to, place, before | {one.key for one in page.objects})
    # last: an interrupted command may not have invalidated anything, so it is repeated as a whole
    releases.record(to.cloud, bucket, PAGE, page.digest, releases.Release(archive))
    kept = tuple(directory(digest) for digest in (present, recorded) if digest)
    for key in sorted(before - {one.key for one in page.objects}):
        if not key.startswith(kept):
            place.storage.delete_object(Bucket=place.bucket, Key=key)
    return "updated" if present else "created"


def _invalidate(to: Target, place: _Place, keys: set[str]) -> None:
    """Make the distribution read the documents again; the other files never change."""
    documents = sorted(f"/{key}" for key in keys if not key.startswith(_ASSETS))
    # product pages contain the document
    paths = ["/", "/toys/*", *documents]
    to.cloud.client("cloudfront").create_invalidation(
        DistributionId=place.distribution,
        InvalidationBatch={
            "Paths": {"Quantity": len(paths), "Items": paths},
            "CallerReference": str(uuid.uuid4()),
        },
    )


def _place(to: Target) -> _Place | None:
    found = cloudformation.physical_ids(to.cloud, aws_names.resource(to.stage.name, "edge"))
    if not found.get("Web") or not found.get("Distribution"):
        return None
    storefront = ssm_parameters.read(to.cloud).get(_STOREFRONT, "")
    return _Place(to.cloud.client("s3"), found["Web"], found["Distribution"], storefront)


def _archive(digest: str) -> str:
    return f"{PAGE}/{digest}.json"


def _no_edge(to: Target) -> ShopProblem:
    return ShopProblem(
        f"The stage {to.stage.name} has no edge yet to serve the web page.",
        f"Deploy it with ./shop deploy --stage {to.stage.name} --infra edge.",
    )
