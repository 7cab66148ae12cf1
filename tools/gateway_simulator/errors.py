"""Answers and errors in the shape that Stripe gives them."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A status code and the JSON object that goes with it."""

    status: int
    body: Json


class StripeError(Exception):
    """A request that Stripe would refuse.

    Parameters
    ----------
    status
        HTTP status code.
    message
        One sentence for the developer who reads it.
    executed
        Whether the endpoint had begun its work. Such an answer is kept under its idempotency
        key; one that failed its validation is not, so that it can be corrected and sent again.
    fields
        Further members of the error object; those that are None are left out.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        executed: bool = False,
        **fields: Any,
    ) -> None:
        super().__init__(message)
        self.executed = executed
        members = {"type": type, "message": message, **fields}
        self.answer = Answer(status, {"error": {k: v for k, v in members.items() if v is not None}})


def invalid_parameter(param: str, message: str, code: str | None = None) -> StripeError:
    """Return the error for a parameter that does not hold."""
    return StripeError(400, message, param=param, code=code)


def no_such(kind: str, identifier: str, param: str, status: int = 400) -> StripeError:
    """Return the error for an id that names nothing."""
    message = f"No such {kind}: '{identifier}'"
    return StripeError(status, message, param=param, code="resource_missing")


def unexpected_state(message: str, intent: Json) -> StripeError:
    """Return the error for a verb that the intent's status does not allow."""
    return StripeError(
        400,
        message,
        code="payment_intent_unexpected_state",
        payment_intent=intent,
        executed=True,
    )


def server_error() -> StripeError:
    """Return the error for a failure inside the gateway."""
    message = "An unknown error occurred. The outcome of the request is unknown."
    return StripeError(500, message, type="api_error", executed=True)
