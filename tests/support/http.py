"""A small HTTP client that neither follows redirects nor raises for error statuses."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import Any, NamedTuple

from urllib3 import HTTPHeaderDict


@dataclass(frozen=True)
class Answer:
    """An HTTP response; header names are case-insensitive."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class WireAnswer(NamedTuple):
    """An HTTP response, as ``urllib3`` returns it."""

    status: int
    headers: HTTPHeaderDict
    data: bytes


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def http(
    method: str,
    url: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    seconds: float = 60,
) -> Answer:
    """Send a request; a body that is not bytes is sent as JSON. Redirects are not followed."""
    sent = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        sent.setdefault("Content-Type", "application/json")
    request = urllib.request.Request(url, body, sent, method=method)
    try:
        with _opener.open(request, timeout=seconds) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())
