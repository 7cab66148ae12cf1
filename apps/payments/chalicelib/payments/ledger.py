"""The gateway's own records: the payment intents, and what each has charged and refunded."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.payments.gateway import StripeGateway, order_id_of
from chalicelib.payments.reversals import Reversals
from contracts.money import Money
from contracts.payments import GatewayCharge

if TYPE_CHECKING:
    import stripe

_STATUSES: dict[str, Any] = {
    "succeeded": "succeeded",
    "requires_action": "action_required",
    "processing": "processing",
    "canceled": "cancelled",
}


class Ledger(Protocol):
    """What an audit needs from a gateway.

    Both methods raise ``GatewayUnavailableError`` if the gateway does not answer.
    """

    def between(self, since: datetime, until: datetime) -> list[GatewayCharge]:
        """Return the charges of orders with an intent created in a period, ``until`` excluded."""

    def of_intent(self, intent_id: str) -> GatewayCharge | None:
        """Return the charge of an intent; ``None`` if the gateway has no such intent."""


class StripeLedger:
    """Reads Stripe's records.

    Parameters
    ----------
    gateway
        Calls Stripe's API.
    """

    def __init__(self, gateway: StripeGateway) -> None:
        self._gateway = gateway

    def between(self, since: datetime, until: datetime) -> list[GatewayCharge]:
        """Return the charges of orders with an intent created in a period, ``until`` excluded.

        One call returns a hundred intents with their latest charges. The gateway records whole
        seconds, so both bounds are rounded down to the second.

        Raises
        ------
        GatewayUnavailableError
            If Stripe does not answer.
        """
        params: Any = {
            "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
            "limit": 100,
            "expand": ["data.latest_charge"],
        }
        found = self._gateway.call_with_retry(None, lambda _: list(self._listed(params)))
        return [self._charge(intent) for intent in found if order_id_of(intent.metadata)]

    def of_intent(self, intent_id: str) -> GatewayCharge | None:
        """Return the charge of an intent; ``None`` if Stripe has no such intent.

        Raises
        ------
        GatewayUnavailableError
            If Stripe does not answer.
        """
        import stripe

        params: Any = {"expand": ["latest_charge"]}
        intents = self._gateway.client.v1.payment_intents
        try:
            intent = self._gateway.call_with_retry(
                None, lambda _: intents.retrieve(intent_id, params)
            )
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
            return None
        return self._charge(intent)

    def _listed(self, params: Any) -> "Iterator[stripe.PaymentIntent]":
        return self._gateway.client.v1.payment_intents.list(params).auto_paging_iter()

    def _charge(self, intent: "stripe.PaymentIntent") -> GatewayCharge:
        charge: Any = intent.latest_charge
        currency = intent.currency.upper()
        unpaid = "declined" if intent.last_payment_error else "open"
        # disputes are rare, so they are read only of the charges that have some
        disputes = self._gateway.disputes(intent.id) if charge and charge.disputed else []
        return GatewayCharge(
            intent_id=intent.id,
            order_id=order_id_of(intent.metadata) or "",
            status=_STATUSES.get(intent.status, unpaid),
            charged=Money(amount=intent.amount_received, currency=currency),
            refunded=Money(amount=charge.amount_refunded if charge else 0, currency=currency),
            created_at=datetime.fromtimestamp(intent.created, UTC),
            dispute=Reversals(disputes=tuple(disputes)).dispute,
        )
