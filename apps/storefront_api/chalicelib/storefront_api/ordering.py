"""Orders as customers see them, combined from ``orders`` and ``payments``."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from chalicelib.storefront_api.caller import Caller
from chalicelib.storefront_api.input_checks import refuse_card_numbers, valid_id
from chalicelib.storefront_api.users import Users
from chassis import context, threads
from chassis.client import Downstream
from chassis.parsing import parse_document
from chassis.preconditions import Precondition
from chassis.problems import (
    BadRequest,
    NotFound,
    ProblemError,
    ServiceUnavailable,
    Unprocessable,
)
from contracts import files, orders, payments, toys
from contracts.money import Money, NewMoney
from contracts.storefront import (
    DraftLine,
    NewOrder,
    NewPayment,
    OrderPayment,
    PaymentAction,
    ShopOrder,
    ShopOrderPage,
    ShopOrderQuery,
)

_NO_SUCH_ORDER = "There is no such order."
_LOOKUP_RESERVE = 5.0
"""Seconds of a request's time that are kept to look its idempotency key up."""


class Ordering:
    """Places, shows, changes and cancels orders.

    Parameters
    ----------
    toys, orders, payments, file_manager
        Clients of the private services.
    users
        Reads the customer's contact data.
    currency
        The shop's only currency.
    """

    def __init__(
        self,
        toys: Downstream,
        orders: Downstream,
        payments: Downstream,
        file_manager: Downstream,
        users: Users,
        currency: str,
    ) -> None:
        self._toys = toys
        self._orders = orders
        self._payments = payments
        self._file_manager = file_manager
        self._users = users
        self._currency = currency

    def place(
        self, caller: Caller, key: str, document: Any, access_token: str
    ) -> tuple[ShopOrder, bool]:
        """Place an order, once per customer and key.

        Parameters
        ----------
        caller
            The customer.
        key
            The ``Idempotency-Key``. If it was used before, the answer is about that request,
            whatever is wrong with this one: ``orders`` finds out when it stores the order, and is
            asked first if there is nothing to store.
        document
            A ``NewOrder`` that has not been parsed.
        access_token
            The caller's access token, with which their contact data are read.

        Returns
        -------
        tuple
            The order, and whether this call placed it.

        Raises
        ------
        Unprocessable
            If the key was used for another order, the document is not valid, or its total cannot
            be paid.
        Conflict
            If the total is not the expected one; the answer has the current lines and total.
        Forbidden
            If the customer's email address is not verified.
        Unauthorized
            If the access token was revoked.
        ServiceUnavailable
            If ``orders``, ``toys`` or Cognito does not answer.
        """
        lookup = orders.ReplayLookup(
            customer_id=caller.id, idempotency_key=key, fingerprint=_fingerprint(document)
        )
        try:
            # so that a slow service leaves the time to look the key up
            with context.reserving(_LOOKUP_RESERVE):
                request = self._request(lookup, document, access_token)
        except ProblemError:
            try:
                placed = self._orders.call(orders.REPLAY, body=lookup).value
            except NotFound:
                pass
            else:
                return self._with_payments(caller, [placed])[0], False
            raise
        reply = self._orders.call(orders.PLACE, body=request)
        if reply.status == 200:
            return self._with_payments(caller, [reply.value])[0], False
        # it cannot have been charged yet, so payments is not called
        return _shop_order(caller, reply.value, _pending(reply.value), None), True

    def _request(
        self, lookup: orders.ReplayLookup, document: Any, access_token: str
    ) -> orders.PlaceOrder:
        """Return the request to place a document's order, with current prices and contact data."""
        refuse_card_numbers(document)
        new = parse_document(document, NewOrder)
        lines, contact = threads.concurrently(
            lambda: self._priced(new.lines), lambda: self._users.contact_of(access_token)
        )
        return orders.PlaceOrder(
            customer_id=lookup.customer_id,
            idempotency_key=lookup.idempotency_key,
            fingerprint=lookup.fingerprint,
            lines=lines,
            contact=contact,
            shipping_address=new.shipping_address,
            payment_method=new.payment_method,
            expected_total=new.expected_total,
        )

    def history(self, caller: Caller, query: ShopOrderQuery) -> ShopOrderPage:
        """Return a page of the caller's orders, or of all orders for staff, newest first.

        Raises
        ------
        BadRequest
            If the cursor is not valid.
        Forbidden
            If a customer searches by email address.
        ServiceUnavailable
            If ``orders`` or, for a search by email address, Cognito does not answer.
        """
        owner = None if caller.is_staff else caller.id
        if query.email is not None:
            caller.must_be_staff()
            owner = self._users.id_of(query.email)
            if owner is None:
                return ShopOrderPage(items=[], next_cursor=None)
        page = self._orders.call(
            orders.LIST,
            query=orders.OrderQuery(
                customer_id=owner, status=query.status, limit=query.limit, cursor=query.cursor
            ),
        ).value
        return ShopOrderPage(
            items=self._with_payments(caller, page.items), next_cursor=page.next_cursor
        )

    def get(self, caller: Caller, order_id: str) -> ShopOrder:
        """Return an order that the caller may see.

        Raises
        ------
        NotFound
            If there is no such order, or the caller may not see it.
        ServiceUnavailable
            If ``orders`` does not answer.
        """
        return self._with_payments(caller, [self._visible(caller, order_id)])[0]

    def own_order(self, caller: Caller, order_id: str) -> orders.Order:
        """Return an order that the caller may change.

        Raises
        ------
        NotFound
            If the order is not the caller's own, even if the caller is staff and may see it.
        """
        order = self._visible(caller, order_id)
        if order.customer_id != caller.id:
            raise NotFound(_NO_SUCH_ORDER)
        return order

    def change(
        self, caller: Caller, order_id: str, precondition: Precondition, patch: Any
    ) -> ShopOrder:
        """Change the caller's own order.

        Parameters
        ----------
        caller
            The customer.
        order_id
            The id of an order that ``own_order`` returned.
        precondition
            The version that the order must have.
        patch
            A JSON merge patch.

        Raises
        ------
        PreconditionFailed
            If the order has another version.
        Conflict
            If the order is cancelled.
        Unprocessable
            If the patch is not valid, or contains a card number.
        ServiceUnavailable
            If ``orders`` does not answer.
        """
        refuse_card_numbers(patch)
        changed = self._orders.call(
            orders.CHANGE,
            {"order_id": order_id},
            body=patch,
            headers=precondition.headers(),
        ).value
        return self._with_payments(caller, [changed])[0]

    def countries(self) -> orders.CountryList:
        """Return the countries that the shop ships to, and what an address needs in each.

        Raises
        ------
        ServiceUnavailable
            If ``orders`` does not answer.
        """
        return self._orders.call(orders.LIST_COUNTRIES).value

    def visible_order_id(self, caller: Caller, order_id: str) -> str:
        """Return the id of an order that the caller may see.

        Raises
        ------
        NotFound
            If there is no such order, or the caller may not see it.
        """
        return self._visible(caller, order_id).id

    def cancel(self, caller: Caller, order_id: str) -> ShopOrder:
        """Cancel an order; a charge will be refunded.

        Parameters
        ----------
        caller
            The customer or a member of staff.
        order_id
            An id that ``visible_order_id`` returned.

        Raises
        ------
        ServiceUnavailable
            If ``orders`` does not answer.
        """
        cancelled = self._orders.call(orders.CANCEL, {"order_id": order_id}).value
        return self._with_payments(caller, [cancelled])[0]

    def pay_again(self, caller: Caller, order: orders.Order, key: str, document: Any) -> ShopOrder:
        """Charge an order that is not paid to another payment method, once per key.

        Parameters
        ----------
        caller
            The customer.
        order
            An order that ``own_order`` returned.
        key
            The ``Idempotency-Key``.
        document
            A ``NewPayment`` that has not been parsed.

        Raises
        ------
        Conflict
            If the order is cancelled, or its payment neither declined nor waiting for an action.
        Unprocessable
            If the key was used for another request, or the document is not valid.
        ServiceUnavailable
            If ``payments`` does not answer.
        """
        refuse_card_numbers(document)
        new = parse_document(document, NewPayment)
        request = payments.PaymentRetry(
            order_id=order.id,
            order_status=order.status,
            payment_method=new.payment_method,
            idempotency_key=key,
            fingerprint=_fingerprint(document),
        )
        transaction = self._payments.call(payments.RETRY, body=request).value
        return _shop_order(caller, order, _pending(order), transaction)

    def receipt_url(self, caller: Caller, order_id: str) -> str:
        """Return a short-lived URL of an order's receipt.

        Raises
        ------
        NotFound
            If the caller may not see the order, or it has no receipt yet.
        ServiceUnavailable
            If ``orders``, ``payments`` or ``file_manager`` does not answer.
        """
        order = self._visible(caller, order_id)
        transaction = self._transactions([order]).get(order.id)
        if transaction is None or transaction.receipt_file_id is None:
            raise NotFound("There is no receipt yet.")
        path = {"file_id": transaction.receipt_file_id}
        return self._file_manager.call(files.LINK_DOCUMENT, path).value.url

    def times_of(self, order_id: str) -> "OrderTimes":
        """Return when an order was placed and last changed, and whether it has a receipt.

        Raises
        ------
        NotFound
            If there is no such order.
        ServiceUnavailable
            If ``orders`` does not answer.
        """
        order = self._orders.call(orders.GET, {"order_id": valid_id(order_id, "order")}).value
        try:
            transaction = self._transactions([order]).get(order.id)
        except ServiceUnavailable:
            return OrderTimes(order.placed_at, None, has_receipt=False)
        if transaction is None:
            return OrderTimes(order.placed_at, order.updated_at, has_receipt=False)
        changed_at = max(order.updated_at, transaction.updated_at)
        has_receipt = transaction.receipt_file_id is not None
        return OrderTimes(order.placed_at, changed_at, has_receipt)

    def _visible(self, caller: Caller, order_id: str) -> orders.Order:
        path = {"order_id": valid_id(order_id, "order")}
        order = self._orders.call(orders.GET, path).value
        if order.customer_id != caller.id and not caller.is_staff:
            raise NotFound(_NO_SUCH_ORDER)
        return order

    def _priced(self, lines: Sequence[DraftLine]) -> list[orders.PricedLine]:
        """Return the lines with the current names and prices."""
        ids = list(dict.fromkeys(line.toy_id for line in lines))
        found = self._toys.call(toys.LOOKUP, body=toys.ToyLookup(ids=ids)).value.items
        catalogue = {toy.id: toy for toy in found}
        priced = []
        for number, line in enumerate(lines):
            toy = catalogue.get(line.toy_id)
            if toy is None:
                raise Unprocessable.at(
                    f"/lines/{number}/toy_id", "There is no such toy", "not_found"
                )
            if toy.price.currency != self._currency:
                raise Unprocessable.at(
                    f"/lines/{number}/toy_id",
                    f"This toy is not sold in {self._currency}",
                    "not_allowed",
                )
            priced.append(
                orders.PricedLine(
                    toy_id=toy.id,
                    name=toy.name,
                    quantity=line.quantity,
                    unit_price=NewMoney(amount=toy.price.amount, currency=toy.price.currency),
                )
            )
        return priced

    def _with_payments(self, caller: Caller, placed: Sequence[orders.Order]) -> list[ShopOrder]:
        """Return orders with their payments; ``unknown`` if ``payments`` does not answer."""
        try:
            transactions = self._transactions(placed)
        except ServiceUnavailable:
            return [_shop_order(caller, order, _UNKNOWN, None) for order in placed]
        return [
            _shop_order(caller, order, _pending(order), transactions.get(order.id))
            for order in placed
        ]

    def _transactions(self, placed: Iterable[orders.Order]) -> dict[str, payments.Transaction]:
        ids = [order.id for order in placed]
        if not ids:
            return {}
        answer = self._payments.call(
            payments.LOOKUP, body=payments.TransactionLookup(order_ids=ids)
        ).value
        return {transaction.order_id: transaction for transaction in answer.items}


