"""Sends calls: retries, access tokens, and exceptions for error responses."""

import platform
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from toyshop_client import _operations as operations
from toyshop_client._call import Call
from toyshop_client._io import IO
from toyshop_client._version import __version__
from toyshop_client.errors import (
    ConnectionFailed,
    StorageFailed,
    TimedOut,
    Unauthorized,
    UnexpectedAnswer,
    problem_error,
)
from toyshop_client.models import NewSession, Session, ShopOrder, Toy, Upload
from toyshop_client.retries import Retries

T = TypeVar("T")

USER_AGENT = f"toyshop-client/{__version__} python/{platform.python_version()}"
BASE = "/api"
_TRANSIENT = {429, 500, 502, 503, 504}
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_JSON = msgspec.json.Encoder()


class _SignIn:
    """The session of a sign-in; a refresh replaces it, and ``None`` ends it.

    Each call keeps the sign-in that it began with, so that it never uses another user's session.
    """

    def __init__(self, session: Session | None) -> None:
        self.session = session


class Core:
    """Sends calls to one shop, as one user.

    Parameters
    ----------
    io
        Sends requests, waits and locks.
    origin
        The shop's URL.
    retries
        Rules for retries.
    session
        The session of a user who signed in earlier.
    """

    def __init__(self, io: IO, origin: str, retries: Retries, session: Session | None) -> None:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("The origin must begin with https:// or http://.")
        self.io = io
        self.origin = origin.rstrip("/")
        self._sign_in = _SignIn(session)
        self._retries = retries

    @property
    def session(self) -> Session | None:
        """The session for further calls."""
        return self._sign_in.session

    async def call(self, call: Call[T]) -> T:
        """Make a call and return the body of the response.

        Raises
        ------
        ToyShopError
            If it fails.
        """
        response = await self.respond(call)
        if call.answer is type(None):
            return None
        try:
            return msgspec.json.decode(response.content, type=call.answer)
        except msgspec.MsgspecError as error:
            raise UnexpectedAnswer(
                f"The answer to {call.method} {call.path} does not match the API: {error}"
            ) from None

    async def respond(self, call: Call[Any]) -> httpx.Response:
        """Make a call and return the response; refresh an expired session once.

        Raises
        ------
        ToyShopError
            If it fails.
        """
        sign_in = self._sign_in
        session = sign_in.session if call.signed_in else None
        response = await self._sent(call, session)
        if response.status_code == 401 and session:
            fresh = await self._refreshed(sign_in, session)
            if fresh:
                response = await self._sent(call, fresh)
        problem = response.headers.get("Content-Type", "").startswith("application/problem+json")
        if response.status_code in call.statuses and not problem:
            return response
        if response.status_code < 400:
            raise UnexpectedAnswer(f"{call.method} {call.path} answers {response.status_code}.")
        raise problem_error(response.status_code, _members(response), _retry_after(response))

    async def sign_in(self, body: NewSession) -> Session:
        """Start a session and use it for further calls."""
        session = await self.call(operations.sign_in(body))
        self._sign_in = _SignIn(session)
        return session

    def sign_out(self) -> None:
        """Forget the session."""
        self._sign_in = _SignIn(None)

    async def upload(self, upload: Upload, content: bytes, content_type: str) -> None:
        """Send a file to the storage.

        Raises
        ------
        StorageFailed
            If the storage refuses it.
        """

        def build() -> httpx.Request:
            return self.io.http.build_request(
                upload.method,
                upload.url,
                headers=upload.headers,
                data=upload.fields,
                files={"file": ("image", content, content_type)},
            )

        response = await self._attempts(build, upload.url, {200, 201, 204}, repeatable=True)
        if not response.is_success:
            raise StorageFailed(
                f"The storage answers {response.status_code} to the upload.", response.status_code
            )

    async def download(self, url: str) -> bytes:
        """Return the content at a presigned URL.

        Raises
        ------
        StorageFailed
            If the storage refuses it.
        """
        parts = urlsplit(url)
        # httpx logs URLs of requests, and the query of this one contains a signature
        shown = parts._replace(query="", fragment="").geturl()
        target = f"{parts.path or '/'}?{parts.query}".encode()

        def build() -> httpx.Request:
            return self.io.http.build_request("GET", shown, extensions={"target": target})

        response = await self._attempts(build, shown, {200}, repeatable=True)
        if response.status_code != 200:
            raise StorageFailed(
                f"The storage answers {response.status_code} to the download.",
                response.status_code,
            )
        return response.content

    async def _sent(self, call: Call[Any], session: Session | None) -> httpx.Response:
        headers = {"Accept": "application/json", **call.headers}
        if session:
            headers["Authorization"] = f"Bearer {session.access_token}"
        content = None
        if call.body is not None:
            content = _JSON.encode(call.body)
            headers["Content-Type"] = call.content_type
        params = {name: str(value) for name, value in call.query.items() if value is not None}

        def build() -> httpx.Request:
            return self.io.http.build_request(
                call.method,
                f"{self.origin}{BASE}{call.path}",
                headers=headers,
                content=content,
                params=params or None,
            )

        return await self._attempts(
            build, self.origin, set(call.statuses), repeatable=call.repeatable
        )

    async def _attempts(
        self,
        build: Callable[[], httpx.Request],
        to: str,
        expected: set[int],
        *,
        repeatable: bool,
    ) -> httpx.Response:
        """Send a request, and retry it as far as that is permitted."""
        attempt = 0
        while True:
            attempt += 1
            try:
                response = await self.io.send(build())
            except httpx.RequestError as error:
                again = repeatable or isinstance(error, _NOT_SENT)
                pause = self._retries.pause(attempt) if again else None
                if pause is None:
                    raise _failure(to, error) from error
            else:
                if response.status_code in expected or response.status_code not in _TRANSIENT:
                    return response
                asked = _retry_after(response)
                pause = self._retries.pause(attempt, asked) if repeatable else None
                if pause is None:
                    return response
            await self.io.sleep(pause)

    async def _refreshed(self, sign_in: _SignIn, expired: Session) -> Session | None:
        """Return the session that replaces an expired one of the same sign-in, or None.

        Concurrent calls with the same expired session refresh it only once.
        """
        async with self.io.lock:
            if sign_in.session is expired and sign_in is self._sign_in:
                body = NewSession(refresh_token=expired.refresh_token)
                try:
                    sign_in.session = await self.call(operations.sign_in(body))
                except Unauthorized:
                    sign_in.session = None
            return sign_in.session if sign_in.session is not expired else None


def etag(entity: Toy | ShopOrder) -> str:
    """Return the ETag of the version of an object."""
    return f'"{entity.version}"'


def _members(response: httpx.Response) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(response.content, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def _retry_after(response: httpx.Response) -> float | None:
    """Return ``Retry-After`` in seconds; the header contains seconds or a date."""
    value = response.headers.get("Retry-After", "")
    if value.isascii() and value.isdigit():
        return min(float(value), sys.float_info.max)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _failure(to: str, error: Exception) -> ConnectionFailed:
    host = urlsplit(to).netloc
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(f"{host} did not answer in time.")
    return ConnectionFailed(f"{host} does not answer: {str(error) or type(error).__name__}.")
