"""AWS Signature Version 4: signs the headers of a request, or a URL.

The key of a signature depends on the secret, day, region and service only, so it is derived once a
day and not once a request.
"""

import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from chassis.credentials import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = frozenset({"expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"})
"""Headers that may change on the way."""
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def signed(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    service: str,
    region: str,
    credentials: Credentials,
) -> dict[str, str]:
    """Return the headers of a request with its signature.

    Parameters
    ----------
    url
        The URL, percent-encoded.
    service
        The name of the service in signatures: ``dynamodb``, ``execute-api``, …
    """
    parts = urlsplit(url)
    now = _now()
    result = {**headers, "X-Amz-Date": now}
    if credentials.token:
        result["X-Amz-Security-Token"] = credentials.token
    digest = sha256(body).hexdigest()
    if service == "s3":
        result["X-Amz-Content-SHA256"] = digest
    included = {
        name: " ".join(value.split())
        for name, value in ((name.lower(), value) for name, value in result.items())
        if name not in _UNSIGNED
    }
    included["host"] = _host(parts)
    scope = _Scope(now[:8], region, service)
    signature = _signature(method, parts, included, digest, now, scope, credentials)
    result["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope.text}, "
        f"SignedHeaders={';'.join(sorted(included))}, Signature={signature}"
    )
    return result


def presigned(
    url: str, *, seconds: int, service: str, region: str, credentials: Credentials
) -> str:
    """Return a URL with which anyone may send a GET request for a while.

    Parameters
    ----------
    url
        The URL, percent-encoded.
    seconds
        How long the URL is valid, unless the credentials expire earlier.
    service
        The name of the service in signatures.
    """
    now = _now()
    scope = _Scope(now[:8], region, service)
    parameters = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope.text}",
        "X-Amz-Date": now,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.token:
        parameters["X-Amz-Security-Token"] = credentials.token
    url += ("&" if "?" in url else "?") + urlencode(parameters, quote_via=quote)
    parts = urlsplit(url)
    signature = _signature(
        "GET", parts, {"host": _host(parts)}, "UNSIGNED-PAYLOAD", now, scope, credentials
    )
    return f"{url}&X-Amz-Signature={signature}"


class _Scope(NamedTuple):
    """What a derived key may sign."""

    day: str
    region: str
    service: str

    @property
    def text(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


def _now() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def _host(parts: SplitResult) -> str:
    return parts.netloc.lower().removesuffix(_DEFAULT_PORTS[parts.scheme])


def _signature(
    method: str,
    parts: SplitResult,
    headers: Mapping[str, str],
    digest: str,
    now: str,
    scope: _Scope,
    credentials: Credentials,
) -> str:
    path = parts.path or "/"
    names = sorted(headers)
    canonical = "\n".join(
        (
            method,
            # API Gateway decodes a path before it verifies the signature, hence encoded twice
            path if scope.service == "s3" else quote(path, safe="/~"),
            "&".join(map("=".join, sorted(pair.split("=", 1) for pair in _pairs(parts.query)))),
            *(f"{name}:{headers[name]}" for name in names),
            "",
            ";".join(names),
            digest,
        )
    )
    text = f"{_ALGORITHM}\n{now}\n{scope.text}\n{sha256(canonical.encode()).hexdigest()}"
    key = _key(credentials.secret_key, *scope)
    return hmac.digest(key, text.encode(), "sha256").hex()


def forget_keys() -> None:
    """Forget the derived keys, which are as secret as the credentials that they come from."""
    _key.cache_clear()


def _pairs(query: str) -> list[str]:
    return query.split("&") if query else []


@lru_cache(maxsize=32)
def _key(secret_key: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