class OrderTimes(NamedTuple):
    """The period in which something happened to an order.

    ``changed_at`` is ``None`` while ``payments`` does not answer.
    """

    placed_at: datetime
    changed_at: datetime | None
    has_receipt: bool


_UNKNOWN = OrderPayment(
    status="unknown",
    transaction_id=None,
    decline_code=None,
    action=None,
    refunded_amount=None,
    disputed=None,
    dispute=None,
)


def _shop_order(
    caller: Caller,
    order: orders.Order,
    otherwise: OrderPayment,
    transaction: payments.Transaction | None,
) -> ShopOrder:
    """Return an order as the caller may see it.

    Without a transaction its payment is ``otherwise``.
    """
    payment = otherwise
    if transaction is not None:
        payment = OrderPayment(
            status=transaction.status,
            transaction_id=transaction.id,
            decline_code=transaction.decline_code,
            action=_action(transaction) if order.customer_id == caller.id else None,
            refunded_amount=transaction.refunded_amount or _nothing(order),
            disputed=transaction.dispute in ("open", "lost"),
            dispute=transaction.dispute,
        )
    return ShopOrder(
        id=order.id,
        customer_id=order.customer_id,
        status=order.status,
        lines=order.lines,
        total=order.total,
        shipping_address=order.shipping_address,
        contact=order.contact,
        version=order.version,
        placed_at=order.placed_at,
        updated_at=order.updated_at,
        payment=payment,
        receipt=transaction is not None and transaction.receipt_file_id is not None,
    )


