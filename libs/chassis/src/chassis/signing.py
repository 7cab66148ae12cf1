"""AWS Signature Version 4: signs the headers of a request.

The key of a signature depends on the secret, day, region and service only, so it is derived once a
day and not once a request.
"""

import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, urlsplit

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
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    result = {**headers, "X-Amz-Date": now}
    if credentials.token:
        result["X-Amz-Security-Token"] = credentials.token
    included = {
        name: " ".join(value.split())
        for name, value in ((name.lower(), value) for name, value in result.items())
        if name not in _UNSIGNED
    }
    included["host"] = parts.netloc.lower().removesuffix(_DEFAULT_PORTS[parts.scheme])
    names = sorted(included)
    signed_names = ";".join(names)
    canonical = "\n".join(
        (
            method,
            # API Gateway decodes a path before it verifies the signature, hence encoded twice
            quote(parts.path or "/", safe="/~"),
            "&".join(map("=".join, sorted(pair.split("=", 1) for pair in _pairs(parts.query)))),
            *(f"{name}:{included[name]}" for name in names),
            "",
            signed_names,
            sha256(body).hexdigest(),
        )
    )
    day = now[:8]
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"{_ALGORITHM}\n{now}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = _key(credentials.secret_key, day, region, service)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    result["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
        f"SignedHeaders={signed_names}, Signature={signature}"
    )
    return result


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
