"""Connections of the edge: problem answers instead of aiohttp's texts, and limits of time."""

import asyncio
import re
from typing import Any

from aiohttp import web, web_server
from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, _ErrInfo
from multidict import CIMultiDict

from local_edge.problems import problem, problem_body

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
# The parser rejects methods that it does not know, before anything can look at the path. They are
# replaced by one that it knows and no path supports.
_UNKNOWN_METHOD = re.compile(
    rb"(?!(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) )"
    rb"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64} (?=[!-~]+ HTTP/1\.[01]\r\n)"
)
_UNSUPPORTED = b"UNLINK "
_ONE_RANGE = re.compile(r"bytes=(\d+-\d*|-\d+)")


def install(head_seconds: float) -> None:
    """Make aiohttp use this module's connections; it has no setting for that.

    Parameters
    ----------
    head_seconds
        How long the head of a request may take to arrive, from its first byte.
    """
    _Connection.head_seconds = head_seconds
    web_server.RequestHandler = _Connection  # type: ignore[attr-defined]


async def describe(_request: web.Request, answer: web.StreamResponse) -> None:
    """Make a problem document of an answer that aiohttp itself gives, before it is sent."""
    if answer.status == 304:
        answer.headers.popall("Content-Type", None)
    if isinstance(answer, web.HTTPException):
        document = problem(answer.status)
        answer.body = document.body
        answer.headers.update(document.headers)
        # aiohttp has set that of its own text
        answer.headers["Content-Length"] = str(len(problem_body(answer.status)))
    elif isinstance(answer, File) and answer.status >= 400:
        document = problem(answer.status)
        answer.problem = problem_body(answer.status)
        answer.headers.update(document.headers)
        if "Transfer-Encoding" not in answer.headers:
            answer.content_length = len(answer.problem)


def answer_itself(request: web.Request) -> web.Response | None:
    """Return the answer to a request that is about the server or the connection, if it is one."""
    if request.version not in ((1, 0), (1, 1)):
        return problem(505)
    if request.method in ("CONNECT", "TRACE"):
        return problem(405, {"Allow": _METHODS})
    if request.headers.get("Transfer-Encoding", "chunked").strip().lower() != "chunked":
        return problem(501)
    if request.raw_path == "*":
        return web.Response(status=204, headers={"Allow": _METHODS})
    return None


def without_ignored(request: web.BaseRequest) -> CIMultiDict[str]:
    """Return the headers of a request for a file, without a ``Range`` that is to be ignored.

    A range must be ignored with another method than GET or in another unit than bytes, and may be
    if it has several parts or a condition (RFC 9110, 13.1.5 and 14.2). Several ``If-None-Match``
    are joined.
    """
    headers = CIMultiDict(request.headers)
    is_known = _ONE_RANGE.fullmatch(headers.get("Range", ""))
    if request.method != "GET" or not is_known or "If-Range" in headers:
        headers.popall("Range", None)
        headers.popall("If-Range", None)
    if "If-None-Match" in headers:
        headers["If-None-Match"] = ", ".join(request.headers.getall("If-None-Match"))
    return headers


class File(web.FileResponse):
    """A file; aiohttp answers a failed precondition or a wrong range of it with a bare status."""

    problem = b""
    """The body of such an answer."""

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Send the answer to a request."""
        return await super().prepare(request.clone(headers=without_ignored(request)))

    async def write_eof(self, data: bytes = b"") -> None:
        """Send the rest of the answer."""
        is_head = self._req is not None and self._req.method == "HEAD"
        await super().write_eof(data if is_head else data or self.problem)


class _Connection(RequestHandler):
    head_seconds: float
    _end_of_wait: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        if self._is_waiting() and self._end_of_wait is None and (m := _UNKNOWN_METHOD.match(data)):
            data = _UNSUPPORTED + data[m.end() :]
        super().data_received(data)
        if not self._is_waiting():
            self._stop_timer()
        elif self._end_of_wait is None:
            self._end_of_wait = self._loop.call_later(self.head_seconds, self._give_up)
            # it is not idle any more
            self._next_keepalive_close_time = self._loop.time() + 2 * self.head_seconds

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - repeats what was sent
    ) -> web.StreamResponse:
        if status >= 500:
            self.log_exception("unexpected error", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("A part of the answer has already been sent.")
        answer = problem(431 if isinstance(exc, LineTooLong) else status)
        answer.force_close()
        return answer

    def _is_waiting(self) -> bool:
        """Return whether the head of the next request has not arrived as a whole."""
        return self._waiter is not None and not self._waiter.done()

    def _stop_timer(self) -> None:
        if self._end_of_wait is not None:
            self._end_of_wait.cancel()
            self._end_of_wait = None

    def _give_up(self) -> None:
        if self._is_waiting() and self._waiter is not None:
            # answered like a request that cannot be parsed
            late = _ErrInfo(status=408, exc=TimeoutError(), message="")
            self._messages.append((late, EMPTY_PAYLOAD))
            self._waiter.set_result(None)
