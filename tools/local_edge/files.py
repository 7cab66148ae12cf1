"""Serves ``/files/…`` from the public bucket, read-only and immutable."""

import re

import aiohttp
from aiohttp import web
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from yarl import URL

from local_edge.distribution import file_headers
from local_edge.problems import problem
from local_edge.protocol import without_ignored

_PATH = re.compile(r"/files(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]+)+")
_CONDITIONS = (
    "Range",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
)
_DESCRIPTION = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Last-Modified",
)
_SIZE = ("Content-Range",)
_CACHING = {"Cache-Control": "public, max-age=31536000, immutable"}
_CHUNK = 64 * 1024
# the embedded AWS takes any key of the local account
_SIGNER = S3SigV4Auth(Credentials("000000000000", "local"), "s3", "us-east-1")


async def serve_file(
    request: web.Request, client: aiohttp.ClientSession, origin: str
) -> web.StreamResponse:
    """Answer GET and HEAD of a public file.

    Parameters
    ----------
    origin
        The public bucket's URL.
    """
    path = request.raw_path.partition("?")[0]
    if not _PATH.fullmatch(path):
        return problem(404)
    if request.method not in ("GET", "HEAD"):
        return problem(405, {"Allow": "GET, HEAD"})
    sent = without_ignored(request)
    conditions = {name: sent[name] for name in _CONDITIONS if name in sent}
    async with client.request(
        request.method,
        URL(origin + path, encoded=True),
        headers=signature(request.method, origin + path) | conditions,
        allow_redirects=False,
    ) as stored:
        if stored.status in (403, 404):
            return problem(404)
        if stored.status in (412, 416):
            size = {name: stored.headers[name] for name in _SIZE if name in stored.headers}
            return problem(stored.status, size)
        if stored.status not in (200, 206, 304):
            return problem(502)
        headers = {name: stored.headers[name] for name in _DESCRIPTION if name in stored.headers}
        answer = web.StreamResponse(
            status=stored.status, headers={**headers, **_CACHING, **file_headers()}
        )
        await answer.prepare(request)
        if request.method == "GET":
            async for chunk in stored.content.iter_chunked(_CHUNK):
                await answer.write(chunk)
        await answer.write_eof()
        return answer


def signature(method: str, url: str, body: bytes = b"") -> dict[str, str]:
    """Sign as CloudFront's origin access control does: the bucket refuses everyone else."""
    request = AWSRequest(method, url, data=body)
    _SIGNER.add_auth(request)
    return {str(name): str(value) for name, value in request.headers.items()}
