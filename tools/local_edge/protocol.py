"""Problem answers where a request cannot be parsed or the edge's own code fails."""

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from local_edge.problems import problem


def install() -> None:
    """Make aiohttp answer with problem documents instead of text; it has no setting for that."""
    RequestHandler.handle_error = _answer  # type: ignore[method-assign]


def _answer(
    self: RequestHandler,
    request: web.BaseRequest,
    status: int = 500,
    exc: BaseException | None = None,
    message: str | None = None,  # noqa: ARG001 - repeats what was sent
) -> web.StreamResponse:
    if status >= 500:
        self.log_exception("unexpected error", exc_info=exc)
    if request.writer.output_size > 0:
        raise ConnectionError("A part of the answer has already been sent.")
    answer = problem(431 if isinstance(exc, LineTooLong) else status)
    answer.force_close()
    return answer
