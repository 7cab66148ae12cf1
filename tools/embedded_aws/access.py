"""Refuses unsigned S3 requests, as AWS does, and requests of web pages in the developer's browser.

Any page can send requests to loopback, and the keys of the local account are published. So a page
may only do what the CORS configuration of a bucket grants, and only if it is the shop's page.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ministack import app as ministack_app
from ministack.core import iam_evaluator, responses, sigv4
from ministack.core.router import detect_service
from ministack.services import s3

_ALGORITHM = "AWS4-HMAC-SHA256"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# the app behind an API, not the emulator, chooses the headers
_API_PATH = "/restapis/"
_LONGEST_LINK = timedelta(days=7)
_CLOCK_SKEW = timedelta(minutes=15)
# the names of headers are in lower case in ASGI
_DECIDING = (b"host", b"origin", b"sec-fetch-site")


def install() -> None:
    """Patch S3 so that it verifies every signature and refuses anonymous requests."""
    s3.handle_request = _verifying(s3.handle_request)


def with_browser_rules(app: Any, page_port: int | None) -> Any:
    """Wrap the ASGI application so that it refuses web pages, except the shop's page at S3.

    A request is refused if its ``Host`` is no loopback name (DNS rebinding), or if a web page sent
    it and no bucket's CORS configuration grants it.

    Parameters
    ----------
    page_port
        Port of the edge, which serves the shop's page; ``None`` accepts every origin that the
        bucket's configuration grants.
    """
    pages = None if page_port is None else {f"http://127.0.0.1:{page_port}"}

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
            return
        headers = _decoded(header for header in scope["headers"] if header[0] in _DECIDING)
        cors: dict[str, str] | None = {}
        if _is_from_page(headers):
            cors = _cors_headers(scope, _decoded(scope["headers"]), pages)
        if cors is None or not _is_loopback(headers.get("host", "")):
            await _refuse(scope, send)
            return

        async def send_without_cors(message: Any) -> None:
            if message["type"] == "http.response.start" and not scope["path"].startswith(_API_PATH):
                kept = [
                    (name, value)
                    for name, value in message.get("headers", [])
                    if not name.lower().startswith(b"access-control-")
                ]
                granted = [(name.lower().encode(), value.encode()) for name, value in cors.items()]
                message = {**message, "headers": kept + granted}
            await send(message)

        if scope.get("method") == "OPTIONS" and cors:
            start = {"type": "http.response.start", "status": 200, "headers": []}
            await send_without_cors(start)
            await send({"type": "http.response.body", "body": b""})
            return
        await app(scope, receive, send_without_cors)

    return wrapped


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name in _LOOPBACK or name.endswith(".localhost")


def _is_from_page(headers: dict[str, str]) -> bool:
    """Return whether a web page sent the request; an address that a person types is "none"."""
    return "origin" in headers or headers.get("sec-fetch-site", "none") != "none"


def _cors_headers(
    scope: Any, headers: dict[str, str], pages: set[str] | None
) -> dict[str, str] | None:
    """Return the CORS headers that a bucket grants a page's request; ``None`` refuses it."""
    method, path = scope.get("method", ""), scope["path"]
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    target = ministack_app._s3_cors_target(headers.get("host", ""), path)
    if target is None or detect_service(method, path, headers, query) != "s3":
        return None
    if "origin" not in headers:
        # a link, such as to a receipt: the page cannot read the answer
        return {} if method in ("GET", "HEAD") and "X-Amz-Signature" in query else None
    if pages is not None and headers["origin"] not in pages:
        return None
    if method == "OPTIONS":
        status, granted, _ = s3.cors_preflight(*target, headers)
        return dict(granted) if status == 200 else None
    return s3.cors_response_headers(target[0], method, headers) or None


