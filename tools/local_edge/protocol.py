"""What the edge answers where no request could be read, or its own code fails: a problem too."""

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from local_edge.problems import problem


def install() -> None:
    """Have aiohttp answer with problems where it would with text; it has no setting for it."""
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
        raise ConnectionError("A part of the answer is sent already.")
    answer = problem(431 if isinstance(exc, LineTooLong) else status)
    answer.force_close()
    return answer
