"""Reading what the private services know about orders, with one call per service and page."""

from collections.abc import Iterator
from datetime import datetime

from chalicelib.storefront_api.invariants import Evidence
from chassis.client import Downstream
from chassis.problems import NotFound
from contracts import files, notifications, orders, payments
from contracts.orders import Order
from contracts.payments import AuditedOrder, TransactionAuditAnswer

LOOKUP_LIMIT = 100
"""Ids that one lookup takes."""


class EvidenceReader:
    """Reads orders and everything that the services know about them.

    Parameters
    ----------
    orders, payments, file_manager, notifications
        Clients of the private services.
    """

    def __init__(
        self,
        orders: Downstream,
        payments: Downstream,
        file_manager: Downstream,
        notifications: Downstream,
    ) -> None:
        self._orders = orders
        self._payments = payments
        self._file_manager = file_manager
        self._notifications = notifications

    def order(self, order_id: str) -> Order:
        """Return an order.

        Raises
        ------
        NotFound
            If there is no such order.
        ServiceUnavailable
            If ``orders`` does not answer.
        """
        return self._orders.call(orders.GET, {"order_id": order_id}).value

    def find_order(self, order_id: str) -> Order | None:
        """Return an order, or ``None`` if there is no such order.

        Raises
        ------
        ServiceUnavailable
            If ``orders`` does not answer.
        """
        try:
            return self.order(order_id)
        except NotFound:
            return None

    def audit(
        self, audited: list[Order], since: datetime, until: datetime
    ) -> TransactionAuditAnswer:
        """Return transactions and gateway records of orders, and charges without a transaction.

        Parameters
        ----------
        audited
            Up to 100 orders.
        since, until
            The period whose gateway records are compared; ``until`` is exclusive.

        Raises
        ------
        ServiceUnavailable
            If ``payments`` or the gateway does not answer.
        """
        request = payments.TransactionAudit(
            order_ids=[order.id for order in audited], since=since, until=until
        )
        return self._payments.call(payments.AUDIT, body=request).value

    def evidence(self, audited_orders: list[tuple[Order, AuditedOrder]]) -> Iterator[Evidence]:
        """Yield the evidence of each audited order, its receipt and emails included.

        Raises
        ------
        ServiceUnavailable
            If ``file_manager`` or ``notifications`` does not answer.
        """
        receipts = self._receipts([item.receipt_file_id for _, item in audited_orders])
        messages = self._messages([each.id for _, item in audited_orders for each in item.messages])
        for order, audited in audited_orders:
            yield Evidence(
                order=order,
                audited=audited,
                receipt=receipts.get(audited.receipt_file_id or ""),
                messages=messages,
            )

    def _receipts(self, file_ids: list[str | None]) -> dict[str, files.File]:
        found: list[files.File] = []
        for ids in _batches([file_id for file_id in file_ids if file_id]):
            lookup = files.FileLookup(ids=ids)
            found += self._file_manager.call(files.LOOKUP, body=lookup).value.items
        return {file.id: file for file in found}

    def _messages(self, message_ids: list[str]) -> dict[str, notifications.Message]:
        found: list[notifications.Message] = []
        for ids in _batches(message_ids):
            lookup = notifications.MessageLookup(ids=ids)
            found += self._notifications.call(notifications.LOOKUP, body=lookup).value.items
        return {message.id: message for message in found}


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), LOOKUP_LIMIT):
        yield ids[start : start + LOOKUP_LIMIT]