async def _refuse(scope: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    message = "The embedded AWS accepts no requests of web pages, and loopback names only."
    body = json.dumps({"__type": "AccessDeniedException", "message": message}).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _verifying(handle: Any) -> Any:
    async def handle_if_allowed(
        method: str, path: str, headers: Any, body: bytes, query_params: Any, **options: Any
    ) -> Any:
        if not options.get("internal"):
            signed_path = options.get("signed_path") or path
            problem = _problem(method, path, signed_path, headers, body, query_params)
            if problem:
                return s3._error(*problem, 403, path)
        return await handle(method, path, headers, body, query_params, **options)

    return handle_if_allowed


def _problem(
    method: str, path: str, signed_path: str, headers: Any, body: bytes, query: Any
) -> tuple[str, str] | None:
    """Return the code and message of a refusal: no, a wrong or an expired signature."""
    bucket, key = s3._parse_bucket_key(path, headers)
    if "X-Amz-Signature" in query:
        # ministack verifies the signature, but accepts links without an end
        return _link_problem({name: values[0] for name, values in query.items()})
    if headers.get("authorization", "").startswith(f"{_ALGORITHM} "):
        return _header_problem(method, signed_path, headers, body, query)
    if method == "POST" and not key and (fields := _form(headers, body)).get("x-amz-signature"):
        return _form_problem(fields)
    owner = s3._bucket_owner_account(bucket) if bucket else None
    if owner and s3._foreign_bucket_allows(owner, bucket, key, method, query, "", headers):
        return None
    return "AccessDenied", "Access Denied"


def _link_problem(query: dict[str, str]) -> tuple[str, str] | None:
    signed_at = sigv4._amz_datetime(query.get("X-Amz-Date", ""))
    seconds = query.get("X-Amz-Expires", "")
    if not query["X-Amz-Signature"]:
        # ministack takes it for an anonymous request, which it serves
        return "AccessDenied", "Access Denied"
    if query.get("X-Amz-Algorithm") != _ALGORITHM or not signed_at or not seconds.isdecimal():
        return "AuthorizationQueryParametersError", "A parameter of the signature is invalid."
    if int(seconds) > _LONGEST_LINK.total_seconds():
        return "AuthorizationQueryParametersError", "X-Amz-Expires must be less than a week."
    if signed_at > datetime.now(UTC) + _CLOCK_SKEW:
        return "AccessDenied", "Request is not yet valid"
    return None


def _header_problem(
    method: str, path: str, headers: Any, body: bytes, query: Any
) -> tuple[str, str] | None:
    signature = sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple):
        return signature
    secret = _secret(signature.access_key_id, headers.get("x-amz-security-token", ""))
    if secret is None:
        return (
            "InvalidAccessKeyId",
            "The AWS Access Key Id does not exist, or its token is invalid.",
        )
    encoded = sigv4.uri_encode(path, encode_slash=False)
    problem: tuple[str, str] | None = sigv4.request_time_failure(
        signature
    ) or sigv4.header_signature_failure(signature, secret, method, encoded, query, headers, body)
    return problem


def _form(headers: Any, body: bytes) -> dict[str, str]:
    """Return the fields of a form that uploads an object (POST policy)."""
    parts = s3._parse_multipart_form(headers.get("content-type", ""), body)
    return {name.lower(): value.decode("utf-8", "replace") for name, _, _, value in parts}


def _form_problem(fields: dict[str, str]) -> tuple[str, str] | None:
    # ministack verifies the policy, its expiration too
    scope = fields.get("x-amz-credential", "").split("/")
    if len(scope) == 5:
        secret = _secret(scope[0], fields.get("x-amz-security-token", ""))
        policy = fields.get("policy", "")
        if secret is not None and sigv4.signatures_match(
            sigv4.calculate_signature(secret, scope[1], scope[2], "s3", policy),
            fields["x-amz-signature"],
        ):
            return None
    return "SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH


def _secret(access_key: str, token: str) -> str | None:
    """Return the secret of an access key, or ``None`` if the key or its session token is wrong."""
    # a form does not determine the request's account
    account = access_key if access_key.isdecimal() else responses.get_account_id()
    found = iam_evaluator.resolve_credential(access_key, account, token)
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        return None
    return str(found.secret_access_key)
