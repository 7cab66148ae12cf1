"""Serves the web page from a directory."""

import functools
import gzip
import hashlib
import os
import re
import tempfile
from pathlib import Path

from aiohttp import web

from local_edge.distribution import ROBOTS_CACHING, page_headers, robots, target
from local_edge.problems import problem
from local_edge.protocol import File

# the media types of the page's files; some differ between machines
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
_COMPRESSED = frozenset(TYPES) - {".png", ".webp", ".woff2"}
# a smaller file fits into one packet; CloudFront does not compress it either
_MIN_COMPRESSED = 1_000
_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?!;\s*q=0(?:\.0*)?\s*(?:,|$))(?:;|,|$)", re.IGNORECASE)


def serve_page(request: web.Request, directory: Path, uploads: str) -> web.StreamResponse:
    """Answer GET and HEAD of an address of the page, or of a file in its directory.

    Parameters
    ----------
    uploads
        The origin of presigned URLs.
    """
    path, root = request.raw_path.partition("?")[0], directory.resolve()
    status, found = target(path) or (200, path)
    file = _file_of(found, root) if status == 200 else None
    if request.method not in ("GET", "HEAD"):
        return problem(404) if file is None else problem(405, {"Allow": "GET, HEAD"})
    if status == 301:
        query = request.raw_path[len(path) :]
        return web.Response(status=301, headers={"Location": found + query})
    if file is None:
        return _not_found(request, root, uploads)
    headers = dict(page_headers(uploads))
    if file.suffix in TYPES:
        headers["Content-Type"] = TYPES[file.suffix]
    if file.suffix in _COMPRESSED:
        headers["Vary"] = "Accept-Encoding"
        if _accepts_gzip(request) and file.stat().st_size >= _MIN_COMPRESSED:
            return File(_compressed(file), headers={**headers, "Content-Encoding": "gzip"})
    return File(file, headers=headers)


def serve_rendered(
    request: web.Request, answer: web.Response, directory: Path, uploads: str
) -> web.StreamResponse:
    """Return the storefront's response for a product page, with the headers of the page.

    If the storefront does not run, serve the address like any other.

    Parameters
    ----------
    answer
        The storefront's response.
    uploads
        The origin of presigned URLs.
    """
    is_page = answer.status == 301 or answer.content_type == "text/html"
    if not is_page:
        return serve_page(request, directory, uploads)
    return described(request, answer, uploads)


def described(request: web.Request, answer: web.Response, uploads: str) -> web.Response:
    """Return the storefront's response with the headers of the page, compressed if it is large.

    Parameters
    ----------
    answer
        The storefront's response.
    uploads
        The origin of presigned URLs.
    """
    caching = answer.headers.get("Cache-Control", "")
    answer.headers.update(page_headers(uploads))
    if caching:
        answer.headers["Cache-Control"] = caching
    answer.headers["Vary"] = "Accept-Encoding"
    body = answer.body if isinstance(answer.body, bytes) else b""
    if _accepts_gzip(request) and len(body) >= _MIN_COMPRESSED:
        answer.body = gzip.compress(body, mtime=0)
        answer.headers["Content-Encoding"] = "gzip"
    return answer


def _not_found(request: web.Request, root: Path, uploads: str) -> web.Response:
    """Return the page with status 404."""
    index = _file_of("/index.html", root)
    if index is None:
        return problem(404)
    headers = {**page_headers(uploads), "Content-Type": TYPES[".html"], "Vary": "Accept-Encoding"}
    if _accepts_gzip(request):
        index, headers["Content-Encoding"] = _compressed(index), "gzip"
    return web.Response(status=404, body=index.read_bytes(), headers=headers)


def _file_of(path: str, root: Path) -> Path | None:
    """Return the file of a path, if there is one that may be served."""
    name = path.removeprefix("/")
    if not name or name.startswith("/") or name.endswith("/") or "//" in name:
        return None
    try:
        file = (root / name).resolve()
        hidden = any(part.startswith(".") for part in Path(name).parts)
        return file if not hidden and file.is_relative_to(root) and file.is_file() else None
    except (ValueError, OSError):
        # a null byte, or a name that is too long
        return None


def _accepts_gzip(request: web.Request) -> bool:
    return bool(_GZIP.search(",".join(request.headers.getall("Accept-Encoding", []))))


@functools.cache
def _copies() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="local-edge-")


def _compressed(file: Path) -> Path:
    """Return a compressed copy of a file; it is made once for each version of the file."""
    version = file.stat()
    key = f"{file} {version.st_mtime_ns} {version.st_size}"
    copy = Path(_copies().name, hashlib.sha256(key.encode()).hexdigest())
    if not copy.exists():
        copy.write_bytes(gzip.compress(file.read_bytes(), mtime=0))
        # it is a part of the ETag
        os.utime(copy, ns=(version.st_atime_ns, version.st_mtime_ns))
    return copy


def serve_robots(request: web.Request, uploads: str) -> web.StreamResponse:
    """Answer GET and HEAD of ``/robots.txt``.

    Parameters
    ----------
    uploads
        The origin of presigned URLs.
    """
    if request.method not in ("GET", "HEAD"):
        return problem(405, {"Allow": "GET, HEAD"})
    headers = {**page_headers(uploads), "Cache-Control": ROBOTS_CACHING}
    return web.Response(text=robots(str(request.url.origin())), headers=headers)


def serve_settings(request: web.Request, gateway: str, uploads: str) -> web.StreamResponse:
    """Answer GET and HEAD of the page's settings, in place of the file for a deployed page.

    Parameters
    ----------
    gateway
        The URL of the gateway simulator, on whose bank page customers confirm payments.
    uploads
        The origin of presigned URLs.
    """
    if request.method not in ("GET", "HEAD"):
        return problem(405, {"Allow": "GET, HEAD"})
    settings = {"bank_page": f"{gateway}/bank/", "stripe_publishable_key": ""}
    return web.json_response(settings, headers=page_headers(uploads))
