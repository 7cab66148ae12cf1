"""Serves ``/files/…`` from the public bucket: read only, never changing."""

import re

import aiohttp
from aiohttp import web
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from yarl import URL

from local_edge.problems import problem
from shopctl.aws.clients import LOCAL_ACCOUNT, LOCAL_REGION

_PATH = re.compile(r"/files(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]+)+")
_CONDITIONS = ("Range", "If-Range", "If-None-Match", "If-Modified-Since")
_DESCRIPTION = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Last-Modified",
)
POLICY = {
    "Cache-Control": "public, max-age=31536000, immutable",
    # a file that was opened by its address can load and run nothing
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_CHUNK = 64 * 1024
_SIGNER = S3SigV4Auth(Credentials(LOCAL_ACCOUNT, "local"), "s3", LOCAL_REGION)


async def serve_file(
    request: web.Request, client: aiohttp.ClientSession, origin: str
) -> web.StreamResponse:
    """Answer GET and HEAD of a public file."""
    if request.method not in ("GET", "HEAD"):
        return problem(405, {"Allow": "GET, HEAD"})
    path = request.raw_path.partition("?")[0]
    if not _PATH.fullmatch(path):
        return problem(404)
    conditions = {name: request.headers[name] for name in _CONDITIONS if name in request.headers}
    async with client.request(
        request.method,
        URL(origin + path, encoded=True),
        headers=_signature(request.method, origin + path) | conditions,
        allow_redirects=False,
    ) as stored:
        if stored.status in (403, 404):
            return problem(404)
        if stored.status not in (200, 206, 304, 412, 416):
            return problem(502)
        headers = {name: stored.headers[name] for name in _DESCRIPTION if name in stored.headers}
        answer = web.StreamResponse(status=stored.status, headers={**headers, **POLICY})
        await answer.prepare(request)
        if request.method == "GET":
            async for chunk in stored.content.iter_chunked(_CHUNK):
                await answer.write(chunk)
        await answer.write_eof()
        return answer


def _signature(method: str, url: str) -> dict[str, str]:
    """Sign as CloudFront's origin access control does: the bucket is open to nobody else."""
    request = AWSRequest(method, url)
    _SIGNER.add_auth(request)
    return {str(name): str(value) for name, value in request.headers.items()}
