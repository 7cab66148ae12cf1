"""Answers and errors in Stripe's format."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """HTTP status code and JSON body of a response."""

    status: int
    body: Json


class StripeError(Exception):
    """An error response of Stripe's API.

    Parameters
    ----------
    status
        HTTP status code.
    message
        Sentence for developers.
    type
        Stripe's category of the error.
    executed
        Whether the endpoint had begun its work. Such an answer is stored for the idempotency
        key; a failed validation is not, so that a corrected request can use the same key.
    fields
        Further members of the error object; those that are None are omitted.

    Attributes
    ----------
    answer
        Status and body of the response.
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
    """Return the error for a parameter that is not valid.

    Parameters
    ----------
    param
        Name of the parameter.
    message
        Sentence for developers.
    code
        Stripe's error code.
    """
    return StripeError(400, message, param=param, code=code)


def no_such(kind: str, identifier: str, param: str, status: int = 400) -> StripeError:
    """Return the error for the id of an object that does not exist.

    Parameters
    ----------
    kind
        Type of the object.
    identifier
        Id in the request.
    param
        Name of the parameter with the id.
    status
        HTTP status code.
    """
    message = f"No such {kind}: '{identifier}'"
    return StripeError(status, message, param=param, code="resource_missing")


def unexpected_state(message: str, intent: Json) -> StripeError:
    """Return the error for an operation that the status of an intent does not allow."""
    return StripeError(
        400,
        message,
        code="payment_intent_unexpected_state",
        payment_intent=intent,
        executed=True,
    )


def server_error() -> StripeError:
    """Return the error for an internal failure of the gateway."""
    message = "An unknown error occurred. The outcome of the request is unknown."
    return StripeError(500, message, type="api_error", executed=True)
