"""The whole notifications service: its API, its table, and the emails that it sends."""

import base64
import email
import email.policy
import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import pytest
import urllib3
from moto.backends import get_backend

from chalicelib.notifications.bootstrap import Components
from chalicelib.notifications.composer import Composer, Email
from chalicelib.notifications.documents import Documents
from chalicelib.notifications.email_sender import (
    EmailNotAcceptedError,
    EmailRejectedError,
    UnknownOutcomeError,
)
from chalicelib.notifications.service import NotificationService
from chalicelib.notifications.store import MessageStore
from chassis.ids import derived_id, new_id
from contracts.notifications import NewMessage
from support.email_addresses import INTERNATIONAL_MAILBOXES
from support.log_lines import Logged
from support.moto_aws import ACCOUNT, REGION, client_of
from support.races import BeforeWrite

TABLE = "toyshop-local-notifications"
PDF = b"%PDF-1.7 a receipt %%EOF"
MESSAGE_ID = derived_id("msg", "ord_1", "payment_succeeded")


def request_of(**changes: Any) -> dict[str, Any]:
    price = {"amount": 1250, "currency": "AUD"}
    return {
        "to": "alice@example.com",
        "name": "Alice",
        "template": "payment_succeeded",
        "order": {
            "order_id": "ord_1",
            "total": price,
            "lines": [
                {
                    "toy_id": "toy_1",
                    "name": "Kite",
                    "quantity": 1,
                    "unit_price": price,
                    "line_total": price,
                }
            ],
        },
        "attachments": [
            {
                "filename": "receipt.pdf",
                "content_type": "application/pdf",
                "content": base64.b64encode(PDF).decode(),
            }
        ],
        **changes,
    }


def new_message() -> NewMessage:
    return msgspec.convert(request_of(), NewMessage)


class EmailSender:
    """Records the emails that it is given, or fails with prepared errors."""

    def __init__(self, *errors: BaseException | None) -> None:
        self.errors = list(errors)
        self.sent: list[Email] = []

    def send(self, mail: Email) -> None:
        error = self.errors.pop(0) if self.errors else None
        if not isinstance(error, EmailRejectedError | EmailNotAcceptedError):
            self.sent.append(mail)
        if error:
            raise error


