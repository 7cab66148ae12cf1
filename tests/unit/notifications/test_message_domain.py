"""The rules of emails."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.notifications import domain
from chassis.ids import derived_id
from contracts.money import Money
from contracts.notifications import MessageText, NewMessage, OrderMail

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LEASE = timedelta(seconds=60)
TEXT = MessageText(subject="Your order is paid", text="Hello Alice")


def request(to: str = "alice@example.com") -> NewMessage:
    order = OrderMail(order_id="ord_1", total=Money(amount=1, currency="AUD"), lines=[])
    return NewMessage(to=to, name="Alice", template="payment_refunded", order=order)


FIRST = domain.first_attempt("msg_1", request(), LEASE, NOW)


def test_first_attempt_leases_the_message() -> None:
    assert (FIRST.message.status, FIRST.message.version) == ("sending", 1)
    assert FIRST.leased_until == NOW + LEASE


def test_no_other_attempt_is_allowed_during_the_lease() -> None:
    with pytest.raises(domain.SendingInProgressError):
        domain.next_attempt(FIRST, request(), LEASE, NOW + LEASE - timedelta(microseconds=1))


def test_expired_lease_allows_another_attempt() -> None:
    later = NOW + LEASE
    following = domain.next_attempt(FIRST, request(), LEASE, later)
    assert following is not None
    assert (following.message.version, following.leased_until) == (2, later + LEASE)


def test_released_lease_allows_another_attempt_at_once() -> None:
    released = domain.release_lease(FIRST, NOW)
    assert released.message.status == "sending"
    assert domain.next_attempt(released, request(), LEASE, NOW) is not None


def test_sent_message_is_not_sent_again() -> None:
    sent = domain.mark_sent(FIRST, TEXT, NOW)
    assert (sent.message.status, sent.message.sent_at, sent.message.version) == ("sent", NOW, 2)
    assert domain.next_attempt(sent, request(), LEASE, NOW + 10 * LEASE) is None


def test_other_request_for_a_sent_message_is_rejected() -> None:
    with pytest.raises(domain.DifferentMessageError):
        domain.next_attempt(
            domain.mark_sent(FIRST, TEXT, NOW), request("bob@example.com"), LEASE, NOW
        )


def test_unsent_message_may_be_replaced() -> None:
    released = domain.release_lease(FIRST, NOW)
    following = domain.next_attempt(released, request("bob@example.com"), LEASE, NOW)
    assert following is not None
    assert following.message.to == "bob@example.com"
    assert following.fingerprint != FIRST.fingerprint
    assert replace(following, updated_at=NOW).message.created_at == NOW


def test_only_message_ids_have_the_form_of_one() -> None:
    assert domain.is_message_id(derived_id("msg", "ord_1", "payment_refunded"))
    for text in ("", "msg_1", derived_id("fil", "x"), derived_id("msg", "x") + "\n"):
        assert not domain.is_message_id(text)
