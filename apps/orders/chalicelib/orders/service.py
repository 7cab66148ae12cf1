"""The use cases of orders."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.orders import domain
from chalicelib.orders.countries import Countries, InvalidAddressError
from chalicelib.orders.limits import limits_of
from chalicelib.orders.store import FIRST_MONTH, OrderStore, Stored
from chassis import clock, log
from chassis.clock import Clock
from chassis.contention import Attempts
from chassis.cursors import Cursors
from chassis.ids import derived_id
from chassis.parsing import merge_patch, parse_document
from chassis.preconditions import Precondition
from chassis.problems import (
    BadRequest,
    Conflict,
    FieldError,
    NotFound,
    ProblemError,
    Unprocessable,
)
from contracts.orders import (
    PRICE_CHANGED,
    CountryList,
    LostOrder,
    Order,
    OrderChange,
    OrderErasure,
    OrderErasureAnswer,
    OrderPage,
    OrderQuery,
    PlaceOrder,
    ReplayLookup,
)
from contracts.problem import KEY_REUSED

_FIRST_MOMENT = datetime.fromisoformat(f"{FIRST_MONTH}-01T00:00:00+00:00")
_NO_FINGERPRINT = "0" * 64
"""Of an order whose customer's data are erased: the request contained them."""
_UNKNOWN_FINGERPRINT = "unknown"
"""The fingerprint of a restored order, whose request is lost: any request with its key counts as a
repetition."""


