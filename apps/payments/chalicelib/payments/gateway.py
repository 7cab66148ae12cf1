"""The payment gateway: Stripe's client behind four verbs, its errors sorted.

Stripe answers a repeated idempotency key with the first answer, a 500 included, for 24 hours. So
a key is good for a repetition after silence (a time-out), and useless after a 500: then the next
try takes a fresh key, which is safe since an intent can succeed once and a charge can be refunded
once. (Stripe API reference, "Idempotent requests".)
"""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from chalicelib.payments.domain import Intent
from chassis import context
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

TIMEOUT = 10.0
"""Seconds to wait for one answer of the gateway."""


class GatewayUnavailableError(Exception):
    """The gateway did not answer, or not in its own terms; it may later."""


class RefusedError(Exception):
    """The gateway will never do this, for a reason that lies in the order.

    Parameters
    ----------
    code
        Its reason, such as ``amount_too_small``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class MisunderstoodError(Exception):
    """The gateway does not understand the shop: a person must look at it, no customer."""


class Gateway(Protocol):
    """What payments needs of a gateway.

    Every verb may raise ``GatewayUnavailableError``; then nothing is known, and asking again is
    safe. ``create`` and ``confirm`` may raise ``MisunderstoodError``.
    """

    def create(self, order: Order) -> Intent:
        """Create the unconfirmed intent of an order, or raise ``RefusedError``."""

    def find(self, order_id: str) -> Intent | None:
        """Return an order's intent, if there is one; of several, the one that came furthest."""

    def retrieve(self, intent_id: str) -> Intent:
        """Return an intent as it is."""

    def confirm(self, intent_id: str, order_id: str, payment_method: str) -> Intent:
        """Confirm an intent, unless something has become of it already, and return it."""

    def cancel(self, intent_id: str) -> Intent:
        """Cancel an intent, unless something has become of it already, and return it."""

    def refund(self, intent_id: str, order_id: str) -> None:
        """Give back what an intent has charged, once."""


