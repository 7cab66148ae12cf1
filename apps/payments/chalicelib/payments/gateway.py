"""The payment gateway: a small interface over Stripe's client that classifies its errors.

For 24 hours, Stripe returns the first response to every request with the same idempotency key, even
if that response was a 500. So a retry after a timeout reuses the key, and a retry after a 500 needs
a fresh one. A fresh key is safe because an intent succeeds at most once and a charge is refunded at
most once. (Stripe API reference, "Idempotent requests".)
"""

import re
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from msgspec.structs import replace

from chalicelib.payments.domain import Intent
from chalicelib.payments.reversals import Dispute, Refund
from chassis import context, tracing
from contracts.orders import Order

if TYPE_CHECKING:
    import stripe

T = TypeVar("T")

_PROGRESS = (
    "canceled",
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
    "processing",
    "succeeded",
)

ATTEMPT = "attempt"
"""The member of an intent's metadata that names the current attempt, if it is not the first."""

ORDER_CANCELLED = "order_cancelled"
"""The member of an intent's metadata that is present if the shop itself cancels the intent."""

# what answers contain beside the intent: the card, before and after it is charged
_WITH_CARD = ["latest_charge", "payment_method"]

_ID_IN_PATH = re.compile(r"(?<=/)[a-z]{2,3}_[A-Za-z0-9_]+")

TIMEOUT = 10.0
"""Seconds to wait for one response of the gateway."""


class GatewayUnavailableError(Exception):
    """The gateway did not answer, or not with a valid response; a later attempt may succeed."""


class GatewayRefusedError(Exception):
    """The gateway permanently refuses an operation because of the order.

    Parameters
    ----------
    code
        The gateway's code for the reason, such as ``amount_too_small``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class InvalidGatewayRequestError(Exception):
    """The gateway rejects the shop's request as invalid; an operator must fix it."""


class Gateway(Protocol):
    """What payments needs from a gateway.

    Every method may raise ``GatewayUnavailableError``: then the outcome is unknown, and a retry is
    safe. Every method but ``refund`` may raise ``InvalidGatewayRequestError``; ``create`` and
    ``refund`` may raise ``GatewayRefusedError``.
    """

    def create(self, order: Order) -> Intent:
        """Create the unconfirmed intent of an order."""

    def find(self, order_id: str) -> Intent | None:
        """Return an order's intent, if there is one; of several, the most advanced one."""

    def retrieve(self, intent_id: str) -> Intent:
        """Return an intent."""

    def confirm(self, intent_id: str, order_id: str, payment_method: str, attempt: int) -> Intent:
        """Confirm an intent unless this attempt has an outcome already, and return it."""

    def cancel(self, intent_id: str) -> Intent:
        """Cancel an intent unless it has a final outcome already, and return it."""

    def refund(self, intent_id: str, order_id: str, generation: str = "") -> Refund | None:
        """Refund what is left of the charge of an intent; ``None`` if nothing is left."""

    def refunds(self, intent_id: str) -> list[Refund]:
        """Return the refunds of an intent's charge, oldest first."""

    def disputes(self, intent_id: str) -> list[Dispute]:
        """Return the disputes of an intent's charge, oldest first."""

    def order_of(self, intent_id: str) -> str | None:
        """Return the id of the order that an intent belongs to, if it belongs to one."""


