"""The audit: what the gateway's own records say, beside the transactions."""

from chalicelib.payments import domain
from chalicelib.payments.domain import Payment
from chalicelib.payments.gateway import GatewayUnavailableError
from chalicelib.payments.ledger import Ledger
from chalicelib.payments.lookup import answer_of
from chalicelib.payments.store import TransactionStore
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
    """Puts the gateway's records beside ours. It changes nothing.

    Parameters
    ----------
    store
        The transactions.
    ledger
        The gateway's records.
    """

    def __init__(self, store: TransactionStore, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def audit(self, request: TransactionAudit) -> TransactionAuditAnswer:
        """Return what is known of some orders, and money that nobody accounts for.

        Raises
        ------
        BadRequest
            If the time to look at ends before it begins.
        ServiceUnavailable
            If the gateway does not answer.
        """
        if request.since > request.until:
            raise BadRequest("The time to audit ends before it begins: since is after until.")
        try:
            listed = self._ledger.between(request.since, request.until)
            payments = self._payments_of(request.order_ids)
            items = [
                self._audited(order_id, payments.get(order_id), listed)
                for order_id in dict.fromkeys(request.order_ids)
            ]
        except GatewayUnavailableError as error:
            log.warning("audit: the gateway does not answer", reason=str(error))
            raise ServiceUnavailable("The payment gateway does not answer. Try later.") from None
        asked = set(request.order_ids)
        return TransactionAuditAnswer(
            items=items,
            unrecorded=self._unrecorded([c for c in listed if c.order_id not in asked]),
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
            transaction=answer_of(payment),
            intent_id=payment.intent_id,
            charges=own + [charge for charge in charges if charge.intent_id != payment.intent_id],
            receipt_file_id=domain.receipt_id(order_id) if domain.has_receipt(payment) else None,
            messages=[
                ExpectedMessage(id=domain.message_id(order_id, template), template=template)
                for template in domain.mails_of(payment)
            ],
        )

    def _unrecorded(self, listed: list[GatewayCharge]) -> list[GatewayCharge]:
        standing = [c for c in listed if c.charged.amount > c.refunded.amount]
        payments = self._payments_of([charge.order_id for charge in standing])
        return [
            charge
            for charge in standing
            if (payment := payments.get(charge.order_id)) is None
            or payment.intent_id != charge.intent_id
        ]

    def _payments_of(self, order_ids: list[str]) -> dict[str, Payment]:
        if not order_ids:
            return {}
        return {payment.order_id: payment for payment in self._store.of_orders(order_ids)}
