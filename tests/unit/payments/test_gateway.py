"""What the answers of Stripe's client mean, where the simulator does not give them."""

from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from chalicelib.payments.gateway import (
    GatewayRefusedError,
    GatewayUnavailableError,
    InvalidGatewayRequestError,
    StripeGateway,
    _traced,
)
from chalicelib.payments.reversals import Refund
from chassis import context, tracing
from contracts.money import Money
from support.exported import Spans


def gateway_with(**operations: Any) -> StripeGateway:
    """Return a gateway whose client has only some operations, named as in ``intents_search``."""
    gateway = StripeGateway("sk_test_x")
    intents = {
        name.removeprefix("intents_"): operation
        for name, operation in operations.items()
        if name.startswith("intents_")
    }
    refunds = SimpleNamespace(
        create=operations.get("refunds_create"), list=operations.get("refunds_list")
    )
    disputes = SimpleNamespace(list=operations.get("disputes_list"))
    v1 = SimpleNamespace(
        payment_intents=SimpleNamespace(**intents), refunds=refunds, disputes=disputes
    )
    gateway._client = SimpleNamespace(v1=v1)  # type: ignore[assignment]
    return gateway


def raising(error: Exception) -> Any:
    def call(*_: Any) -> None:
        raise error

    return call


def intent(status: str, name: str = "pi_1", created: int = 1, attempt: str = "") -> SimpleNamespace:
    return SimpleNamespace(
        id=name,
        status=status,
        created=created,
        client_secret="secret",
        last_payment_error=None,
        metadata={"attempt": attempt} if attempt else {},
    )


ORDER: Any = SimpleNamespace(id="ord_1", total=Money(amount=2500, currency="AUD"))


@pytest.fixture(autouse=True)
def _time_left() -> Any:
    with context.entered({}, budget=60):
        yield


@pytest.mark.parametrize(
    ("param", "code", "expected"),
    [
        ("amount", "amount_too_small", GatewayRefusedError),
        ("currency", None, GatewayRefusedError),
        ("amount[value]", "amount_too_small", GatewayRefusedError),
        ("metadata[order_id]", "parameter_unknown", InvalidGatewayRequestError),
        ("payment_method", "resource_missing", InvalidGatewayRequestError),
        (None, None, InvalidGatewayRequestError),
    ],
)
def test_intent_is_refused_only_because_of_the_order(
    param: str | None, code: str | None, expected: type[Exception]
) -> None:
    error = stripe.InvalidRequestError("No.", param, code=code)
    gateway = gateway_with(intents_create=raising(error))
    with pytest.raises(expected, match=code or ("^invalid_request$" if param else "None: No.")):
        gateway.create(ORDER)


@pytest.mark.parametrize(
    ("further", "earlier"),
    [
        ("requires_payment_method", "canceled"),
        ("requires_confirmation", "requires_payment_method"),
        ("requires_action", "requires_confirmation"),
        ("succeeded", "processing"),
        ("succeeded", "requires_action"),
    ],
)
def test_most_advanced_of_several_intents_is_found(further: str, earlier: str) -> None:
    # GIVEN two intents of an order, of which the more advanced is older
    found = [intent(further, "pi_further", created=1), intent(earlier, "pi_earlier", created=2)]
    for order in (found, found[::-1]):
        gateway = gateway_with(
            intents_search=lambda _, order=order: SimpleNamespace(data=list(order))
        )
        answer = gateway.find("ord_1")
        assert answer
        assert answer.id == "pi_further"


def test_intent_that_is_processed_has_no_outcome_yet() -> None:
    found = [intent("requires_action"), intent("processing")]
    gateway = gateway_with(intents_search=lambda _: SimpleNamespace(data=found))
    with pytest.raises(GatewayUnavailableError):
        gateway.find("ord_1")


def test_newer_of_two_equally_advanced_intents_is_found() -> None:
    found = [intent("succeeded", "pi_new", created=2), intent("succeeded", "pi_old", created=1)]
    gateway = gateway_with(intents_search=lambda _: SimpleNamespace(data=found))
    answer = gateway.find("ord_1")
    assert answer
    assert answer.id == "pi_new"


