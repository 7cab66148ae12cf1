"""The audit: compare transactions with the gateway's own records."""

from chalicelib.payments import domain
from chalicelib.payments.domain import Payment
from chalicelib.payments.gateway import GatewayUnavailableError
from chalicelib.payments.ledger import Ledger
from chalicelib.payments.store import TransactionStore
from chalicelib.payments.transactions import to_transaction
from chassis import log
from chassis.problems import BadRequest, ServiceUnavailable
from contracts.payments import (
    AuditedOrder,
    ExpectedMessage,
    GatewayCharge,
    TransactionAudit,
    TransactionAuditAnswer,
)


class Auditing:
    """Compares transactions with the gateway's records; changes nothing.

    Parameters
    ----------
    store
        Reads the transactions.
    ledger
        Reads the gateway's records.
    """

    def __init__(self, store: TransactionStore, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def audit(self, request: TransactionAudit) -> TransactionAuditAnswer:
        """Return what the shop and the gateway know about orders, and unaccounted charges.

        Raises
        ------
        BadRequest
            If the period ends before it begins.
        ServiceUnavailable
            If the gateway does not answer.
        """
        if request.since > request.until:
            raise BadRequest("The period ends before it begins: since is after until.")
        try:
            listed = self._ledger.between(request.since, request.until)
            payments = self._payments_of(request.order_ids)
            items = [
                self._audited(order_id, payments.get(order_id), listed)
                for order_id in dict.fromkeys(request.order_ids)
            ]
        except GatewayUnavailableError as error:
            log.warning("gateway unavailable for audit", reason=str(error))
            raise ServiceUnavailable(
                "The payment gateway does not answer. Try again later."
            ) from None
        requested = set(request.order_ids)
        others = [charge for charge in listed if charge.order_id not in requested]
        recorded = self._recorded(others)
        known = {charge.intent_id for charge in recorded}
        return TransactionAuditAnswer(
            items=items,
            unrecorded=[each for each in others if each.intent_id not in known and _is_kept(each)],
            further=recorded,
        )

    def _audited(
        self, order_id: str, payment: Payment | None, listed: list[GatewayCharge]
    ) -> AuditedOrder:
        charges = [charge for charge in listed if charge.order_id == order_id]
        if payment is None:
            return AuditedOrder(
                order_id=order_id,
                transaction=None,
                intent_id=None,
                charges=charges,
                receipt_file_id=None,
                messages=[],
            )
        own = [charge for charge in charges if charge.intent_id == payment.intent_id]
        if payment.intent_id and not own:
            found = self._ledger.of_intent(payment.intent_id)
            own = [found] if found else []
        return AuditedOrder(
            order_id=order_id,
            transaction=to_transaction(payment),
            intent_id=payment.intent_id,
            charges=own + [charge for charge in charges if charge.intent_id != payment.intent_id],
            receipt_file_id=domain.receipt_id(order_id) if domain.has_receipt(payment) else None,
            messages=[
                ExpectedMessage(id=message_id, template=template)
                for message_id, template in domain.emails_of(payment)
            ],
        )

    def _recorded(self, charges: list[GatewayCharge]) -> list[GatewayCharge]:
        payments = self._payments_of([charge.order_id for charge in charges])
        return [
            charge
            for charge in charges
            if (payment := payments.get(charge.order_id)) and payment.intent_id == charge.intent_id
        ]

    def _payments_of(self, order_ids: list[str]) -> dict[str, Payment]:
        if not order_ids:
            return {}
        return {payment.order_id: payment for payment in self._store.of_orders(order_ids)}


def _is_kept(charge: GatewayCharge) -> bool:
    """Return whether more was charged than refunded."""
    return charge.charged.amount > charge.refunded.amount