class OrderService:
    """Places, lists, changes, cancels and pseudonymizes orders.

    Parameters
    ----------
    store
        Reads and writes the orders table.
    cursors
        Signs and verifies the pagination cursors.
    countries
        The countries that the shop ships to.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self,
        store: OrderStore,
        cursors: Cursors,
        countries: Countries,
        now: Clock = clock.now,
    ) -> None:
        self._store = store
        self._cursors = cursors
        self._countries = countries
        self._now = now

    def place(self, request: PlaceOrder) -> tuple[Order, bool]:
        """Place an order, once per customer and idempotency key.

        Returns
        -------
        tuple
            The order, and whether this call placed it.

        Raises
        ------
        Unprocessable
            If the key was used for another request, there are too many of one toy, the total
            cannot be charged, or nothing can be delivered to the address.
        Conflict
            If the total is not the expected one.
        """
        order_id = _order_id(request.customer_id, request.idempotency_key)
        try:
            address = self._countries.accept(request.shipping_address)
            placeable = replace(request, shipping_address=address)
            order = domain.place(order_id, placeable, self._now())
            domain.check_total(order.total, limits_of(order.total.currency))
        except domain.OrderError as error:
            # The key may have been used since the caller looked for it, with other prices.
            earlier = self._store.get(order_id)
            if earlier is None:
                raise _problem_of(error) from None
            stored = earlier
        else:
            if self._store.add(order, request.fingerprint):
                log.metric("toyshop.orders.placed")
                total = order.total
                log.metric("toyshop.orders.value", total.amount, "None", currency=total.currency)
                return order, True
            stored = self._stored(order_id)
        _check_fingerprint(stored, request.fingerprint)
        return stored.order, False

    def find_replay(self, lookup: ReplayLookup) -> Order:
        """Return the order that was placed with an idempotency key.

        Raises
        ------
        NotFound
            If no order was placed with the key.
        Unprocessable
            If the key was used for another request.
        """
        stored = self._store.get(_order_id(lookup.customer_id, lookup.idempotency_key))
        if stored is None:
            raise NotFound("No order was placed with this key.")
        _check_fingerprint(stored, lookup.fingerprint)
        return stored.order

    def get(self, order_id: str) -> Order:
        """Return an order.

        Raises
        ------
        NotFound
            If there is no such order.
        """
        return self._stored(order_id).order

    def list(self, query: OrderQuery) -> OrderPage:
        """Return a page of orders, newest first.

        Raises
        ------
        BadRequest
            If the cursor belongs to another list, the customer's id is empty, or ``since`` is after
            ``until``.
        """
        if query.customer_id == "":
            raise BadRequest.at("/customer_id", "Must not be empty")
        if query.since and query.until and query.since > query.until:
            raise BadRequest("The parameter since must not be after until.")
        bounds = {"since": query.since, "until": query.until}
        scope = {
            "list": "orders",
            "customer_id": query.customer_id,
            **({"status": query.status} if query.status else {}),
            **{name: time.isoformat() for name, time in bounds.items() if time},
        }
        after: dict[str, Any] | None = (
            self._cursors.read(query.cursor, scope) if query.cursor else None
        )
        orders, position = self._store.page(
            query.customer_id, query.limit, after, query.since, query.until, query.status
        )
        return OrderPage(
            items=orders,
            next_cursor=self._cursors.write(position, scope) if position else None,
        )

    def change(self, order_id: str, precondition: Precondition, patch: dict[str, Any]) -> Order:
        """Apply a merge patch (RFC 7396) to the shipping address, the only part that may change.

        Raises
        ------
        NotFound
            If there is no such order.
        PreconditionFailed
            If the order has changed since the caller read it.
        Conflict
            If the order is cancelled, or its customer's data are erased.
        Unprocessable
            If the result is not a valid address.
        """
        attempts = Attempts(order_id)
        is_first = True
        while True:
            attempts.begin()
            stored = self._stored(order_id)
            if stored.order.status != "cancelled" or not is_first:
                precondition.check(stored.order.version)
            try:
                domain.check_not_erased(stored.order)
            except domain.ErasedError as error:
                raise Conflict(f"{error}.") from None
            current = {"shipping_address": msgspec.to_builtins(stored.order.shipping_address)}
            change = parse_document(merge_patch(current, patch), OrderChange)
            try:
                address = self._countries.accept(
                    change.shipping_address, previous=stored.order.shipping_address
                )
                changed = domain.change_address(stored.order, address, self._now())
            except InvalidAddressError as error:
                raise _invalid_address(error) from None
            except domain.AlreadyCancelledError as error:
                raise Conflict(str(error)) from None
            if self._store.replace(changed, stored.fingerprint):
                return changed
            is_first = False

    def countries(self) -> CountryList:
        """Return the countries that the shop ships to, and what an address needs in each."""
        return CountryList(items=self._countries.offered())

    def cancel(self, order_id: str) -> Order:
        """Cancel an order; a cancelled order stays as it is.

        Raises
        ------
        NotFound
            If there is no such order.
        ServiceUnavailable
            If other writers were faster in every attempt.
        """
        attempts = Attempts(order_id)
        while True:
            attempts.begin()
            stored = self._stored(order_id)
            cancelled = domain.cancel(stored.order, self._now())
            if cancelled is stored.order:
                return cancelled
            if self._store.replace(cancelled, stored.fingerprint):
                log.metric("toyshop.orders.cancelled")
                return cancelled

    def erase_customer(self, request: OrderErasure) -> OrderErasureAnswer:
        """Erase the customer's data of orders, and return which orders had any.

        Orders that do not exist are ignored.

        Raises
        ------
        ServiceUnavailable
            If other writers were faster in every attempt.
        """
        order_ids = dict.fromkeys(request.order_ids)
        return OrderErasureAnswer(
            erased=[order_id for order_id in order_ids if self._erase_customer(order_id)]
        )

    def _erase_customer(self, order_id: str) -> bool:
        attempts = Attempts(order_id)
        while stored := self._store.get(order_id):
            attempts.begin()
            erased = domain.erase_customer(stored.order, self._now())
            if erased is stored.order:
                return False
            if self._store.replace(erased, _NO_FINGERPRINT):
                return True
        return False

    def reemit(self, order_id: str) -> None:
        """Re-emit the event of an order's current status.

        Raises
        ------
        NotFound
            If there is no such order.
        """
        if not self._store.reemit(order_id):
            raise NotFound("There is no such order.")

    def restore(self, order_id: str, lost: LostOrder) -> tuple[Order, bool]:
        """Store an order that is missing from the table, as its transaction has recorded it.

        Returns
        -------
        tuple
            The order, and whether this call restored it; one that exists stays as it is.

        Raises
        ------
        Unprocessable
            If it cannot have been an order: its id, a time, the contact or the lines.
        """
        try:
            order = domain.restore(order_id, lost, _FIRST_MOMENT, self._now())
        except domain.ImpossibleOrderError as error:
            raise Unprocessable.at(f"/{error.field}", str(error)) from None
        except domain.OrderError as error:
            raise _problem_of(error) from None
        if lost.cancelled_at:
            order = domain.cancel(order, lost.cancelled_at)
        if self._store.add(order, _UNKNOWN_FINGERPRINT):
            log.info("order restored", order_id=order_id)
            return order, True
        return self._stored(order_id).order, False

    def _stored(self, order_id: str) -> Stored:
        stored = self._store.get(order_id)
        if stored is None:
            raise NotFound("There is no such order.")
        return stored


def _problem_of(error: domain.OrderError) -> ProblemError:
    match error:
        case domain.PriceChangedError():
            return _price_changed(error)
        case InvalidAddressError():
            return _invalid_address(error)
        case domain.MixedCurrenciesError(line=line):
            return Unprocessable.at(f"/lines/{line}", str(error), "not_allowed")
        case domain.QuantityTooLargeError(line=line):
            return Unprocessable.at(f"/lines/{line}/quantity", str(error), "too_large")
    return Unprocessable.at("/lines", str(error))


def _invalid_address(error: InvalidAddressError) -> Unprocessable:
    sentences = " ".join(f"{sentence}." for sentence, _ in error.problems.values())
    return Unprocessable(
        f"Please check the shipping address. {sentences}",
        [
            FieldError(pointer=f"/shipping_address/{name}", detail=sentence, code=code)
            for name, (sentence, code) in error.problems.items()
        ],
    )


def _price_changed(error: domain.PriceChangedError) -> Conflict:
    conflict = Conflict(f"{error}. Nothing has been ordered. Please check the order again.")
    conflict.type, conflict.title = PRICE_CHANGED, "The price has changed"
    conflict.extensions = {"lines": error.lines, "total": error.total}
    return conflict


def _order_id(customer_id: str, idempotency_key: str) -> str:
    return derived_id("ord", customer_id, idempotency_key)


def _check_fingerprint(stored: Stored, fingerprint: str) -> None:
    if stored.fingerprint not in (fingerprint, _UNKNOWN_FINGERPRINT):
        error = Unprocessable(
            "This Idempotency-Key was used for another request. Use a new key for a new order."
        )
        error.type, error.title = KEY_REUSED, "The key was used for another request"
        raise error