class StripeGateway:
    """Calls Stripe, or a server with the same API.

    Parameters
    ----------
    api_key
        Secret key of the account.
    api_base
        URL of the API, if it is not Stripe's own.
    """

    def __init__(self, api_key: str, api_base: str = "") -> None:
        self._api_key = api_key
        self._api_base = api_base
        self._client: stripe.StripeClient | None = None

    @property
    def client(self) -> "stripe.StripeClient":
        """Stripe's own client, if there is enough time left to wait for one more response.

        Raises
        ------
        GatewayUnavailableError
            If less than ``TIMEOUT`` is left.
        """
        if context.current().remaining() < TIMEOUT:
            raise GatewayUnavailableError("no time left for another call")
        if self._client is None:
            # Imported only where the gateway is called, because it takes half a second.
            import stripe

            self._client = stripe.StripeClient(
                self._api_key,
                base_addresses={"api": self._api_base} if self._api_base else {},
                http_client=_traced(stripe.RequestsClient(timeout=TIMEOUT)),
                max_network_retries=0,
            )
        return self._client

    def create(self, order: Order) -> Intent:
        """Create the unconfirmed intent of an order.

        Raises
        ------
        GatewayRefusedError
            If Stripe refuses the amount or the currency.
        GatewayUnavailableError
            If Stripe does not answer.
        InvalidGatewayRequestError
            If Stripe rejects the request for another reason.
        """
        import stripe

        params: Any = {
            "amount": order.total.amount,
            "currency": order.total.currency.lower(),
            "metadata": {"order_id": order.id},
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
        try:
            return self.call_with_retry(
                f"{order.id}:intent",
                lambda key: _intent(self.client.v1.payment_intents.create(params, _options(key))),
            )
        except stripe.InvalidRequestError as error:
            raise _refusal(error, "amount", "currency") from None

    def find(self, order_id: str) -> Intent | None:
        """Return the intent of an order, if there is one; of several, the most advanced one.

        Stripe's search lags by some seconds, so use this only for older orders.

        Raises
        ------
        GatewayUnavailableError
            If Stripe does not answer.
        InvalidGatewayRequestError
            If Stripe rejects the request.
        """
        params: Any = {"query": f"metadata['order_id']:'{order_id}'", "limit": 100}
        found = self._read(lambda: self.client.v1.payment_intents.search(params)).data
        found.sort(key=lambda intent: (_PROGRESS.index(intent.status), intent.created))
        return _intent(found[-1]) if found else None

    def confirm(self, intent_id: str, order_id: str, payment_method: str, attempt: int) -> Intent:
        """Confirm an intent unless this attempt has an outcome already, and return it.

        Before an attempt after the first, the intent's metadata get the number of the attempt,
        because Stripe's statuses and webhooks do not say which attempt they are about. That update
        clears the error of the attempt before.

        Parameters
        ----------
        attempt
            The number of the attempt, from 1.

        Raises
        ------
        GatewayUnavailableError
            If Stripe does not answer.
        InvalidGatewayRequestError
            If Stripe rejects anything but the payment method.
        """
        import stripe

        method = {"payment_method": payment_method}
        params: Any
        # Beginning a later attempt takes one request more.
        fresh, has_begun = "", False
        for _ in range(2 if attempt == 1 else 4):
            # Retrieved before each request: a failed one may have been carried out.
            intent = self.retrieve(intent_id)
            try:
                if _may_begin(intent, attempt):
                    if has_begun:  # another delivery of an earlier attempt was slower
                        fresh = str(uuid.uuid4())
                    # The label is part of the key of the confirmation, so that an intent that was
                    # updated once more is confirmed once more.
                    label = f"{attempt}.{fresh}" if fresh else str(attempt)
                    params = {**method, "metadata": {ATTEMPT: label}}
                    self.client.v1.payment_intents.update(
                        intent_id, params, _options(_key(order_id, "attempt", label))
                    )
                    fresh, has_begun = "", True
                    continue
                if intent.status != "unconfirmed" or intent.attempt > attempt:
                    return intent
                options = _options(_key(order_id, "confirm", intent.attempt_label, fresh))
                params = {**method, "expand": _WITH_CARD}
                return _intent(self.client.v1.payment_intents.confirm(intent_id, params, options))
            except stripe.CardError as error:
                return _declined(intent_id, _decline_code(error), attempt)
            except stripe.InvalidRequestError as error:
                now = self.retrieve(intent_id)
                if now.status != "unconfirmed" and now.attempt == attempt:
                    return now  # confirmed concurrently
                if now.status in ("succeeded", "cancelled"):
                    return now
                return _declined(intent_id, _refusal(error, "payment_method").code, attempt)
            except stripe.APIError:
                fresh = str(uuid.uuid4())
            except stripe.StripeError as error:
                raise _unavailable(error) from error
        raise GatewayUnavailableError(f"{intent_id} could not be confirmed")

    def cancel(self, intent_id: str) -> Intent:
        """Cancel the intent of a cancelled order unless it has a final outcome, and return it.

        The reason is written into its metadata first: the webhook about the cancellation may arrive
        before this returns, or instead.

        Raises
        ------
        GatewayUnavailableError
            If Stripe does not answer.
        InvalidGatewayRequestError
            If Stripe rejects every request about the intent.
        """
        import stripe

        reason: Any = {"metadata": {ORDER_CANCELLED: "true"}}
        with suppress(stripe.InvalidRequestError):  # it may have a final outcome
            self.call_with_retry(
                None, lambda _: self.client.v1.payment_intents.update(intent_id, reason)
            )
        try:
            return self.call_with_retry(
                None, lambda _: _intent(self.client.v1.payment_intents.cancel(intent_id))
            )
        except stripe.InvalidRequestError:
            return self.retrieve(intent_id)

    def refund(self, intent_id: str, order_id: str, generation: str = "") -> Refund | None:
        """Refund what is left of the charge of an intent; ``None`` if nothing is left.

        Parameters
        ----------
        generation
            A part of the idempotency key that changes with the disputes and failed refunds of the
            charge, because Stripe would repeat its answer from before: that a disputed charge
            cannot be refunded, that nothing is left, or a refund that was made already.

        Raises
        ------
        GatewayRefusedError
            If Stripe refuses the refund or it fails.
        GatewayUnavailableError
            If Stripe does not answer.
        """
        import stripe

        params: Any = {"payment_intent": intent_id, "metadata": {"order_id": order_id}}
        try:
            refund = self.call_with_retry(
                _key(order_id, "refund", generation),
                lambda key: self.client.v1.refunds.create(params, _options(key)),
            )
        except stripe.InvalidRequestError as error:
            if error.code != "charge_already_refunded":
                raise GatewayRefusedError(error.code or "invalid_request") from None
            return None
        if refund.status in ("failed", "canceled"):
            raise GatewayRefusedError(refund.failure_reason or "refund_failed")
        return _refund(refund)

    def refunds(self, intent_id: str) -> list[Refund]:
        """Return the refunds of an intent's charge, oldest first.

        Raises
        ------
        GatewayUnavailableError
            If Stripe does not answer.
        InvalidGatewayRequestError
            If Stripe rejects the request.
        """
        params: Any = {"payment_intent": intent_id, "limit": 100}
        found = self._read(lambda: self.client.v1.refunds.list(params)).data
        return [_refund(each) for each in reversed(found)]

    def disputes(self, intent_id: str) -> list[Dispute]:
        """Return the disputes of an intent's charge, oldest first.

        Raises
        ------
        GatewayUnavailableError
            If Stripe does not answer.
        InvalidGatewayRequestError
            If Stripe rejects the request.
        """
        params: Any = {"payment_intent": intent_id, "limit": 100}
        as_of = int(time.time())
        found = self._read(lambda: self.client.v1.disputes.list(params)).data
        return [
            Dispute(
                id=each.id,
                amount=each.amount,
                currency=each.currency.upper(),
                status=each.status,
                as_of=as_of,
                refundable=each.is_charge_refundable,
            )
            for each in reversed(found)
        ]

    def order_of(self, intent_id: str) -> str | None:
        """Return the id of the order that an intent belongs to, if it belongs to one.

        Raises
        ------
        GatewayUnavailableError
            If Stripe does not answer.
        InvalidGatewayRequestError
            If Stripe rejects the request for another reason than an unknown intent.
        """
        import stripe

        try:
            return self.call_with_retry(
                None,
                lambda _: order_id_of(self.client.v1.payment_intents.retrieve(intent_id).metadata),
            )
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise InvalidGatewayRequestError(f"{error.code}: {error}") from error
            return None

    def _read(self, call: Callable[[], T]) -> T:
        """Return what a call reads, which Stripe rejects only if an operator must fix something."""
        import stripe

        try:
            return self.call_with_retry(None, lambda _: call())
        except stripe.InvalidRequestError as error:
            raise InvalidGatewayRequestError(f"{error.code}: {error}") from error

    def retrieve(self, intent_id: str) -> Intent:
        """Return an intent.

        Raises
        ------
        GatewayUnavailableError
            If Stripe does not answer.
        InvalidGatewayRequestError
            If Stripe rejects the request.
        """
        params: Any = {"expand": _WITH_CARD}
        return self._read(
            lambda: _intent(self.client.v1.payment_intents.retrieve(intent_id, params))
        )

    @staticmethod
    def call_with_retry(key: str | None, call: Callable[[str | None], T]) -> T:
        """Call Stripe, and retry once with a fresh idempotency key after a server error.

        Parameters
        ----------
        key
            Idempotency key of the first attempt; ``None`` for a call that needs none.
        call
            Makes the call with a given key.

        Raises
        ------
        GatewayUnavailableError
            If Stripe does not answer.
        stripe.InvalidRequestError
            If Stripe rejects the request.
        """
        import stripe

        try:
            try:
                return call(key)
            except stripe.APIError:
                return call(key and f"{key}:{uuid.uuid4()}")
        except stripe.InvalidRequestError:
            raise
        except stripe.StripeError as error:
            raise _unavailable(error) from error


def _traced(http: "stripe.RequestsClient") -> "stripe.RequestsClient":
    """Return a client of HTTP whose requests have spans."""
    send = http.request

    def request(method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        path = urlsplit(url).path
        template = _ID_IN_PATH.sub("{id}", path)
        attributes = {
            "http.request.method": method.upper(),
            "url.template": template,
            "server.address": urlsplit(url).hostname or "",
            "peer.service": "payment gateway",
        }
        name = f"{method.upper()} {template}"
        with tracing.span(name, tracing.CLIENT, attributes) as span:
            answer = send(method, url, *args, **kwargs)
            status = answer[1]
            span.attributes["http.response.status_code"] = status
            if status >= 400:
                span.refuse(status)
            return answer

    http.request = request  # type: ignore[method-assign]
    return http


def _key(*parts: str) -> str:
    return ":".join(part for part in parts if part)


def order_id_of(metadata: Any) -> str | None:
    """Return the id of the order that the metadata of one of Stripe's objects name."""
    return str(metadata["order_id"]) if metadata and "order_id" in metadata else None


def _refund(answer: "stripe.Refund") -> Refund:
    return Refund(
        id=answer.id,
        amount=answer.amount,
        status=answer.status or "pending",
        by_shop=order_id_of(answer.metadata) is not None,
    )


def _options(key: str | None) -> Any:
    return {"idempotency_key": key}


def _unavailable(error: Exception) -> GatewayUnavailableError:
    return GatewayUnavailableError(f"{type(error).__name__}: {error}")


def _refusal(error: "stripe.InvalidRequestError", *params: str) -> GatewayRefusedError:
    """Return the refusal for an error about one of the given parameters.

    Raises
    ------
    InvalidGatewayRequestError
        If the error is about something else, so that the order is not the cause.
    """
    if (error.param or "").split("[")[0] not in params:
        raise InvalidGatewayRequestError(f"{error.code}: {error.user_message or error}") from error
    return GatewayRefusedError(error.code or "invalid_request")


def _declined(intent_id: str, code: str | None, attempt: int) -> Intent:
    return Intent(
        id=intent_id, status="declined", decline_code=code or "card_declined", attempt=attempt
    )


def _may_begin(intent: Intent, attempt: int) -> bool:
    """Return whether an attempt has not begun yet, and the intent can still be charged."""
    return intent.attempt < attempt and intent.status not in ("succeeded", "cancelled")


def attempt_of(metadata: Any) -> tuple[int, str]:
    """Return the number of the attempt that an intent's metadata name, and its label.

    The number is 1 and the label empty if they name none.
    """
    label = str(metadata[ATTEMPT]) if metadata and ATTEMPT in metadata else ""
    number = label.split(".")[0]
    return (int(number), label) if number.isdecimal() else (1, "")


def is_of_cancelled_order(metadata: Any) -> bool:
    """Return whether an intent's metadata say that its order is cancelled."""
    return bool(metadata) and ORDER_CANCELLED in metadata


def _decline_code(error: "stripe.CardError") -> str | None:
    return _reason(error.error) or error.code


def _intent(answer: "stripe.PaymentIntent") -> Intent:
    """Return one of Stripe's intents as a domain object."""
    attempt, label = attempt_of(answer.metadata)
    intent = Intent(id=answer.id, status="unconfirmed", attempt=attempt, attempt_label=label)
    match answer.status:
        case "succeeded":
            return replace(intent, status="succeeded", card_last4=_card_last4(answer))
        case "requires_action":
            return replace(
                intent,
                status="action_required",
                client_secret=answer.client_secret,
                card_last4=_card_last4(answer),
            )
        case "canceled":
            cancelled = is_of_cancelled_order(answer.metadata)
            return replace(intent, status="cancelled", order_cancelled=cancelled)
        case "processing":
            raise GatewayUnavailableError("the payment is still being processed")
    failure = answer.last_payment_error
    if failure is not None:
        return _declined(answer.id, _reason(failure), attempt)
    return intent


def _reason(failure: Any) -> str | None:
    # Stripe's objects have no attribute for a field that the response omits
    return getattr(failure, "decline_code", None) or getattr(failure, "code", None)


def _card_last4(answer: "stripe.PaymentIntent") -> str | None:
    """Return the last digits of the card that was charged or is to be; ``None`` if not reported."""
    path = ["payment_method", "card", "last4"]
    # the latest charge of an intent that has not succeeded is an attempt that failed
    if answer.status == "succeeded":
        path = ["latest_charge", "payment_method_details", "card", "last4"]
    found: Any = answer
    for name in path:
        found = getattr(found, name, None)
    return found  # type: ignore[no-any-return]