class StripeGateway:
    """Stripe, or a server that speaks its language.

    Parameters
    ----------
    api_key
        Secret key of the account.
    api_base
        Where the API is, if it is not Stripe's own.
    """

    def __init__(self, api_key: str, api_base: str = "") -> None:
        self._api_key = api_key
        self._api_base = api_base
        self._opened: stripe.StripeClient | None = None

    @property
    def client(self) -> "stripe.StripeClient":
        """Stripe's own client, for one more call, if there is the time to wait for its answer."""
        if context.current().remaining() < TIMEOUT:
            raise GatewayUnavailableError("there is no time left for another call")
        if self._opened is None:
            # Imported where a charge is made: it costs a cold start half a second.
            import stripe

            self._opened = stripe.StripeClient(
                self._api_key,
                base_addresses={"api": self._api_base} if self._api_base else {},
                http_client=stripe.RequestsClient(timeout=TIMEOUT),
                max_network_retries=0,
            )
        return self._opened

    def create(self, order: Order) -> Intent:
        """Create the unconfirmed intent of an order, or raise ``RefusedError``."""
        import stripe

        params: Any = {
            "amount": order.total.amount,
            "currency": order.total.currency.lower(),
            "metadata": {"order_id": order.id},
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
        try:
            return self.once(
                f"{order.id}:intent",
                lambda key: _intent(self.client.v1.payment_intents.create(params, _options(key))),
            )
        except stripe.InvalidRequestError as error:
            raise _refusal(error, "amount", "currency") from None

    def find(self, order_id: str) -> Intent | None:
        """Return the intent of an order, if there is one; of several, the one that came furthest.

        The search is some seconds behind, and made for orders that are older than that.
        """
        params: Any = {"query": f"metadata['order_id']:'{order_id}'", "limit": 100}
        found = self.once(None, lambda _: self.client.v1.payment_intents.search(params)).data
        found.sort(key=lambda intent: (_PROGRESS.index(intent.status), intent.created))
        return _intent(found[-1]) if found else None

    def confirm(self, intent_id: str, order_id: str, payment_method: str) -> Intent:
        """Confirm an intent, unless something has become of it already, and return it."""
        import stripe

        params: Any = {"payment_method": payment_method}
        for key in (f"{order_id}:confirm", f"{order_id}:confirm:{uuid.uuid4()}"):
            # Asked first, every time: a fault may hide that the work was done.
            intent = self.retrieve(intent_id)
            if intent.status != "unconfirmed":
                return intent
            try:
                return _intent(
                    self.client.v1.payment_intents.confirm(intent_id, params, _options(key))
                )
            except stripe.CardError as error:
                return _declined(intent_id, _decline_code(error))
            except stripe.InvalidRequestError as error:
                intent = self.retrieve(intent_id)
                if intent.status != "unconfirmed":  # somebody was faster
                    return intent
                return _declined(intent_id, _refusal(error, "payment_method").code)
            except stripe.APIError:
                continue
            except stripe.StripeError as error:
                raise _unavailable(error) from error
        raise GatewayUnavailableError(f"{intent_id} could not be confirmed")

    def cancel(self, intent_id: str) -> Intent:
        """Cancel an intent, unless something has become of it already, and return it."""
        import stripe

        try:
            return self.once(
                None, lambda _: _intent(self.client.v1.payment_intents.cancel(intent_id))
            )
        except stripe.InvalidRequestError:
            return self.retrieve(intent_id)

    def refund(self, intent_id: str, order_id: str) -> None:
        """Give back what an intent has charged, once."""
        import stripe

        params: Any = {"payment_intent": intent_id, "metadata": {"order_id": order_id}}
        try:
            refund = self.once(
                f"{order_id}:refund",
                lambda key: self.client.v1.refunds.create(params, _options(key)),
            )
        except stripe.InvalidRequestError as error:
            if error.code != "charge_already_refunded":
                raise RefusedError(error.code or "invalid_request") from None
        else:
            if refund.status in ("failed", "canceled"):
                raise RefusedError(refund.failure_reason or "refund_failed")

    def retrieve(self, intent_id: str) -> Intent:
        """Return an intent as it is."""
        return self.once(
            None, lambda _: _intent(self.client.v1.payment_intents.retrieve(intent_id))
        )

    @staticmethod
    def once(key: str | None, call: Callable[[str | None], T]) -> T:
        """Call the gateway, and once more with a fresh key if it answers with a fault."""
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


def _options(key: str | None) -> Any:
    return {"idempotency_key": key}


def _unavailable(error: Exception) -> GatewayUnavailableError:
    return GatewayUnavailableError(f"{type(error).__name__}: {error}")


def _refusal(error: "stripe.InvalidRequestError", *params: str) -> RefusedError:
    """Return the refusal that an error is, if it is about one of these parameters.

    Raises
    ------
    MisunderstoodError
        If it is not: then it is no word on the order.
    """
    if (error.param or "").split("[")[0] not in params:
        raise MisunderstoodError(f"{error.code}: {error.user_message or error}") from error
    return RefusedError(error.code or "invalid_request")


def _declined(intent_id: str, code: str | None) -> Intent:
    return Intent(id=intent_id, status="declined", decline_code=code or "card_declined")


def _decline_code(error: "stripe.CardError") -> str | None:
    details = error.error
    return (details and _reason(details)) or error.code


def _intent(answer: "stripe.PaymentIntent") -> Intent:
    """Return an intent of Stripe's as the domain understands it."""
    match answer.status:
        case "succeeded":
            return Intent(id=answer.id, status="succeeded")
        case "requires_action":
            return Intent(
                id=answer.id, status="action_required", client_secret=answer.client_secret
            )
        case "canceled":
            return Intent(id=answer.id, status="cancelled")
        case "processing":
            raise GatewayUnavailableError("the payment is still being processed")
    failure = answer.last_payment_error
    if failure is not None:
        return _declined(answer.id, _reason(failure))
    return Intent(id=answer.id, status="unconfirmed")


def _reason(failure: Any) -> str | None:
    # Stripe's objects have no attribute for what the answer leaves out
    return getattr(failure, "decline_code", None) or getattr(failure, "code", None)
