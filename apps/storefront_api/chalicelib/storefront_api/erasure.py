"""Erasure of a customer's data, in steps that `./shop forget` invokes one after the other.

Every step can be repeated, and the order of the steps makes a stop between two of them harmless: an
order names its customer until everything else about it is erased, and the account exists until all
orders are, so a later run finds what is left.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field, to_builtins

from chalicelib.storefront_api import invariants
from chalicelib.storefront_api.evidence import EvidenceReader
from chalicelib.storefront_api.invariants import Evidence
from chalicelib.storefront_api.users import Users
from chassis import email_addresses, log, tracing
from chassis.client import Downstream
from chassis.email_addresses import InvalidAddressError
from chassis.parsing import parse_document
from chassis.problems import ProblemError
from contracts import files, notifications, orders, payments
from contracts.orders import ERASED, Order
from contracts.schema import Input

PAGE = 100
"""Orders read at a time."""

AT_ONCE = 10
"""Orders that one step erases: payments renders the receipts of so many at once."""

MARGIN = 45.0
"""Seconds that must remain to read another page."""

_CANCELLABLE = ("declined", "action_required")


class Request(Input):
    """A step, and whose data it is about: by email address, or by the id of a customer.

    Attributes
    ----------
    step
        ``find`` the customer's orders, ``cancel`` or ``erase`` some of them, ``lock`` or ``delete``
        the account.
    order_ids
        The orders to cancel or erase.
    cursor
        Where the previous ``find`` stopped.
    """

    step: Literal["find", "cancel", "lock", "erase", "delete"]
    email: str = ""
    customer_id: str = ""
    order_ids: Annotated[list[str], Meta(max_length=AT_ONCE)] = []
    cursor: str | None = None


class FoundOrder(Struct, kw_only=True):
    """An order of the customer.

    Attributes
    ----------
    open
        Why its customer's data are still needed; empty if they are not.
    cancellable
        Whether it is open because it is not paid, so that cancelling it would finish it.
    erased
        Whether nothing of the customer is left in any service.
    messages
        Number of its emails whose address is stored.
    receipt
        Whether it has a receipt.
    """

    order_id: str
    open: str
    cancellable: bool
    erased: bool
    messages: int
    receipt: bool


class Report(Struct, kw_only=True):
    """The result of a step.

    Attributes
    ----------
    customer_id
        The id of the customer's account, if there is one.
    examined
        Number of orders read to find those of the customer.
    orders
        The customer's orders among them; after ``erase``, those that were not erased because they
        are open.
    cursor
        Where to continue; ``None`` if all orders were read.
    erased_orders, erased_transactions, erased_messages
        Ids of what had data of the customer until this step.
    replaced_receipts
        Ids of the receipts that were replaced by pseudonymized ones.
    account
        Whether there was an account to lock or delete.
    """

    customer_id: str = ""
    examined: int = 0
    orders: list[FoundOrder] = field(default_factory=list)
    cursor: str | None = None
    erased_orders: list[str] = field(default_factory=list)
    erased_transactions: list[str] = field(default_factory=list)
    erased_messages: list[str] = field(default_factory=list)
    replaced_receipts: list[str] = field(default_factory=list)
    account: bool = False


class _Customer(Struct, frozen=True):
    """Whose orders to find: those of an account, and those with an email address."""

    email: str
    account_id: str
    customer_id: str

    def has(self, order: Order) -> bool:
        """Return whether an order is the customer's."""
        # accounts can be deleted and change their addresses, so that either may differ
        ids = {self.account_id, self.customer_id} - {""}
        return order.customer_id in ids or (self.email != "" and order.contact.email == self.email)


