"""Which webhooks are accepted: their signatures, their timestamps, and what they are about."""

import json
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.payments.domain import Intent, Payment, apply_intent, opened, transaction_id
from chalicelib.payments.gateway import GatewayUnavailableError, InvalidGatewayRequestError
from chalicelib.payments.reversals import Refund, Reversals
from chalicelib.payments.webhooks import TOLERANCE, Webhooks, _Refund
from chassis.problems import BadRequest, Conflict
from contracts.payments import Webhook
from support.log_lines import Lines, Metrics
from support.payments import SECRET, order_of, signature_of

NOW = 1_764_000_000
IGNORED = b'{"type":"payment_intent.created","data":{"object":{"id":"pi_1"}}}'


class Charging:
    """A fake that records the outcomes which webhooks report."""

    def __init__(self) -> None:
        self.recorded: list[Intent] = []
        self.cancelled: list[bool] = []
        """Whether the order was cancelled, for each refund or dispute."""
        self.asked = 0
        """How often the gateway was asked for the refunds."""
        self.failure: Exception | None = None
        """What it answers instead."""

    def record(self, payment: Payment, intent: Intent) -> Payment:
        self.recorded.append(intent)
        return payment

    def record_success(self, payment: Payment) -> Payment:
        return self.record(payment, Intent(id=payment.intent_id or "", status="succeeded"))

    def record_refunds(self, payment: Payment) -> Payment:
        self.asked += 1
        if self.failure:
            raise self.failure
        return payment

    def reverse(self, payment: Payment, change: Any, *, order_cancelled: bool) -> Payment:
        self.cancelled.append(order_cancelled)
        return payment


def webhooks(
    payment: Payment | None = None, charging: Any = None, order_of_intent: Any = None
) -> Webhooks:
    known = {payment.id: payment} if payment else {}
    store: Any = SimpleNamespace(get=known.get)
    gateway: Any = SimpleNamespace(order_of=order_of_intent)
    return Webhooks(SECRET, store, charging or Charging(), gateway, lambda: NOW)


def receive(signature: str, payload: bytes = IGNORED) -> None:
    webhooks().receive(Webhook(payload=payload, signature=signature))


RIGHT = signature_of(IGNORED, NOW)
WRONG = "0" * 64


@pytest.mark.parametrize(
    "signature",
    [
        f"t={NOW},v1={RIGHT}",
        # while the secret is rotated, there is a signature with each secret
        f"t={NOW},v1={RIGHT},v1={WRONG}",
        f"t={NOW},v1={WRONG},v1={RIGHT}",
        f"t={NOW},v0={WRONG},v1={RIGHT}",
        f"v1={RIGHT},t={NOW}",
    ],
)
def test_webhook_with_a_valid_signature_is_accepted(signature: str) -> None:
    receive(signature)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        f"t={NOW}",  # fresh, but not signed
        f"t={NOW},v1=",
        f"t={NOW},v1",
        f"t={NOW},v1={WRONG}",
        f"t={NOW},v1={WRONG},v1={WRONG}",
        f"t={NOW},v0={RIGHT}",  # the scheme of test events
        f"t={NOW},v1={RIGHT[:-1]}",
        f"t={NOW},v1={RIGHT}0",
        f"t={NOW},v1={RIGHT.upper()}",
        f"v1={RIGHT}",
        f"t={NOW - 1},v1={RIGHT}",  # signed with another timestamp
        f"t={NOW},t={NOW},v1={RIGHT}",
        f"t={NOW}.0,v1={RIGHT}",
        f"t=-{NOW},v1={RIGHT}",
        f"t=now,v1={RIGHT}",
        f"t={NOW},v1=a=b",
        f"t=now,v1={signature_of(IGNORED, 'now')}",  # type: ignore[arg-type]
    ],
)
def test_webhook_without_a_valid_signature_is_rejected(signature: str, metrics: Metrics) -> None:
    with pytest.raises(BadRequest, match="signature is not valid"):
        receive(signature)
    (counted,) = metrics()
    assert (counted.name, counted.dimensions["result"]) == ("toyshop.webhooks", "rejected")


