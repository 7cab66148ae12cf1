"""The responses of SES, and the error that each becomes."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from chalicelib.notifications.composer import Email
from chalicelib.notifications.email_sender import (
    EmailNotAcceptedError,
    EmailRejectedError,
    SesEmailSender,
    UnknownOutcomeError,
)
from contracts.notifications import MessageText
from support.log_lines import Lines

MAIL = Email(
    "Toy Shop <orders@toyshop.example>",
    "alice@example.com",
    b"Subject: hello\r\n\r\nhi",
    MessageText(subject="hello", text="hi"),
)


class Ses:
    """Accepts emails, or fails with an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.sent: list[dict[str, Any]] = []

    def send_email(self, **request: Any) -> dict[str, str]:
        self.sent.append(request)
        if self.error:
            raise self.error
        return {"MessageId": "1"}


def answer(code: str, status: int) -> ClientError:
    error: Any = {
        "Error": {"Code": code, "Message": "alice@example.com is wrong"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(error, "SendEmail")


def test_content_is_sent_unchanged() -> None:
    ses = Ses()
    SesEmailSender(ses).send(MAIL)
    (sent,) = ses.sent
    assert sent["Content"]["Raw"]["Data"] == MAIL.content
    assert sent["Destination"] == {"ToAddresses": ["alice@example.com"]}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer("MessageRejected", 400), EmailRejectedError),
        (answer("BadRequestException", 400), EmailRejectedError),
        (answer("TooManyRequestsException", 429), EmailNotAcceptedError),
        (answer("LimitExceededException", 400), EmailNotAcceptedError),
        (answer("SendingPausedException", 400), EmailNotAcceptedError),
        (answer("AccessDeniedException", 403), EmailNotAcceptedError),
        (answer("InternalFailure", 500), UnknownOutcomeError),
        (EndpointConnectionError(endpoint_url="https://ses"), EmailNotAcceptedError),
        (ConnectTimeoutError(endpoint_url="https://ses"), EmailNotAcceptedError),
        (ReadTimeoutError(endpoint_url="https://ses"), UnknownOutcomeError),
        (ConnectionClosedError(endpoint_url="https://ses"), UnknownOutcomeError),
    ],
)
def test_error_says_whether_the_email_may_have_been_sent(
    error: Exception, kind: type[Exception], lines: Lines
) -> None:
    ses = Ses(error)
    with pytest.raises(kind) as raised:
        SesEmailSender(ses).send(MAIL)
    assert len(ses.sent) == 1
    assert "alice" not in str(raised.value)
    (line,) = lines()
    unknown = kind is UnknownOutcomeError
    assert line["message"] == ("email outcome unknown" if unknown else "email not accepted")
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    assert (line["level"], line["reason"]) == ("WARNING", code or type(error).__name__)
    assert "alice" not in str(line)
