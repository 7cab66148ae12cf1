"""The rules of e-mails."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.notifications import domain
from chassis.ids import derived_id
from contracts.money import Money
from contracts.notifications import NewMessage, OrderMail

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LEASE = timedelta(seconds=60)


def request(to: str = "alice@example.com") -> NewMessage:
    order = OrderMail(order_id="ord_1", total=Money(amount=1, currency="AUD"), lines=[])
    return NewMessage(to=to, name="Alice", template="payment_refunded", order=order)


FIRST = domain.first_attempt("msg_1", request(), LEASE, NOW)


def test_a_first_attempt_leases_the_message() -> None:
    assert (FIRST.message.status, FIRST.message.version) == ("sending", 1)
    assert FIRST.leased_until == NOW + LEASE


def test_nobody_else_may_try_while_the_lease_lasts() -> None:
    with pytest.raises(domain.BeingSentError):
        domain.next_attempt(FIRST, request(), LEASE, NOW + LEASE - timedelta(microseconds=1))


def test_an_attempt_whose_lease_is_over_is_taken_for_dead() -> None:
    later = NOW + LEASE
    following = domain.next_attempt(FIRST, request(), LEASE, later)
    assert following is not None
    assert (following.message.version, following.leased_until) == (2, later + LEASE)


def test_an_attempt_that_was_given_up_need_not_be_waited_for() -> None:
    given_up = domain.given_up(FIRST, NOW)
    assert given_up.message.status == "sending"
    assert domain.next_attempt(given_up, request(), LEASE, NOW) is not None


def test_what_was_sent_is_not_sent_again() -> None:
    sent = domain.sent(FIRST, NOW)
    assert (sent.message.status, sent.message.sent_at, sent.message.version) == ("sent", NOW, 2)
    assert domain.next_attempt(sent, request(), LEASE, NOW + 10 * LEASE) is None


def test_one_id_is_one_message() -> None:
    with pytest.raises(domain.AnotherMessageError):
        domain.next_attempt(domain.sent(FIRST, NOW), request("bob@example.com"), LEASE, NOW)


def test_what_nobody_has_read_may_be_put_differently() -> None:
    given_up = domain.given_up(FIRST, NOW)
    following = domain.next_attempt(given_up, request("bob@example.com"), LEASE, NOW)
    assert following is not None
    assert following.message.to == "bob@example.com"
    assert following.fingerprint != FIRST.fingerprint
    assert replace(following, updated_at=NOW).message.created_at == NOW


def test_ids_of_the_chassis_are_ids_of_messages() -> None:
    assert domain.is_message_id(derived_id("msg", "ord_1", "payment_refunded"))
    for text in ("", "msg_1", derived_id("fil", "x"), derived_id("msg", "x") + "\n"):
        assert not domain.is_message_id(text)
