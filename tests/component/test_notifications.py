"""The notifications service as a whole: its API, its table, what goes out."""

import base64
import email
import email.policy
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import boto3
import msgspec
import pytest
from moto.backends import get_backend

from chalicelib.notifications.bootstrap import Components
from chalicelib.notifications.mail import Composer, Mail
from chalicelib.notifications.postbox import NoAnswerError, NotTakenError, RefusedError
from chalicelib.notifications.service import NotificationService
from chalicelib.notifications.store import MessageStore
from chassis.ids import derived_id, new_id
from contracts.notifications import NewMessage
from support.moto_aws import ACCOUNT, REGION

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


class Postbox:
    """Keeps what is posted, or answers with the errors that were prepared."""

    def __init__(self, *errors: BaseException | None) -> None:
        self.errors = list(errors)
        self.posted: list[Mail] = []

    def post(self, mail: Mail) -> None:
        error = self.errors.pop(0) if self.errors else None
        if not isinstance(error, RefusedError | NotTakenError):
            self.posted.append(mail)
        if error:
            raise error


class Clock:
    """Stands still until told."""

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
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def app(
    load_app: Callable[..., ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    postbox: Postbox,
) -> ModuleType:
    module = load_app("notifications")
    monkeypatch.setattr(
        module, "components", Components(service(MessageStore(TABLE), postbox, clock))
    )
    return module


def service(store: Any, postbox: Any, clock: Clock) -> NotificationService:
    composer = Composer("Toy Shop <orders@toyshop.example>", "https://toyshop.example")
    return NotificationService(store, composer, postbox, timedelta(seconds=60), clock)


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


def test_an_e_mail_goes_out_once_whatever_is_repeated(api: Any, postbox: Postbox) -> None:
    first = send(api)
    assert first.status_code == 201
    assert first.json_body["status"] == "sent"
    for _ in range(3):
        again = send(api)
        assert (again.status_code, again.json_body) == (200, first.json_body)
    assert len(postbox.posted) == 1
    assert messages_of(api) == [first.json_body]


def test_each_id_is_a_message_of_its_own(api: Any, postbox: Postbox) -> None:
    assert send(api).status_code == 201
    assert send(api, new_id("msg")).status_code == 201
    assert len(postbox.posted) == 2


def test_another_message_under_the_same_id_is_refused(api: Any, postbox: Postbox) -> None:
    send(api)
    for changes in (
        {"to": "bob@example.com"},
        {"template": "payment_refunded"},
        {"attachments": []},
    ):
        assert send(api, **changes).status_code == 409
    assert len(postbox.posted) == 1


def test_ses_takes_the_whole_message(load_app: Callable[..., ModuleType], api_of: Any) -> None:
    # GIVEN the sender's domain, verified
    app = load_app("notifications")
    boto3.client("sesv2", region_name=REGION).create_email_identity(EmailIdentity="toyshop.example")
    # WHEN a message is sent
    assert send(api_of(app)).status_code == 201
    # THEN it is addressed, and its receipt is attached
    (message,) = get_backend("ses")[ACCOUNT][REGION].sent_messages
    assert message.destinations[0] == "alice@example.com"
    mail = email.message_from_string(message.raw_data, policy=email.policy.default)
    assert mail["Subject"] == "Thank you! Your order ord_1 is paid"
    (attached,) = mail.iter_attachments()
    assert attached.get_content() == PDF


def test_a_sender_that_ses_does_not_know_is_no_servers_error(
    load_app: Callable[..., ModuleType], api_of: Any
) -> None:
    answer = send(api_of(load_app("notifications")))
    assert answer.status_code == 422
    assert answer.json_body["errors"][0]["pointer"] == "/to"


def test_a_refused_message_can_be_put_right(api: Any, postbox: Postbox) -> None:
    postbox.errors = [RefusedError("MessageRejected")]
    assert send(api).status_code == 422
    assert [each["status"] for each in messages_of(api)] == ["sending"]
    right = send(api, to="alice@example.org")
    assert (right.status_code, right.json_body["to"]) == (201, "alice@example.org")
    assert [mail.recipient for mail in postbox.posted] == ["alice@example.org"]


def test_an_address_that_takes_no_mail_is_named(api: Any, postbox: Postbox) -> None:
    answer = send(api, to="älice@example.com")
    assert answer.status_code == 422
    assert answer.json_body["errors"][0]["pointer"] == "/to"
    assert postbox.posted == []


def test_what_was_not_taken_can_be_tried_again_at_once(api: Any, postbox: Postbox) -> None:
    postbox.errors = [NotTakenError("TooManyRequestsException"), NotTakenError("x")]
    for _ in range(2):
        answer = send(api)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert send(api).status_code == 201
    assert len(postbox.posted) == 1


def test_a_lost_answer_is_waited_for(api: Any, postbox: Postbox, clock: Clock) -> None:
    # GIVEN an e-mail that went out, though SES's answer was lost
    postbox.errors = [NoAnswerError("ReadTimeoutError")]
    assert send(api).status_code == 503
    # WHEN it is asked for again before the lease is over
    clock.advance(59)
    assert send(api).status_code == 503
    # THEN no second copy goes out until it is
    assert len(postbox.posted) == 1
    clock.advance(1)
    assert send(api).status_code == 201
    assert len(postbox.posted) == 2


def test_two_attempts_at_once_send_one_copy(app: ModuleType, api: Any, clock: Clock) -> None:
    # GIVEN an attempt that is talking to SES
    talking, may_answer = threading.Event(), threading.Event()

    class SlowPostbox(Postbox):
        def post(self, mail: Mail) -> None:
            talking.set()
            assert may_answer.wait(10)
            super().post(mail)

    slow = SlowPostbox()
    slow_service = service(MessageStore(TABLE), slow, clock)
    request = new_message()
    thread = threading.Thread(target=slow_service.send, args=(MESSAGE_ID, request))
    thread.start()
    assert talking.wait(10)
    # WHEN another one asks for the same
    answer = send(api)
    may_answer.set()
    thread.join()
    # THEN it has to wait, and finds it sent
    assert answer.status_code == 503
    assert send(api).status_code == 200
    assert len(slow.posted) == 1
    assert app.components.notifications._postbox.posted == []


def test_an_attempt_that_was_taken_for_dead_still_tells_that_it_has_sent(
    app: ModuleType, api: Any, clock: Clock
) -> None:
    class VerySlowPostbox(Postbox):
        def post(self, mail: Mail) -> None:
            super().post(mail)
            clock.advance(61)
            # meanwhile another attempt takes over, and gets nowhere
            app.components.notifications._postbox.errors = [NoAnswerError("ReadTimeoutError")]
            assert send(api).status_code == 503

    request = new_message()
    message, is_new = service(MessageStore(TABLE), VerySlowPostbox(), clock).send(
        MESSAGE_ID, request
    )
    assert (message.status, is_new) == ("sent", True)
    assert send(api).status_code == 200


class Crash(BaseException):
    """The process dies."""


class CrashingStore:
    """Dies before or after a number of writes.

    Parameters
    ----------
    writes
        That are let through; the one after them is the last.
    after
        Whether the last one still reaches the table.
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
        (0, True, 0, 1),  # leased, not posted
        (1, False, 1, 2),  # posted, not recorded: the one place where a second copy can come from
        (1, True, 1, 1),  # recorded, not answered
    ],
)
def test_a_crash_at_every_step(
    app: ModuleType,
    api: Any,
    postbox: Postbox,
    clock: Clock,
    writes: int,
    after: bool,
    copies_before: int,
    copies: int,
) -> None:
    # GIVEN an attempt that dies at a step
    request = new_message()
    dying = service(CrashingStore(writes, after=after), postbox, clock)
    with pytest.raises(Crash):
        dying.send(MESSAGE_ID, request)
    assert len(postbox.posted) == copies_before
    # WHEN it is tried again, at once and after the lease
    at_once = send(api).status_code
    assert at_once in (200, 201, 503)
    clock.advance(60)
    # THEN it was sent, with no more copies than it must
    assert send(api).status_code in (200, 201)
    assert [each["status"] for each in messages_of(api)] == ["sent"]
    assert len(postbox.posted) == copies


def test_a_crash_while_posting(app: ModuleType, api: Any, postbox: Postbox, clock: Clock) -> None:
    # the process dies with the e-mail handed over or not, nobody knows: the lease must be over
    postbox.errors = [Crash()]
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
def test_a_bad_field_is_named_and_nothing_goes_out(
    api: Any, postbox: Postbox, changes: dict[str, Any], pointer: str
) -> None:
    answer = send(api, **changes)
    assert answer.status_code == 422
    assert answer.json_body["errors"][0]["pointer"] == pointer
    assert postbox.posted == []
    assert messages_of(api, MESSAGE_ID) == []


@pytest.mark.parametrize("message_id", ["1", "ord_1", "fil_01M85PFGE63KGV9W3G6X1F75A7"])
def test_a_message_has_the_id_of_one(api: Any, message_id: str) -> None:
    assert send(api, message_id).status_code == 400
    assert messages_of(api, message_id) == []


def test_addresses_stay_out_of_the_log(
    api: Any, postbox: Postbox, capsys: pytest.CaptureFixture[str]
) -> None:
    postbox.errors = [NotTakenError("x"), RefusedError("x")]
    for _ in range(3):
        send(api)
    assert '"operation":"sendMessage"' in (out := capsys.readouterr().out)
    assert "alice" not in out.lower()
