"""Who takes the e-mails, and what it may answer."""

from typing import Any, Protocol

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

from chalicelib.notifications.mail import Mail
from chassis import log

_REFUSED = {"MessageRejected", "BadRequestException", "ValidationException"}


class PostboxError(Exception):
    """An e-mail was not taken, or it is not known whether it was."""


class RefusedError(PostboxError):
    """It will not be taken however often it is tried: the address or the content is wrong."""


class NotTakenError(PostboxError):
    """It was not taken this time, certainly."""


class NoAnswerError(PostboxError):
    """It may have been taken: the answer did not come."""


class Postbox(Protocol):
    """Takes e-mails: SES, or what stands in for it."""

    def post(self, mail: Mail) -> None:
        """Hand an e-mail over.

        Raises
        ------
        PostboxError
            Unless it was taken.
        """


class SesPostbox:
    """Amazon SES.

    Parameters
    ----------
    ses
        A botocore client of SES v2 that tries once: SES knows no idempotency key, so a second
        try after a lost answer could send a second copy.
    """

    def __init__(self, ses: Any) -> None:
        self._ses = ses

    def post(self, mail: Mail) -> None:
        """Hand an e-mail over to SES."""
        try:
            self._ses.send_email(
                FromEmailAddress=mail.sender,
                Destination={"ToAddresses": [mail.recipient]},
                Content={"Raw": {"Data": mail.content}},
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                # It may have been taken before SES failed.
                log.warning("no answer", reason=code)
                raise NoAnswerError("SES failed to answer") from None
            log.warning("not taken", reason=code)
            # SES names addresses in its messages, so they stay here.
            raise (RefusedError if code in _REFUSED else NotTakenError)(code) from None
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            log.warning("not taken", reason=type(error).__name__)
            raise NotTakenError("SES cannot be reached") from None
        except HTTPClientError as error:
            log.warning("no answer", reason=type(error).__name__)
            raise NoAnswerError("SES did not answer") from None