def test_signature_of_another_payload_is_rejected() -> None:
    with pytest.raises(BadRequest, match="signature is not valid"):
        receive(f"t={NOW},v1={RIGHT}", IGNORED + b" ")


@pytest.mark.parametrize("seconds", [-TOLERANCE, -1, 0, 1, TOLERANCE])
def test_signature_within_the_tolerance_is_accepted(seconds: int) -> None:
    at = NOW + seconds
    receive(f"t={at},v1={signature_of(IGNORED, at)}")


@pytest.mark.parametrize("seconds", [-TOLERANCE - 1, TOLERANCE + 1, 10**9, -NOW])
def test_signature_from_the_past_or_the_future_is_rejected(seconds: int) -> None:
    at = NOW + seconds
    with pytest.raises(BadRequest, match="too old, or its timestamp is in the future"):
        receive(f"t={at},v1={signature_of(IGNORED, at)}")


def signed(kind: str, **subject: Any) -> Webhook:
    payload = json.dumps({"type": kind, "data": {"object": subject}}).encode()
    return Webhook(payload=payload, signature=f"t={NOW},v1={signature_of(payload, NOW)}")


@pytest.mark.parametrize(
    ("webhook", "result"),
    [
        (signed("payment_intent.created", id="pi_1", metadata={"order_id": "ord_1"}),
         "unknown_type"),
        (signed("charge.updated", id="ch_1", metadata={"order_id": "ord_1"}), "unknown_type"),
        # a charge that was not made with a payment intent
        (signed("charge.refunded", id="ch_1", amount_refunded=1), "without_order"),
        (signed("charge.refunded", id="ch_1", amount_refunded=1, metadata={"order_id": "ord_1"}),
         "without_order"),
        (signed("payment_intent.succeeded", id="pi_1", metadata={}), "without_order"),
        (signed("payment_intent.succeeded", id="pi_1", metadata=None), "without_order"),
        (signed("payment_intent.succeeded", id="pi_1"), "without_order"),
    ],
)  # fmt: skip
def test_webhook_without_an_outcome_is_acknowledged_before_the_payment_is_recorded(
    webhook: Webhook, result: str, lines: Lines, metrics: Metrics
) -> None:
    charging = Charging()
    webhooks(None, charging).receive(webhook)
    assert charging.recorded == []
    (line,), (metric,) = lines(), metrics()
    assert (line["level"], line["message"]) == ("INFO", "webhook ignored")
    assert line["type"] == json.loads(webhook.payload)["type"]
    assert (metric.name, metric.dimensions["result"]) == ("toyshop.webhooks", result)


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b'"text"',
        b"{}",
        b'{"type": "payment_intent.succeeded"}',
        b'{"type": "payment_intent.succeeded", "data": []}',
        b'{"type": "payment_intent.succeeded", "data": {"object": "text"}}',
        b'{"type": "payment_intent.succeeded", "data": {"object": {"metadata": "text"}}}',
        b'{"type": ["payment_intent.succeeded"], "data": {"object": {}}}',
    ],
)
def test_signed_payload_that_is_not_an_event_is_rejected(payload: bytes) -> None:
    webhook = Webhook(payload=payload, signature=f"t={NOW},v1={signature_of(payload, NOW)}")
    with pytest.raises(BadRequest, match="not an event of the gateway"):
        webhooks(None, Charging()).receive(webhook)


@pytest.mark.parametrize("kind", ["succeeded", "payment_failed", "canceled"])
def test_outcome_before_the_payment_is_recorded_is_sent_again(kind: str) -> None:
    webhook = signed(f"payment_intent.{kind}", id="pi_1", metadata={"order_id": "ord_1"})
    with pytest.raises(Conflict):
        webhooks().receive(webhook)