def _pending(order: orders.Order) -> OrderPayment:
    """Return the payment of an order without a transaction."""
    return OrderPayment(
        status="pending",
        transaction_id=None,
        decline_code=None,
        action=None,
        refunded_amount=_nothing(order),
        disputed=False,
        dispute=None,
    )


def _nothing(order: orders.Order) -> Money:
    return Money(amount=0, currency=order.total.currency)


def _action(transaction: payments.Transaction) -> PaymentAction | None:
    if transaction.status != "action_required" or transaction.client_secret is None:
        return None
    return PaymentAction(client_secret=transaction.client_secret)


def idempotency_key(header: str | None) -> str:
    """Return the idempotency key of a request.

    Parameters
    ----------
    header
        The ``Idempotency-Key`` header, if the request has one.

    Raises
    ------
    BadRequest
        If there is none, or it is not valid.
    """
    if header is None:
        raise BadRequest(
            "The header Idempotency-Key is required. Use a new key for each new order."
        )
    try:
        return msgspec.convert(header, orders.IdempotencyKey)
    except msgspec.ValidationError:
        raise BadRequest(
            "An Idempotency-Key must have 1 to 255 visible ASCII characters, without spaces."
        ) from None


def _fingerprint(document: Any) -> str:
    """Return a hash of a body that does not depend on the order of its fields."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