@pytest.mark.parametrize("status", ["failed", "canceled"])
@pytest.mark.parametrize(
    ("reason", "code"),
    [("expired_or_canceled_card", "expired_or_canceled_card"), (None, "refund_failed")],
)
def test_failed_refund_is_refused_with_its_reason(
    status: str, reason: str | None, code: str
) -> None:
    refund = SimpleNamespace(status=status, failure_reason=reason)
    with pytest.raises(GatewayRefusedError) as refused:
        gateway_with(refunds_create=lambda *_: refund).refund("pi_1", "ord_1")
    assert refused.value.code == code


def test_charge_that_is_already_refunded_is_no_error() -> None:
    error = stripe.InvalidRequestError("Refunded.", "charge", code="charge_already_refunded")
    assert gateway_with(refunds_create=raising(error)).refund("pi_1", "ord_1") is None


@pytest.mark.parametrize(
    ("code", "expected"), [("charge_disputed", "charge_disputed"), (None, "invalid_request")]
)
def test_refund_that_the_gateway_rejects_is_refused(code: str | None, expected: str) -> None:
    error = stripe.InvalidRequestError("No.", "charge", code=code)
    with pytest.raises(GatewayRefusedError) as refused:
        gateway_with(refunds_create=raising(error)).refund("pi_1", "ord_1")
    assert refused.value.code == expected


