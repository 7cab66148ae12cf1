"""What SES may answer, and what is made of it."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from chalicelib.notifications.mail import Mail
from chalicelib.notifications.postbox import (
    NoAnswerError,
    NotTakenError,
    RefusedError,
    SesPostbox,
)

MAIL = Mail("Toy Shop <orders@toyshop.example>", "alice@example.com", b"Subject: hello\r\n\r\nhi")


class Ses:
    """Answers every e-mail with the same error, or takes it."""

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


def test_the_bytes_go_out_as_they_are() -> None:
    ses = Ses()
    SesPostbox(ses).post(MAIL)
    (sent,) = ses.sent
    assert sent["Content"]["Raw"]["Data"] == MAIL.content
    assert sent["Destination"] == {"ToAddresses": ["alice@example.com"]}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer("MessageRejected", 400), RefusedError),
        (answer("BadRequestException", 400), RefusedError),
        (answer("TooManyRequestsException", 429), NotTakenError),
        (answer("LimitExceededException", 400), NotTakenError),
        (answer("SendingPausedException", 400), NotTakenError),
        (answer("AccessDeniedException", 403), NotTakenError),
        (answer("InternalFailure", 500), NoAnswerError),
        (EndpointConnectionError(endpoint_url="https://ses"), NotTakenError),
        (ConnectTimeoutError(endpoint_url="https://ses"), NotTakenError),
        (ReadTimeoutError(endpoint_url="https://ses"), NoAnswerError),
        (ConnectionClosedError(endpoint_url="https://ses"), NoAnswerError),
    ],
)
def test_errors_are_told_apart_by_whether_it_may_have_been_sent(
    error: Exception, kind: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    ses = Ses(error)
    with pytest.raises(kind) as raised:
        SesPostbox(ses).post(MAIL)
    assert len(ses.sent) == 1
    assert "alice" not in str(raised.value) + capsys.readouterr().out