class Storage:
    """Answers requests for documents, or fails with prepared answers."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.urls: list[str] = []

    def request(self, method: str, url: str, **_: Any) -> Any:
        assert method == "GET"
        self.urls.append(url)
        answer = self.answers.pop(0) if self.answers else (200, PDF)
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(status=answer[0], data=answer[1], headers={})


class Clock:
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 24, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def email_sender() -> EmailSender:
    return EmailSender()


@pytest.fixture
def app(
    load_app: Callable[..., ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    email_sender: EmailSender,
) -> ModuleType:
    module = load_app("notifications")
    monkeypatch.setattr(
        module, "components", Components(service(MessageStore(TABLE), email_sender, clock))
    )
    return module


def service(store: Any, email_sender: Any, clock: Clock) -> NotificationService:
    composer = Composer("Toy Shop <orders@toyshop.example>", "https://toyshop.example")
    documents = Documents(Storage(), "")
    return NotificationService(
        store, composer, documents, email_sender, timedelta(seconds=60), clock
    )


@pytest.fixture
def api(app: ModuleType, api_of: Any) -> Any:
    return api_of(app)


def send(api: Any, message_id: str = MESSAGE_ID, **changes: Any) -> Any:
    return api.call("PUT", f"/messages/{message_id}", request_of(**changes))


def messages_of(api: Any, message_id: str = MESSAGE_ID) -> list[dict[str, Any]]:
    answer = api.call("POST", "/messages/lookup", {"ids": [message_id]})
    assert answer.status_code == 200, answer.body
    messages: list[dict[str, Any]] = answer.json_body["items"]
    return messages


def text_of_message(api: Any) -> dict[str, str] | None:
    """Return the subject and text of the message, as a lookup returns them on request."""
    answer = api.call("POST", "/messages/lookup", {"ids": [MESSAGE_ID], "texts": True})
    content: dict[str, str] | None = answer.json_body["items"][0]["content"]
    return content


def test_text_of_a_sent_email_is_kept_and_returned_on_request(
    api: Any, email_sender: EmailSender
) -> None:
    email_sender.errors = [EmailNotAcceptedError("busy")]
    send(api)
    assert text_of_message(api) is None
    send(api)
    # THEN it is what the customer reads
    (sent,) = email_sender.sent
    mail = email.message_from_bytes(sent.content, policy=email.policy.default)
    body = mail.get_body(("plain",))
    assert body is not None
    read = "\n".join(body.get_content().splitlines())
    assert text_of_message(api) == {"subject": mail["Subject"], "text": read}
    # AND no other lookup returns it
    assert messages_of(api)[0]["content"] is None


def test_repeated_request_sends_the_email_once(api: Any, email_sender: EmailSender) -> None:
    first = send(api)
    assert first.status_code == 201
    assert first.json_body["status"] == "sent"
    for _ in range(3):
        again = send(api)
        assert (again.status_code, again.json_body) == (200, first.json_body)
    assert len(email_sender.sent) == 1
    assert messages_of(api) == [first.json_body]


def test_each_id_is_a_separate_message(api: Any, email_sender: EmailSender) -> None:
    assert send(api).status_code == 201
    assert send(api, new_id("msg")).status_code == 201
    assert len(email_sender.sent) == 2


def test_other_message_with_the_same_id_is_rejected(api: Any, email_sender: EmailSender) -> None:
    send(api)
    for changes in (
        {"to": "bob@example.com"},
        {"template": "payment_refunded"},
        {"attachments": []},
    ):
        assert send(api, **changes).status_code == 409
    assert len(email_sender.sent) == 1


LINK = "https://s3.us-east-1.amazonaws.com/private/documents/fil_1?X-Amz-Signature=1"


def linked(url: str = LINK, content: bytes = PDF) -> list[dict[str, str]]:
    digest = hashlib.sha256(content).hexdigest()
    file = {"filename": "receipt.pdf", "content_type": "application/pdf"}
    return [{**file, "url": url, "sha256": digest}]


@pytest.fixture
def storage(app: ModuleType) -> Storage:
    storage = Storage()
    app.components.notifications._documents = Documents(storage, "")
    return storage


def test_linked_document_is_attached(api: Any, email_sender: EmailSender, storage: Storage) -> None:
    assert send(api, attachments=linked()).status_code == 201
    mail = email.message_from_bytes(email_sender.sent[0].content, policy=email.policy.default)
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("receipt.pdf", PDF)
    # AND a repeated request has another link to it, and is the same one
    again = send(api, attachments=linked(LINK + "2"))
    assert (again.status_code, storage.urls) == (200, [LINK])
    assert send(api, attachments=linked(content=b"other")).status_code == 409
    assert len(email_sender.sent) == 1


@pytest.mark.parametrize(
    "answer",
    [
        (403, b"expired"),
        (404, b""),
        (200, b"<html>"),
        urllib3.exceptions.ReadTimeoutError(None, LINK, ""),  # type: ignore[arg-type]
    ],
)
def test_document_that_cannot_be_read_is_503_and_tried_again_at_once(
    api: Any, email_sender: EmailSender, storage: Storage, answer: Any
) -> None:
    storage.answers.append(answer)
    assert send(api, attachments=linked()).status_code == 503
    assert email_sender.sent == []
    assert send(api, attachments=linked(LINK + "2")).status_code == 201
    assert len(email_sender.sent) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://s3.us-east-1.amazonaws.com/private/documents/fil_1",
        "https://evil.example/?s3.amazonaws.com",
        "https://s3.amazonaws.com.evil.example/x",
        "https://s3.evil.example@169.254.169.254/x",
        "https://s3.us-east-1.amazonaws.com@evil.example/x",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
    ],
)
def test_no_other_host_than_the_storage_is_called(
    api: Any, email_sender: EmailSender, storage: Storage, url: str
) -> None:
    answer = send(api, attachments=linked(url))
    assert answer.status_code == 422
    assert answer.json_body["errors"][0]["pointer"] == "/attachments/0/url"
    assert storage.urls == []
    assert email_sender.sent == []


def test_embedded_aws_is_the_only_storage_of_a_local_shop() -> None:
    documents = Documents(Storage(), "http://127.0.0.1:4566")
    assert documents.accepts("http://127.0.0.1:4566/private/documents/fil_1")
    assert not documents.accepts("http://127.0.0.1:8000/private/documents/fil_1")
    assert not documents.accepts(LINK)


def test_attachment_has_either_content_or_url(api: Any, storage: Storage) -> None:
    [file] = linked()
    content = {"content": base64.b64encode(PDF).decode()}
    bare = {name: file[name] for name in ("filename", "content_type")}
    for attachment in (
        bare,
        file | content,
        bare | {"url": LINK},
        bare | content | {"sha256": file["sha256"]},
    ):
        assert send(api, attachments=[attachment]).status_code == 422
    assert storage.urls == []


def test_ses_receives_the_whole_message(load_app: Callable[..., ModuleType], api_of: Any) -> None:
    # GIVEN the verified domain of the sender
    app = load_app("notifications")
    client_of("sesv2").create_email_identity(EmailIdentity="toyshop.example")
    # WHEN a message is sent
    assert send(api_of(app)).status_code == 201
    # THEN it has its recipient, subject and attachment
    (message,) = get_backend("ses")[ACCOUNT][REGION].sent_messages
    assert message.destinations[0] == "alice@example.com"
    mail = email.message_from_string(message.raw_data, policy=email.policy.default)
    assert mail["Subject"] == "Thank you! Your order ord_1 is paid"
    (attached,) = mail.iter_attachments()
    assert attached.get_content() == PDF


def test_unverified_sender_is_422(load_app: Callable[..., ModuleType], api_of: Any) -> None:
    answer = send(api_of(load_app("notifications")))
    assert answer.status_code == 422
    assert answer.json_body["errors"][0]["pointer"] == "/to"


def test_rejected_message_can_be_corrected(api: Any, email_sender: EmailSender) -> None:
    email_sender.errors = [EmailRejectedError("MessageRejected")]
    assert send(api).status_code == 422
    assert [each["status"] for each in messages_of(api)] == ["sending"]
    right = send(api, to="alice@example.org")
    assert (right.status_code, right.json_body["to"]) == (201, "alice@example.org")
    assert [mail.recipient for mail in email_sender.sent] == ["alice@example.org"]


@pytest.mark.parametrize("to", INTERNATIONAL_MAILBOXES)
def test_address_that_cannot_receive_email_is_named(
    api: Any, email_sender: EmailSender, to: str
) -> None:
    answer = send(api, to=to)
    assert answer.status_code == 422
    assert answer.json_body["errors"][0]["pointer"] == "/to"
    assert email_sender.sent == []
    assert messages_of(api, MESSAGE_ID) == []


def test_international_domain_is_mailed_in_its_ascii_form(
    api: Any, email_sender: EmailSender
) -> None:
    answer = send(api, to=" Alice@Faß.de ")
    assert (answer.status_code, answer.json_body["to"]) == (201, "alice@xn--fa-hia.de")
    assert [mail.recipient for mail in email_sender.sent] == ["alice@xn--fa-hia.de"]


def test_unaccepted_email_can_be_retried_at_once(
    api: Any, email_sender: EmailSender, logged: Logged
) -> None:
    email_sender.errors = [
        EmailNotAcceptedError("TooManyRequestsException"),
        EmailNotAcceptedError("x"),
    ]
    for _ in range(2):
        answer = send(api)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert send(api).status_code == 201
    assert len(email_sender.sent) == 1
    # each further attempt is logged, and the email that was sent in the end
    retries = logged("retrying email")
    assert [(line["message_id"], line["version"]) for line in retries] == [
        (MESSAGE_ID, 3),
        (MESSAGE_ID, 5),
    ]
    assert {line["level"] for line in retries} == {"WARNING"}
    (sent,) = logged("email sent")
    assert (sent["message_id"], sent["template"]) == (MESSAGE_ID, "payment_succeeded")


def test_retry_after_a_lost_response_waits_for_the_lease(
    api: Any, email_sender: EmailSender, clock: Clock
) -> None:
    # GIVEN an email that was sent, although the response of SES was lost
    email_sender.errors = [UnknownOutcomeError("ReadTimeoutError")]
    assert send(api).status_code == 503
    # WHEN it is requested again before the lease expires
    clock.advance(59)
    assert send(api).status_code == 503
    # THEN no second copy is sent until then
    assert len(email_sender.sent) == 1
    clock.advance(1)
    assert send(api).status_code == 201
    assert len(email_sender.sent) == 2


def test_concurrent_attempts_send_one_copy(app: ModuleType, api: Any, clock: Clock) -> None:
    # GIVEN an attempt that is calling SES
    calling, may_respond = threading.Event(), threading.Event()

    class SlowEmailSender(EmailSender):
        def send(self, mail: Email) -> None:
            calling.set()
            assert may_respond.wait(10)
            super().send(mail)

    slow = SlowEmailSender()
    slow_service = service(MessageStore(TABLE), slow, clock)
    request = new_message()
    thread = threading.Thread(target=slow_service.send, args=(MESSAGE_ID, request))
    thread.start()
    assert calling.wait(10)
    # WHEN the same email is requested again
    answer = send(api)
    may_respond.set()
    thread.join()
    # THEN that request gets 503, and a later one finds the email sent
    assert answer.status_code == 503
    assert send(api).status_code == 200
    assert len(slow.sent) == 1
    assert app.components.notifications._email_sender.sent == []


@pytest.mark.parametrize("failed_before", [False, True])
def test_two_attempts_that_start_at_the_same_time_send_one_copy(
    app: ModuleType, api: Any, api_of: Any, email_sender: EmailSender, before_write: BeforeWrite,
    failed_before: bool,
) -> None:  # fmt: skip
    if failed_before:
        email_sender.errors = [EmailNotAcceptedError("TooManyRequestsException")]
        assert send(api).status_code == 503
    answers: list[Any] = []
    before_write(lambda: answers.append(send(api_of(app))))
    # THEN the attempt that was slower gets 503, and a later one finds the email sent
    assert send(api).status_code == 503
    assert answers[0].status_code == 201
    assert send(api).status_code == 200
    assert len(email_sender.sent) == 1


def test_failed_attempt_does_not_release_the_lease_of_its_successor(
    app: ModuleType, api: Any, api_of: Any, email_sender: EmailSender, clock: Clock,
    before_write: BeforeWrite,
) -> None:  # fmt: skip
    def take_over() -> None:
        clock.advance(61)
        assert send(api_of(app)).status_code == 201

    # GIVEN an attempt that fails after its lease has expired, and another that sends the email
    email_sender.errors = [EmailNotAcceptedError("TooManyRequestsException")]
    before_write(take_over, write=2)
    assert send(api).status_code == 503
    # THEN the email is still recorded as sent
    assert [message["status"] for message in messages_of(api)] == ["sent"]
    assert send(api).status_code == 200
    assert len(email_sender.sent) == 1


def test_attempt_slower_than_its_lease_still_records_the_email_as_sent(
    app: ModuleType, api: Any, clock: Clock
) -> None:
    class VerySlowEmailSender(EmailSender):
        def send(self, mail: Email) -> None:
            super().send(mail)
            clock.advance(61)
            # meanwhile another attempt takes over and fails
            app.components.notifications._email_sender.errors = [
                UnknownOutcomeError("ReadTimeoutError")
            ]
            assert send(api).status_code == 503

    request = new_message()
    message, is_new = service(MessageStore(TABLE), VerySlowEmailSender(), clock).send(
        MESSAGE_ID, request
    )
    assert (message.status, is_new) == ("sent", True)
    assert send(api).status_code == 200


class Crash(BaseException):
    """The process dies."""


class CrashingStore:
    """Crashes at a given write.

    Parameters
    ----------
    writes
        Number of writes that succeed; the crash is at the next one.
    after
        Whether the crash is after that write instead of before it.
    """

    def __init__(self, writes: int, *, after: bool) -> None:
        self._store = MessageStore(TABLE)
        self._left = writes
        self._after = after

    def get(self, message_id: str) -> Any:
        return self._store.get(message_id)

    def add(self, attempt: Any) -> bool:
        return self._write(self._store.add, attempt)

    def replace(self, attempt: Any) -> bool:
        return self._write(self._store.replace, attempt)

    def _write(self, write: Callable[[Any], bool], attempt: Any) -> bool:
        self._left -= 1
        if self._left < 0 and not self._after:
            raise Crash
        written = write(attempt)
        if self._left < 0:
            raise Crash
        return written


@pytest.mark.parametrize(
    ("writes", "after", "copies_before", "copies"),
    [
        (0, False, 0, 1),  # before the lease
        (0, True, 0, 1),  # leased, not sent
        (1, False, 1, 2),  # sent, not recorded: the only case with a second copy
        (1, True, 1, 1),  # recorded, no response
    ],
)
def test_crash_at_each_step_sends_no_more_copies_than_necessary(
    app: ModuleType,
    api: Any,
    email_sender: EmailSender,
    clock: Clock,
    writes: int,
    after: bool,
    copies_before: int,
    copies: int,
) -> None:
    # GIVEN an attempt that crashes at a step
    request = new_message()
    crashing = service(CrashingStore(writes, after=after), email_sender, clock)
    with pytest.raises(Crash):
        crashing.send(MESSAGE_ID, request)
    assert len(email_sender.sent) == copies_before
    # WHEN it is retried at once and after the lease
    at_once = send(api).status_code
    assert at_once in (200, 201, 503)
    clock.advance(60)
    # THEN it is sent, with no more copies than necessary
    assert send(api).status_code in (200, 201)
    assert [each["status"] for each in messages_of(api)] == ["sent"]
    assert len(email_sender.sent) == copies


def test_crash_while_sending_waits_for_the_lease(
    app: ModuleType, api: Any, email_sender: EmailSender, clock: Clock
) -> None:
    # Nobody knows whether the email was sent before the crash, so the lease must expire first.
    email_sender.errors = [Crash()]
    with pytest.raises(Crash):
        app.components.notifications.send(MESSAGE_ID, new_message())
    assert send(api).status_code == 503
    clock.advance(60)
    assert send(api).status_code == 201


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"to": "alice"}, "/to"),
        ({"to": "alice@example.com\r\nBcc: eve@example.com"}, "/to"),
        ({"name": "Alice\nBcc: eve@example.com"}, "/name"),
        ({"template": "advertisement"}, "/template"),
        ({"subject": "Win!"}, "/subject"),
    ],
)
def test_invalid_field_is_named_and_nothing_is_sent(
    api: Any, email_sender: EmailSender, changes: dict[str, Any], pointer: str
) -> None:
    answer = send(api, **changes)
    assert answer.status_code == 422
    assert answer.json_body["errors"][0]["pointer"] == pointer
    assert email_sender.sent == []
    assert messages_of(api, MESSAGE_ID) == []


@pytest.mark.parametrize("message_id", ["1", "ord_1", "fil_01M85PFGE63KGV9W3G6X1F75A7"])
def test_malformed_message_id_is_rejected(api: Any, message_id: str) -> None:
    assert send(api, message_id).status_code == 400
    assert messages_of(api, message_id) == []


def test_addresses_are_not_logged(
    api: Any, email_sender: EmailSender, capsys: pytest.CaptureFixture[str]
) -> None:
    email_sender.errors = [EmailNotAcceptedError("x"), EmailRejectedError("x")]
    for _ in range(3):
        send(api)
    assert '"operation":"sendMessage"' in (out := capsys.readouterr().out)
    assert "alice" not in out.lower()


def erase(api: Any, *ids: str) -> Any:
    return api.call("POST", "/messages/erasures", {"ids": list(ids)})


def test_erased_message_has_no_address_and_text_and_is_not_sent_again(
    api: Any, email_sender: EmailSender
) -> None:
    send(api)
    assert erase(api, MESSAGE_ID, "msg_unknown").json_body == {"erased": [MESSAGE_ID]}
    assert erase(api, MESSAGE_ID).json_body == {"erased": []}
    (message,) = messages_of(api)
    assert (message["to"], message["status"]) == ("", "sent")
    assert text_of_message(api) is None
    stored = client_of("dynamodb").scan(TableName=TABLE, ConsistentRead=True)["Items"]
    assert "alice" not in str(stored)
    assert "content" not in stored[0]
    # WHEN an old event requests the email again, THEN it is refused as another one
    assert send(api).status_code == 409
    assert len(email_sender.sent) == 1
    assert messages_of(api) == [message]


def test_address_of_an_email_that_is_not_sent_yet_is_kept(
    api: Any, email_sender: EmailSender
) -> None:
    email_sender.errors = [EmailNotAcceptedError("busy")]
    assert send(api).status_code == 503
    assert erase(api, MESSAGE_ID).status_code == 409
    assert [message["to"] for message in messages_of(api)] == ["alice@example.com"]
    assert send(api).status_code == 201
    assert erase(api, MESSAGE_ID).json_body == {"erased": [MESSAGE_ID]}
