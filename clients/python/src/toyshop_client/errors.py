"""The exceptions of the client; all of them are ``ToyShopError``."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec

from toyshop_client.models import FieldError, Money, OrderLine, ShopOrder


class ToyShopError(Exception):
    """Anything that goes wrong in a call."""


class ConnectionFailed(ToyShopError):
    """The shop cannot be reached, or the connection was lost before the response."""


class TimedOut(ConnectionFailed):
    """The shop did not respond in time."""


class UnexpectedAnswer(ToyShopError):
    """The response does not match the API."""


class StorageFailed(ToyShopError):
    """The storage of images and receipts refused a request.

    Attributes
    ----------
    status
        The HTTP status.
    """

    def __init__(self, what: str, status: int) -> None:
        super().__init__(what)
        self.status = status


class ProblemError(ToyShopError):
    """The shop returned a problem (RFC 9457).

    Subclasses represent statuses and types. Problems without a subclass are instances of
    ``ProblemError`` itself.

    Parameters
    ----------
    status
        The HTTP status.
    members
        The members of the problem document; empty if the response has none.
    retry_after
        Number of seconds to wait before a retry, as the shop asks.

    Attributes
    ----------
    type
        The address of a page about the type of problem, relative to the shop's origin.
    title
        What kind of problem it is.
    detail
        What happened, for people.
    errors
        The fields that are not valid.
    """

    def __init__(
        self, status: int, members: Mapping[str, Any], retry_after: float | None = None
    ) -> None:
        self.status = status
        self.members = members
        self.retry_after = retry_after
        self.type = str(members.get("type", "about:blank"))
        self.title = str(members.get("title", _phrase(status)))
        self.detail = str(members.get("detail", ""))
        self.errors: list[FieldError] = _converted(members.get("errors", []), list[FieldError])
        fields = "".join(f" {one.pointer}: {one.detail}" for one in self.errors)
        super().__init__(f"{status} {self.detail or self.title}{fields}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.status, self.members, self.retry_after)


class BadRequest(ProblemError):
    """400: the request is malformed, or has an unknown query parameter."""


class Unauthorized(ProblemError):
    """401: the user is not signed in, or the credentials are wrong."""


class Forbidden(ProblemError):
    """403: the user may not do this."""


class NotFound(ProblemError):
    """404: the resource does not exist, or belongs to another user."""


class MethodNotAllowed(ProblemError):
    """405: the path has no such method."""


class Conflict(ProblemError):
    """409: the state of the resource does not allow this."""


class PriceChanged(Conflict):
    """The order's total is not the expected one; nothing was placed.

    Attributes
    ----------
    lines
        The lines that the order would have now.
    total
        The total that the order would have now.
    """

    def __init__(
        self, status: int, members: Mapping[str, Any], retry_after: float | None = None
    ) -> None:
        super().__init__(status, members, retry_after)
        self.lines: list[OrderLine] = _converted(members.get("lines"), list[OrderLine])
        self.total: Money = _converted(members.get("total"), Money)


class PreconditionFailed(ProblemError):
    """412: the resource has changed since it was read."""


class TooLarge(ProblemError):
    """413: the request is too large."""


class UnsupportedMediaType(ProblemError):
    """415: the operation does not accept the media type or charset of the body."""


class ValidationFailed(ProblemError):
    """422: fields of the request are not valid; see ``errors``."""


class IdempotencyKeyReused(ValidationFailed):
    """The idempotency key was used for another request."""


class PreconditionRequired(ProblemError):
    """428: the request does not name the version to change."""


class RateLimited(ProblemError):
    """429: too many requests; ``retry_after`` says when to try again."""


class ServerFailed(ProblemError):
    """5xx: the shop failed."""


class Unavailable(ServerFailed):
    """503: the shop, or a service that it needs, is not available."""


class PaymentNotMade(ToyShopError):
    """The order was not paid.

    Parameters
    ----------
    order
        The order as it was last read.
    """

    what: ClassVar[str] = "is not paid"

    def __init__(self, order: ShopOrder) -> None:
        super().__init__(f"The payment of {order.id} {self.what}.")
        self.order = order

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.order,)


class PaymentDeclined(PaymentNotMade):
    """The payment was declined; ``order.payment.decline_code`` is the reason."""

    what = "was declined"


class PaymentActionRequired(PaymentNotMade):
    """The shopper has to confirm the payment with the bank (``order.payment.action``)."""

    what = "has to be confirmed with the shopper's bank"


class PaymentCancelled(PaymentNotMade):
    """The order was cancelled, or its payment was refunded."""

    what = "was cancelled or refunded"


class PaymentPending(PaymentNotMade):
    """The order was not paid within the timeout; it may be paid later."""

    what = "is still pending"


_BY_STATUS: dict[int, type[ProblemError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    409: Conflict,
    412: PreconditionFailed,
    413: TooLarge,
    415: UnsupportedMediaType,
    422: ValidationFailed,
    428: PreconditionRequired,
    429: RateLimited,
    503: Unavailable,
}
_BY_TYPE: dict[str, type[ProblemError]] = {
    "price-changed": PriceChanged,
    "idempotency-key-reused": IdempotencyKeyReused,
}
"""By the last part of the problem's ``type``."""


def problem_error(
    status: int, members: Mapping[str, Any], retry_after: float | None = None
) -> ProblemError:
    """Return the exception for a response with an error status.

    Parameters
    ----------
    status
        The HTTP status.
    members
        The members of the problem document; empty if the response has none.
    retry_after
        Number of seconds to wait before a retry, as the shop asks.
    """
    by_status = _BY_STATUS.get(status, ServerFailed if status >= 500 else ProblemError)
    name = re.split("[#/]", str(members.get("type", "")))[-1]
    by_type = _BY_TYPE.get(name, by_status)
    try:
        return by_type(status, members, retry_after)
    except msgspec.ValidationError:
        # members that the type requires are missing or not valid
        return by_status(status, {**members, "errors": []}, retry_after)


def _converted(value: Any, kind: Any) -> Any:
    return msgspec.convert(value, kind)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Problem"
