"""Errors that are part of the design, and the problem answers (RFC 9457) they become.

Raise one anywhere; ``chassis.api`` answers with it.
"""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from chassis.redaction import masked
from contracts.problem import FieldError, Problem

__all__ = [
    "BadRequest",
    "Conflict",
    "FieldError",
    "Forbidden",
    "NotFound",
    "PayloadTooLarge",
    "PreconditionFailed",
    "PreconditionRequired",
    "ProblemError",
    "ServiceUnavailable",
    "Unauthorized",
    "Unprocessable",
    "UnsupportedMediaType",
    "error_for",
]


class ProblemError(Exception):
    """An error that a caller is told about.

    Parameters
    ----------
    detail
        What went wrong and what to do, for a person.
    errors
        The fields that are wrong.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)

    def to_json(self) -> str:
        """Return the body of the problem answer.

        It may repeat what was sent, such as the name of an unknown field, but nothing secret.
        """
        problem = Problem(
            title=self.status.phrase,
            status=self.status.value,
            detail=masked(self.detail),
            errors=[
                FieldError(pointer=masked(error.pointer), detail=masked(error.detail))
                for error in self.errors
            ]
            or msgspec.UNSET,
        )
        return msgspec.json.encode(problem).decode()

    @classmethod
    def at(cls, pointer: str, detail: str) -> "ProblemError":
        """Return an error about one field, named by its JSON pointer."""
        return cls(f"{pointer}: {detail}", [FieldError(pointer=pointer, detail=detail)])


class BadRequest(ProblemError):
    """400: the request cannot be understood."""

    status = HTTPStatus.BAD_REQUEST


class Unauthorized(ProblemError):
    """401: who is asking is not known."""

    status = HTTPStatus.UNAUTHORIZED


class Forbidden(ProblemError):
    """403: who is asking may not."""

    status = HTTPStatus.FORBIDDEN


class NotFound(ProblemError):
    """404: there is no such thing, or it is not the caller's to see."""

    status = HTTPStatus.NOT_FOUND


class Conflict(ProblemError):
    """409: what the thing is now does not allow it."""

    status = HTTPStatus.CONFLICT


class PreconditionFailed(ProblemError):
    """412: the thing has changed since the caller read it."""

    status = HTTPStatus.PRECONDITION_FAILED


class PayloadTooLarge(ProblemError):
    """413: the body is over the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMediaType(ProblemError):
    """415: the body is not of a type that this operation takes."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Unprocessable(ProblemError):
    """422: understood, but a field breaks a rule."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class PreconditionRequired(ProblemError):
    """428: the caller must say which version it means to change."""

    status = HTTPStatus.PRECONDITION_REQUIRED


class ServiceUnavailable(ProblemError):
    """503: a neighbour or a resource does not answer; try again later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


_BY_STATUS: dict[int, type[ProblemError]] = {
    kind.status.value: kind for kind in ProblemError.__subclasses__()
}


def error_for(status: int, detail: str, errors: Sequence[FieldError] = ()) -> ProblemError:
    """Return the error of a status: how a neighbour's problem answer becomes ours.

    Parameters
    ----------
    status
        HTTP status of the problem answer. One that no error stands for is a 503.
    """
    return _BY_STATUS.get(status, ServiceUnavailable)(detail, errors)