class Erasure:
    """Erases a customer's data through the APIs of all services.

    Parameters
    ----------
    orders, payments, file_manager, notifications
        Clients of the private services.
    users
        The accounts.
    """

    def __init__(
        self,
        orders: Downstream,
        payments: Downstream,
        file_manager: Downstream,
        notifications: Downstream,
        users: Users,
    ) -> None:
        self._orders = orders
        self._payments = payments
        self._file_manager = file_manager
        self._notifications = notifications
        self._reader = EvidenceReader(orders, payments, file_manager, notifications)
        self._users = users

    def handle(self, event: Any, remaining: Callable[[], float]) -> dict[str, Any]:
        """Take a step.

        Parameters
        ----------
        event
            A ``Request``.
        remaining
            Returns the seconds left before the function times out.

        Returns
        -------
        dict
            A ``Report``, or the ``problem`` that stopped the step.
        """
        with tracing.hop("forget", tracing.SERVER, {}, budget=remaining()):
            try:
                report = self.run(parse_document(event, Request), remaining)
            except ProblemError as error:
                return {"problem": error.detail}
        answer: dict[str, Any] = to_builtins(report)
        return answer

    def run(self, request: Request, remaining: Callable[[], float]) -> Report:
        """Take a step.

        Parameters
        ----------
        remaining
            Returns the seconds left before the function times out.

        Raises
        ------
        ProblemError
            If a service does not answer, or refuses its part.
        """
        email = _normalized(request.email)
        match request.step:
            case "lock":
                return Report(account=bool(email) and self._users.lock(email))
            case "delete":
                return Report(account=bool(email) and self._users.delete(email))
        account_id = (email and self._users.id_of(email)) or ""
        customer = _Customer(email, account_id, request.customer_id)
        report = Report(customer_id=account_id or request.customer_id)
        if request.step == "find":
            self._find(customer, request.cursor, remaining, report)
            return report
        own = [
            order
            for order in (self._reader.order(order_id) for order_id in request.order_ids)
            if customer.has(order)
        ]
        if request.step == "cancel":
            self._cancel(own, report)
        else:
            self._erase(own, report)
        return report

    def _find(
        self,
        customer: _Customer,
        cursor: str | None,
        remaining: Callable[[], float],
        report: Report,
    ) -> None:
        """Read all orders, since those of an address without an account are in no index."""
        while True:
            query = orders.OrderQuery(limit=PAGE, cursor=cursor)
            page = self._orders.call(orders.LIST, query=query).value
            report.examined += len(page.items)
            # the list may lag behind
            own = [self._reader.order(one.id) for one in page.items if customer.has(one)]
            report.orders += [_found(each) for each in self._evidence(own)]
            cursor = page.next_cursor
            if cursor is None or remaining() < MARGIN:
                report.cursor = cursor
                return

    def _cancel(self, own: Sequence[Order], report: Report) -> None:
        """Cancel orders that are not paid, like their customer would."""
        for each in self._evidence(own):
            found = _found(each)
            if found.cancellable:
                self._orders.call(orders.CANCEL, {"order_id": found.order_id})
                report.orders.append(found)

    def _erase(self, own: Sequence[Order], report: Report) -> None:
        """Erase the customer's data of orders in all services, in ``orders`` at last."""
        evidence = self._evidence(own)
        archived = {each.order.id: each.receipt for each in evidence}
        found = [_found(each) for each in evidence]
        report.orders = [each for each in found if each.open]
        ids = [each.order_id for each in found if not each.open]
        if not ids:
            return
        erasure = payments.TransactionErasure(order_ids=ids)
        erased = self._payments.call(payments.ERASE, body=erasure).value
        report.erased_transactions = erased.erased
        for receipt in erased.receipts:
            replaced = self._file_manager.call(
                files.REPLACE_DOCUMENT,
                {"file_id": receipt.file_id},
                body=files.NewDocument(
                    subject=receipt.order_id,
                    content_type="application/pdf",
                    filename=receipt.filename,
                    content=receipt.content,
                ),
            ).value
            if replaced != archived[receipt.order_id]:
                report.replaced_receipts.append(receipt.file_id)
        # read again: an email may have been sent since
        for each in self._evidence([order for order in own if order.id in ids]):
            if each.messages:
                sent = notifications.MessageErasure(ids=list(each.messages))
                answer = self._notifications.call(notifications.ERASE, body=sent).value
                report.erased_messages += answer.erased
        last = orders.OrderErasure(order_ids=ids)
        report.erased_orders = self._orders.call(orders.ERASE, body=last).value.erased
        for order_id in report.erased_orders:
            log.info("customer of order erased", order_id=order_id)

    def _evidence(self, own: Sequence[Order]) -> list[Evidence]:
        if not own:
            return []
        # An empty period: the gateway's records of these orders are read, and no others.
        at = own[0].placed_at
        audited = {each.order_id: each for each in self._reader.audit(list(own), at, at).items}
        return list(self._reader.evidence([(order, audited[order.id]) for order in own]))


def _found(evidence: Evidence) -> FoundOrder:
    transaction = evidence.audited.transaction
    stored = [message for message in evidence.messages.values() if message.to]
    reason = _open_reason(evidence)
    return FoundOrder(
        order_id=evidence.order.id,
        open=reason,
        cancellable=bool(reason)
        and evidence.order.status == "placed"
        and transaction is not None
        and transaction.status in _CANCELLABLE,
        erased=evidence.order.contact == ERASED
        and transaction is not None
        and transaction.erased
        and not stored,
        messages=len(stored),
        receipt=evidence.receipt is not None,
    )


def _open_reason(evidence: Evidence) -> str:
    """Return why a customer's data are still needed for an order; empty if they are not."""
    transaction = evidence.audited.transaction
    if transaction is None:
        return "its payment has not begun"
    if transaction.status == "pending":
        return "its payment has no outcome yet"
    if transaction.status == "action_required":
        return "its payment waits for the customer's bank"
    if transaction.dispute == "open":
        return "the customer's bank disputes its payment"
    if transaction.status == "declined" and evidence.order.status == "placed":
        return "its payment was declined, and it can still be paid with another card"
    violation = next(invariants.violations_of(evidence), None)
    return violation.detail if violation else ""


def _normalized(address: str) -> str:
    """Return an email address as accounts and orders have it."""
    try:
        return email_addresses.normalized(address) if address else ""
    except InvalidAddressError:
        return email_addresses.stripped(address).lower()
