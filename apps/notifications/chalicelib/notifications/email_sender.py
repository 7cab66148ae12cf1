"""Sends composed emails with Amazon SES."""

from typing import Any, Protocol

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

from chalicelib.notifications.composer import Email
from chassis import log

_REJECTIONS = {"MessageRejected", "BadRequestException", "ValidationException"}


class EmailSenderError(Exception):
    """The email was not accepted, or it is unknown whether it was."""


class EmailRejectedError(EmailSenderError):
    """SES will never accept this email: its address or content is not valid."""


class EmailNotAcceptedError(EmailSenderError):
    """SES has certainly not accepted the email this time; a later attempt may succeed."""


class UnknownOutcomeError(EmailSenderError):
    """SES may have accepted the email: its response was lost."""


class EmailSender(Protocol):
    """Sends emails: SES, or a fake in tests."""

    def send(self, email: Email) -> None:
        """Send an email, with one attempt.

        Raises
        ------
        EmailSenderError
            Unless the email was accepted.
        """


class SesEmailSender:
    """Sends emails with Amazon SES.

    Parameters
    ----------
    ses
        A botocore client of SES v2 without retries: SES has no idempotency key, so a retry after
        a lost response could send a second copy.
    """

    def __init__(self, ses: Any) -> None:
        self._ses = ses

    def send(self, email: Email) -> None:
        """Send an email, with one attempt.

        Raises
        ------
        EmailRejectedError
            If the address or the content is not valid.
        EmailNotAcceptedError
            If SES has certainly not accepted the email.
        UnknownOutcomeError
            If SES may have accepted the email.
        """
        try:
            self._ses.send_email(
                FromEmailAddress=email.sender,
                Destination={"ToAddresses": [email.recipient]},
                Content={"Raw": {"Data": email.content}},
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                # SES may have accepted the email before it failed.
                log.warning("email outcome unknown", reason=code)
                raise UnknownOutcomeError("SES failed") from None
            log.warning("email not accepted", reason=code)
            # The messages of SES contain addresses, so they are not passed on.
            raise (EmailRejectedError if code in _REJECTIONS else EmailNotAcceptedError)(
                code
            ) from None
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            log.warning("email not accepted", reason=type(error).__name__)
            raise EmailNotAcceptedError("SES is unreachable") from None
        except HTTPClientError as error:
            log.warning("email outcome unknown", reason=type(error).__name__)
            raise UnknownOutcomeError("SES did not respond") from None