@pytest.mark.parametrize(
    ("kind", "failure", "status", "code"),
    [
        ("payment_failed", {"decline_code": "lost_card", "code": "card_declined"},
         "declined", "lost_card"),
        ("payment_failed", {"code": "card_declined"}, "declined", "card_declined"),
        ("payment_failed", None, "declined", None),
        # the gateway keeps the error of an earlier attempt
        ("succeeded", {"decline_code": "lost_card"}, "succeeded", None),
        ("canceled", {"decline_code": "lost_card"}, "cancelled", None),
    ],
)  # fmt: skip
def test_only_a_failure_has_a_decline_code(
    kind: str, failure: dict[str, str] | None, status: str, code: str | None
) -> None:
    order, charging = order_of(), Charging()
    payment = opened(order, "pi_1", order.placed_at)
    webhooks(payment, charging).receive(
        signed(
            f"payment_intent.{kind}",
            id="pi_1",
            metadata={"order_id": order.id},
            last_payment_error=failure,
        )
    )
    (intent,) = charging.recorded
    assert (intent.id, intent.status, intent.decline_code) == ("pi_1", status, code)


@pytest.mark.parametrize(
    ("label", "attempt"), [(None, 1), ("2", 2), ("3.5f0c", 3), ("10.x", 10), ("", 1), ("x", 1)]
)
def test_webhook_belongs_to_the_attempt_that_the_metadata_name(
    label: str | None, attempt: int
) -> None:
    order, charging = order_of(), Charging()
    metadata = {"order_id": order.id} | ({} if label is None else {"attempt": label})
    webhooks(opened(order, "pi_1", order.placed_at), charging).receive(
        signed("payment_intent.payment_failed", id="pi_1", metadata=metadata)
    )
    (intent,) = charging.recorded
    assert intent.attempt == attempt


@pytest.mark.parametrize("reason", [{}, {"order_cancelled": "true"}])
def test_cancelled_intent_is_of_a_cancelled_order_only_if_its_metadata_say_so(
    reason: dict[str, str],
) -> None:
    order, charging = order_of(), Charging()
    webhooks(opened(order, "pi_1", order.placed_at), charging).receive(
        signed("payment_intent.canceled", id="pi_1", metadata={"order_id": order.id} | reason)
    )
    (intent,) = charging.recorded
    assert intent.order_cancelled is bool(reason)


@pytest.mark.parametrize(
    ("fields", "status", "by_shop"),
    [
        ({}, "pending", False),
        ({"status": None, "metadata": None}, "pending", False),
        ({"status": "succeeded", "metadata": {}}, "succeeded", False),
        # the shop's own refunds name the order
        ({"status": "failed", "metadata": {"order_id": "ord_1"}}, "failed", True),
    ],
)
def test_refund_is_reported_with_its_status_and_who_requested_it(
    fields: dict[str, Any], status: str, by_shop: bool
) -> None:
    refund = msgspec.convert({"id": "re_1", "amount": 5} | fields, _Refund)
    (found,) = refund.change()(Reversals()).refunds
    assert found == Refund(id="re_1", amount=5, status=status, by_shop=by_shop)


@pytest.mark.parametrize(
    "error", [GatewayUnavailableError("timed out"), InvalidGatewayRequestError("rejected")]
)
def test_refund_whose_order_the_gateway_does_not_name_is_logged_and_sent_again(
    error: Exception, lines: Lines
) -> None:
    def order_of_intent(_: str) -> str:
        raise error

    charging = Charging()
    webhook = signed("refund.created", id="re_1", amount=500, payment_intent="pi_1")
    with pytest.raises(Conflict, match="Send the webhook again later"):
        webhooks(None, charging, order_of_intent).receive(webhook)
    assert charging.cancelled == []
    (line,) = lines()
    assert (line["level"], line["message"]) == ("WARNING", "gateway unavailable for a webhook")
    assert line["reason"] == str(error)


