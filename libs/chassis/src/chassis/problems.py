"""The errors that an API answers with, as problem details (RFC 9457).

Any code may raise one; ``chassis.api`` turns it into the answer.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec.structs import replace

from chassis.redaction import masked
from contracts.problem import TITLES, TYPES, Code, FieldError, Problem

__all__ = [
    "BadRequest",
    "Conflict",
    "FieldError",
    "Forbidden",
    "MethodNotAllowed",
    "NotFound",
    "PayloadTooLarge",
    "PreconditionFailed",
    "PreconditionRequired",
    "ProblemError",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unauthorized",
    "Unprocessable",
    "UnsupportedContentCoding",
    "UnsupportedMediaType",
    "error_for",
]


class ProblemError(Exception):
    """An error that is answered with a problem.

    Parameters
    ----------
    detail
        What is wrong and what to do, in sentences for people.
    errors
        The fields that are not valid.

    Attributes
    ----------
    type
        URI of the problem's type, which leads to a page about it; by default that of the status.
    title
        What problems of this type have in common, in a few words; by default the status in words.
    extensions
        Further members of the problem answer.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    type: str = TYPES[status]
    title: str | None = None
    extensions: Mapping[str, Any] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.type = TYPES[cls.status]

    def __init__(self, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)

    def to_json(self) -> str:
        """Return the JSON body of the problem answer, with secrets masked.

        A text may repeat what a client has sent, such as the name of an unknown field.
        """
        problem = Problem(
            type=self.type,
            title=self.title or TITLES[self.status],
            status=self.status.value,
            detail=masked(self.detail),
            errors=[
                replace(error, pointer=masked(error.pointer), detail=masked(error.detail))
                for error in self.errors
            ]
            or msgspec.UNSET,
        )
        members = {**msgspec.to_builtins(problem), **self.extensions}
        return msgspec.json.encode(members).decode()

    @classmethod
    def at(cls, pointer: str, detail: str, code: Code = "invalid") -> "ProblemError":
        """Return an error about one field.

        Parameters
        ----------
        pointer
            JSON pointer of the field.
        detail
            What the field must be, for the person who filled it in: a sentence without a full stop.
        code
            What is wrong, for programs.
        """
        error = FieldError(pointer=pointer, detail=detail, code=code)
        label = label_of(pointer)
        return cls(f"{label}: {detail}." if label else f"{detail}.", [error])


def label_of(pointer: str) -> str:
    """Return the name of a field as a person would call it, with secrets masked.

    Parameters
    ----------
    pointer
        JSON pointer of the field.

    Examples
    --------
    >>> label_of("/shipping_address/postal_code"), label_of("/lines/0/toy_id")
    ('Shipping address, postal code', 'Line 1, toy id')
    """
    words: list[str] = []
    for step in pointer.split("/")[1:]:
        # masked before it is changed, so that a secret is recognized
        name = masked(step.replace("~1", "/").replace("~0", "~"))
        if name.isdecimal() and words:
            words[-1] = f"{words[-1].removesuffix('s')} {int(name) + 1}"
        else:
            words.append(name.replace("_", " "))
    label = ", ".join(words)
    return label[:1].upper() + label[1:]


class BadRequest(ProblemError):
    """400: the request cannot be understood."""

    status = HTTPStatus.BAD_REQUEST


class Unauthorized(ProblemError):
    """401: the caller has not proved who it is."""

    status = HTTPStatus.UNAUTHORIZED


class Forbidden(ProblemError):
    """403: the caller may not do this."""

    status = HTTPStatus.FORBIDDEN


class NotFound(ProblemError):
    """404: the resource does not exist, or the caller may not see it."""

    status = HTTPStatus.NOT_FOUND


class MethodNotAllowed(ProblemError):
    """405: the path does not support the method.

    Parameters
    ----------
    allowed
        The methods that it supports.
    """

    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = ", ".join(allowed)
        super().__init__(f"This address does not support this method. Use {' or '.join(allowed)}.")


class Conflict(ProblemError):
    """409: the state of the resource does not permit the request."""

    status = HTTPStatus.CONFLICT


class PreconditionFailed(ProblemError):
    """412: the resource has changed since the caller read it."""

    status = HTTPStatus.PRECONDITION_FAILED


class PayloadTooLarge(ProblemError):
    """413: the body is too large."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMediaType(ProblemError):
    """415: the operation does not accept the type of the body."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class UnsupportedContentCoding(UnsupportedMediaType):
    """415: the body is compressed or encoded otherwise; bodies are accepted as they are only."""


class Unprocessable(ProblemError):
    """422: the request is well-formed, but a field violates a rule."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class PreconditionRequired(ProblemError):
    """428: the request must name the version to change."""

    status = HTTPStatus.PRECONDITION_REQUIRED


class TooManyRequests(ProblemError):
    """429: the client must wait before it tries again.

    Parameters
    ----------
    detail
        What is wrong and what to do, in sentences for people.
    retry_after
        Seconds after which the client may try again.
    """

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class ServiceUnavailable(ProblemError):
    """503: a service or resource that is needed does not respond."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


_BY_STATUS: dict[int, type[ProblemError]] = {
    kind.status.value: kind
    for kind in ProblemError.__subclasses__()
    # another service limits us, or does not know our method: not the client's fault
    if kind not in (TooManyRequests, MethodNotAllowed)
}


def error_for(status: int, detail: str, errors: Sequence[FieldError] = ()) -> ProblemError:
    """Return the error for the problem answer of another service.

    Parameters
    ----------
    status
        The HTTP status. Without an error class of its own it becomes a 503.
    detail, errors
        The detail and the field errors of the problem answer.
    """
    return _BY_STATUS.get(status, ServiceUnavailable)(detail, errors)