class Answers:
    """A call that gives its answers one after the other, and records its idempotency keys."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.keys: list[str | None] = []
        self.sent: list[tuple[Any, ...]] = []

    def __call__(self, *arguments: Any) -> Any:
        self.sent.append(arguments)
        options = arguments[-1]
        self.keys.append(options.get("idempotency_key") if isinstance(options, dict) else None)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


NOT_CONFIRMED, PAID = intent("requires_confirmation"), intent("succeeded")
NO_SUCH_METHOD = stripe.InvalidRequestError("No.", "payment_method", code="resource_missing")


def test_intent_with_an_outcome_is_not_confirmed_again() -> None:
    confirm = Answers()
    answer = gateway_with(intents_retrieve=Answers(PAID), intents_confirm=confirm).confirm(
        "pi_1", "ord_1", "pm_1", 1
    )
    assert (answer.id, answer.status) == ("pi_1", "succeeded")
    assert confirm.sent == []


def test_intent_that_another_delivery_confirms_meanwhile_keeps_its_outcome() -> None:
    # GIVEN an intent that is paid between the read and the confirmation, which is then refused
    gateway = gateway_with(
        intents_retrieve=Answers(NOT_CONFIRMED, PAID), intents_confirm=Answers(NO_SUCH_METHOD)
    )
    assert gateway.confirm("pi_1", "ord_1", "pm_1", 1).status == "succeeded"


def test_payment_method_that_the_gateway_refuses_is_a_decline() -> None:
    gateway = gateway_with(
        intents_retrieve=Answers(NOT_CONFIRMED, NOT_CONFIRMED),
        intents_confirm=Answers(NO_SUCH_METHOD),
    )
    answer = gateway.confirm("pi_1", "ord_1", "pm_1", 1)
    assert (answer.id, answer.status, answer.decline_code) == (
        "pi_1",
        "declined",
        "resource_missing",
    )


def test_confirmation_that_is_invalid_for_another_reason_is_no_decline() -> None:
    error = stripe.InvalidRequestError("No.", "return_url", code="parameter_missing")
    gateway = gateway_with(
        intents_retrieve=Answers(NOT_CONFIRMED, NOT_CONFIRMED), intents_confirm=Answers(error)
    )
    with pytest.raises(InvalidGatewayRequestError, match="parameter_missing"):
        gateway.confirm("pi_1", "ord_1", "pm_1", 1)


def test_order_of_an_intent_is_unknown_only_if_the_intent_is() -> None:
    missing = stripe.InvalidRequestError("No.", "intent", code="resource_missing")
    invalid = stripe.InvalidRequestError("No.", "expand", code="parameter_unknown")
    assert gateway_with(intents_retrieve=Answers(missing)).order_of("pi_1") is None
    with pytest.raises(InvalidGatewayRequestError, match="parameter_unknown"):
        gateway_with(intents_retrieve=Answers(invalid)).order_of("pi_1")


@pytest.mark.parametrize("read", ["find", "retrieve", "refunds", "disputes"])
def test_rejected_read_is_for_an_operator(read: str) -> None:
    error = stripe.InvalidRequestError("No.", "payment_intent", code="resource_missing")
    gateway = gateway_with(
        intents_search=raising(error),
        intents_retrieve=raising(error),
        refunds_list=raising(error),
        disputes_list=raising(error),
    )
    with pytest.raises(InvalidGatewayRequestError, match="resource_missing"):
        getattr(gateway, read)("pi_1")


def test_failed_confirmation_is_repeated_with_another_key_if_it_has_not_been_carried_out() -> None:
    confirm = Answers(stripe.APIError("Oops."), PAID)
    gateway = gateway_with(
        intents_retrieve=Answers(NOT_CONFIRMED, NOT_CONFIRMED), intents_confirm=confirm
    )
    assert gateway.confirm("pi_1", "ord_1", "pm_1", 1).status == "succeeded"
    first, second = confirm.keys
    assert first == "ord_1:confirm"
    assert second
    assert second.startswith("ord_1:confirm:")
    assert [(sent[0], sent[1]["payment_method"]) for sent in confirm.sent] == [("pi_1", "pm_1")] * 2


def test_failed_confirmation_that_was_carried_out_is_not_repeated() -> None:
    confirm = Answers(stripe.APIError("Oops."))
    gateway = gateway_with(intents_retrieve=Answers(NOT_CONFIRMED, PAID), intents_confirm=confirm)
    assert gateway.confirm("pi_1", "ord_1", "pm_1", 1).status == "succeeded"
    assert len(confirm.sent) == 1


@pytest.mark.parametrize(
    "errors",
    [
        [stripe.APIError("Oops."), stripe.APIError("Oops.")],
        [stripe.APIConnectionError("No answer.")],
        [stripe.RateLimitError("Slower.")],
    ],
)
def test_confirmation_without_an_answer_has_no_outcome(errors: list[Exception]) -> None:
    gateway = gateway_with(
        intents_retrieve=Answers(NOT_CONFIRMED, NOT_CONFIRMED), intents_confirm=Answers(*errors)
    )
    with pytest.raises(GatewayUnavailableError):
        gateway.confirm("pi_1", "ord_1", "pm_1", 1)


def test_second_attempt_is_labelled_before_it_is_confirmed() -> None:
    first = intent("requires_action")
    second = intent("requires_confirmation", attempt="2")
    update, confirm = Answers(second), Answers(PAID)
    gateway = gateway_with(
        intents_retrieve=Answers(first, second), intents_update=update, intents_confirm=confirm
    )
    assert gateway.confirm("pi_1", "ord_1", "pm_2", 2).status == "succeeded"
    ((_, sent, _),) = update.sent
    assert sent == {"payment_method": "pm_2", "metadata": {"attempt": "2"}}
    assert (update.keys, confirm.keys) == (["ord_1:attempt:2"], ["ord_1:confirm:2"])


def test_failed_label_is_repeated_with_another_label_and_confirmed_under_it() -> None:
    again = intent("requires_confirmation", attempt="2.x")
    update, confirm = Answers(stripe.APIError("Oops."), again), Answers(PAID)
    gateway = gateway_with(
        intents_retrieve=Answers(intent("requires_action"), intent("requires_action"), again),
        intents_update=update,
        intents_confirm=confirm,
    )
    assert gateway.confirm("pi_1", "ord_1", "pm_2", 2).status == "succeeded"
    label = update.sent[1][1]["metadata"]["attempt"]
    assert label.startswith("2.")
    assert update.keys == ["ord_1:attempt:2", f"ord_1:attempt:{label}"]
    assert confirm.keys == ["ord_1:confirm:2.x"]


def test_later_attempt_repeats_each_of_its_two_requests_once() -> None:
    # GIVEN a label that is written at the second request, and confirmations that all fail
    before, labelled = intent("requires_action"), intent("requires_confirmation", attempt="2.x")
    update = Answers(stripe.APIError("Oops."), labelled)
    confirm = Answers(stripe.APIError("Oops."), stripe.APIError("Oops."))
    gateway = gateway_with(
        intents_retrieve=Answers(before, before, labelled, labelled),
        intents_update=update,
        intents_confirm=confirm,
    )
    with pytest.raises(GatewayUnavailableError, match="pi_1 could not be confirmed"):
        gateway.confirm("pi_1", "ord_1", "pm_2", 2)
    assert len(set(update.keys)) == len(set(confirm.keys)) == 2


def test_label_that_an_older_request_overwrote_is_written_again() -> None:
    # GIVEN a first label that the gateway answers from its memory without writing it again
    stale, second = intent("requires_action"), intent("requires_confirmation", attempt="2.x")
    update = Answers(second, second)
    gateway = gateway_with(
        intents_retrieve=Answers(stale, stale, second),
        intents_update=update,
        intents_confirm=Answers(PAID),
    )
    assert gateway.confirm("pi_1", "ord_1", "pm_2", 2).status == "succeeded"
    assert len(set(update.keys)) == 2


@pytest.mark.parametrize(
    ("found", "status"),
    [
        # already paid or cancelled, whichever attempt it was
        (intent("succeeded"), "succeeded"),
        (intent("canceled"), "cancelled"),
        # this attempt has its outcome, or a later one has begun
        (intent("requires_action", attempt="2"), "action_required"),
        (intent("requires_confirmation", attempt="3"), "unconfirmed"),
    ],
)
def test_attempt_is_not_made_if_it_is_over(found: SimpleNamespace, status: str) -> None:
    answer = gateway_with(intents_retrieve=Answers(found)).confirm("pi_1", "ord_1", "pm_2", 2)
    assert answer.status == status


@pytest.mark.parametrize(
    ("later", "status"),
    [("succeeded", "succeeded"), ("canceled", "cancelled"), ("requires_action", "declined")],
)
def test_refused_label_is_a_decline_unless_the_intent_is_over(later: str, status: str) -> None:
    gateway = gateway_with(
        intents_retrieve=Answers(intent("requires_action"), intent(later)),
        intents_update=Answers(NO_SUCH_METHOD),
    )
    answer = gateway.confirm("pi_1", "ord_1", "pm_2", 2)
    assert (answer.status, answer.attempt) == (status, 2 if status == "declined" else 1)


def test_intent_that_cannot_be_cancelled_any_more_is_returned_as_it_is() -> None:
    error = stripe.InvalidRequestError("No.", None, code="payment_intent_unexpected_state")
    gateway = gateway_with(
        intents_update=Answers(error), intents_cancel=Answers(error), intents_retrieve=Answers(PAID)
    )
    assert gateway.cancel("pi_1").status == "succeeded"


def test_intent_is_cancelled_although_the_reason_for_it_is_refused() -> None:
    error = stripe.InvalidRequestError("No.", None, code="payment_intent_unexpected_state")
    gateway = gateway_with(
        intents_update=Answers(error), intents_cancel=Answers(intent("canceled"))
    )
    cancelled = gateway.cancel("pi_1")
    assert (cancelled.status, cancelled.order_cancelled) == ("cancelled", False)


@pytest.mark.parametrize("metadata", [{}, {"order_cancelled": "true"}, None])
@pytest.mark.parametrize("status", ["canceled", "requires_action"])
def test_reason_of_a_cancellation_is_read_from_the_metadata(
    status: str, metadata: dict[str, str] | None
) -> None:
    found = intent(status)
    found.metadata = metadata
    read = gateway_with(intents_retrieve=Answers(found)).retrieve("pi_1")
    assert read.order_cancelled is (status == "canceled" and bool(metadata))


def test_call_is_repeated_once_with_another_key_after_a_server_error() -> None:
    call = Answers(stripe.APIError("Oops."), PAID)
    assert gateway_with(intents_create=call).create(ORDER).id == "pi_1"
    first, second = call.keys
    assert first == "ord_1:intent"
    assert second
    assert second.startswith("ord_1:intent:")


@pytest.mark.parametrize(
    "errors",
    [
        [stripe.APIError("Oops."), stripe.APIError("Oops.")],
        [stripe.APIConnectionError("No answer.")],
        [stripe.AuthenticationError("Who are you?")],
    ],
)
def test_call_without_an_answer_is_unavailable(errors: list[Exception]) -> None:
    with pytest.raises(GatewayUnavailableError):
        gateway_with(intents_create=Answers(*errors)).create(ORDER)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        # an answer without details
        (stripe.CardError("No.", None, "expired_card"), "expired_card"),
        (stripe.CardError("No.", None, ""), "card_declined"),
    ],
)
def test_declined_card_has_the_code_of_the_error(error: stripe.CardError, code: str) -> None:
    gateway = gateway_with(intents_retrieve=Answers(NOT_CONFIRMED), intents_confirm=Answers(error))
    answer = gateway.confirm("pi_1", "ord_1", "pm_1", 1)
    assert (answer.status, answer.decline_code) == ("declined", code)


def test_intent_is_created_with_what_the_charge_needs() -> None:
    create = Answers(NOT_CONFIRMED)
    gateway_with(intents_create=create).create(ORDER)
    ((sent, _),) = create.sent
    assert sent == {
        "amount": 2500,
        "currency": "aud",
        "metadata": {"order_id": "ord_1"},
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }


def test_refund_names_its_intent_and_order() -> None:
    answer = SimpleNamespace(
        id="re_1",
        amount=2500,
        status="succeeded",
        failure_reason=None,
        metadata={"order_id": "ord_1"},
    )
    create = Answers(answer, answer)
    refund = gateway_with(refunds_create=create).refund("pi_1", "ord_1")
    assert refund == Refund(id="re_1", amount=2500, status="succeeded", by_shop=True)
    ((sent, _),) = create.sent
    assert sent == {"payment_intent": "pi_1", "metadata": {"order_id": "ord_1"}}
    gateway_with(refunds_create=create).refund("pi_1", "ord_1", "du_1")
    assert create.keys == ["ord_1:refund", "ord_1:refund:du_1"]


def test_refund_without_a_status_is_pending() -> None:
    answer = SimpleNamespace(id="re_1", amount=2500, status=None, metadata={})
    made = gateway_with(refunds_create=Answers(answer)).refund("pi_1", "ord_1")
    assert made == Refund(id="re_1", amount=2500, status="pending", by_shop=False)


CARD = SimpleNamespace(card=SimpleNamespace(last4="3220"))
CHARGE = SimpleNamespace(payment_method_details=SimpleNamespace(card=SimpleNamespace(last4="4242")))


@pytest.mark.parametrize(
    ("status", "members", "last4"),
    [
        ("succeeded", {"latest_charge": CHARGE, "payment_method": CARD}, "4242"),
        ("requires_action", {"latest_charge": CHARGE, "payment_method": CARD}, "3220"),
        # not expanded, paid in another way, or left out
        ("succeeded", {"latest_charge": "ch_1", "payment_method": "pm_1"}, None),
        ("succeeded", {"latest_charge": SimpleNamespace(payment_method_details=None)}, None),
        ("succeeded", {}, None),
        ("requires_action", {"payment_method": None}, None),
    ],
)
def test_last_digits_are_those_of_the_card(
    status: str, members: dict[str, Any], last4: str | None
) -> None:
    answer = SimpleNamespace(**vars(intent(status)), **members)
    assert gateway_with(intents_retrieve=Answers(answer)).retrieve("pi_1").card_last4 == last4


@pytest.mark.parametrize(("status", "error"), [(200, None), (402, None), (500, "500")])
def test_request_to_the_gateway_has_a_span(spans: Spans, status: int, error: str | None) -> None:
    sent: list[tuple[str, str]] = []

    def answer(method: str, url: str, *_: Any) -> tuple[bytes, int, dict[str, str]]:
        sent.append((method, url))
        return b"{}", status, {}

    http = _traced(SimpleNamespace(request=answer))  # type: ignore[arg-type]
    with tracing.hop("work", tracing.SERVER, {}, budget=30):
        http.request("post", "https://api.example/v1/payment_intents/pi_123abc/confirm", {})
    assert sent == [("post", "https://api.example/v1/payment_intents/pi_123abc/confirm")]
    (span,) = [span for span in spans() if span.kind == "CLIENT"]
    assert span.name == "POST /v1/payment_intents/{id}/confirm"
    expected = {
        "http.request.method": "POST",
        "url.template": "/v1/payment_intents/{id}/confirm",
        "server.address": "api.example",
        "peer.service": "payment gateway",
        "http.response.status_code": status,
    }
    assert {name: span.attributes[name] for name in expected} == expected
    assert span.attributes.get("error.type") == (None if status == 200 else str(status))
    assert span.error == error