@pytest.mark.parametrize(
    ("kind", "subject", "names_order", "order_cancelled"),
    [
        # only the shop's own refunds name the order, and it refunds only cancelled orders
        ("refund.created", {"id": "re_1", "amount": 500}, True, True),
        ("refund.created", {"id": "re_1", "amount": 500}, False, False),
        # a charge always names the order; only its refunds tell who requested them
        ("charge.refunded", {"id": "ch_1", "amount_refunded": 500}, True, False),
    ],
)
def test_order_is_cancelled_only_if_the_shop_itself_has_refunded_it(
    kind: str, subject: dict[str, Any], names_order: bool, order_cancelled: bool
) -> None:
    order, charging = order_of(), Charging()
    payment = opened(order, "pi_1", order.placed_at)
    metadata = {"order_id": order.id} if names_order else {}
    webhooks(payment, charging, lambda _: order.id).receive(
        signed(kind, **subject, payment_intent="pi_1", metadata=metadata)
    )
    assert charging.cancelled == [order_cancelled]


def refunded_charge(order_id: str, amount: int) -> Webhook:
    return signed(
        "charge.refunded",
        id="ch_1",
        amount_refunded=amount,
        payment_intent="pi_1",
        metadata={"order_id": order_id},
    )


@pytest.mark.parametrize(("amount", "asked"), [(499, 0), (500, 0), (501, 1)])
def test_gateway_is_asked_for_the_refunds_of_a_charge_only_if_some_are_unknown(
    amount: int, asked: int
) -> None:
    order, charging = order_of(), Charging()
    known = Reversals(refunds=(Refund(id="re_1", amount=500, status="succeeded"),))
    payment = replace(opened(order, "pi_1", order.placed_at), reversals=known)
    webhooks(payment, charging).receive(refunded_charge(order.id, amount))
    assert (charging.asked, charging.cancelled) == (asked, [False])


@pytest.mark.parametrize(
    "error", [GatewayUnavailableError("timed out"), InvalidGatewayRequestError("rejected")]
)
def test_refunded_charge_whose_refunds_the_gateway_does_not_list_is_sent_again(
    error: Exception, lines: Lines
) -> None:
    order, charging = order_of(), Charging()
    charging.failure = error
    payment = opened(order, "pi_1", order.placed_at)
    with pytest.raises(Conflict, match="Send the webhook again later"):
        webhooks(payment, charging).receive(refunded_charge(order.id, 500))
    assert charging.cancelled == []
    (line,) = lines()
    assert (line["message"], line["reason"]) == ("gateway unavailable for a webhook", str(error))


def test_webhook_of_another_intent_is_ignored(lines: Lines, metrics: Metrics) -> None:
    order, charging = order_of(), Charging()
    payment = opened(order, "pi_1", order.placed_at)
    webhooks(payment, charging).receive(
        signed("payment_intent.succeeded", id="pi_2", metadata={"order_id": order.id})
    )
    assert charging.recorded == []
    (line,), (metric,) = lines(), metrics()
    assert (line["level"], line["order_id"]) == ("WARNING", order.id)
    assert line["message"] == "webhook of an unrecorded intent ignored"
    assert metric.dimensions["result"] == "unknown_intent"


def test_success_after_a_decline_clears_the_decline_code() -> None:
    order = order_of()
    payment = opened(order, "pi_1", order.placed_at)
    declined = apply_intent(
        payment, Intent(id="pi_1", status="declined", decline_code="lost_card"), order.placed_at
    )
    paid = apply_intent(declined, Intent(id="pi_1", status="succeeded"), order.placed_at)
    assert paid.id == transaction_id(order.id)
    assert (declined.decline_code, paid.decline_code) == ("lost_card", None)
    # and the event of the decline keeps its own
    assert [outcome.decline_code for outcome in paid.outcomes] == ["lost_card", None]


def test_card_that_is_declined_after_its_holder_has_authenticated_is_forgotten() -> None:
    order = order_of()
    asked = Intent(id="pi_1", status="action_required", client_secret="secret", card_last4="3220")
    waiting = apply_intent(opened(order, "pi_1", order.placed_at), asked, order.placed_at)
    declined = apply_intent(waiting, Intent(id="pi_1", status="declined"), order.placed_at)
    assert (waiting.card_last4, declined.card_last4) == ("3220", None)
