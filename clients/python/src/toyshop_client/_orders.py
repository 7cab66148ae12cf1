"""Orders, asynchronously."""

import uuid
from collections.abc import Sequence
from typing import Literal

from toyshop_client import _operations as operations
from toyshop_client._core import Core, etag
from toyshop_client.errors import (
    PaymentActionRequired,
    PaymentCancelled,
    PaymentDeclined,
    PaymentPending,
)
from toyshop_client.models import (
    DraftLine,
    ExpectedMoney,
    Journey,
    Money,
    NewAddress,
    NewOrder,
    NewPayment,
    OrderChange,
    ShopOrder,
    ShopOrderPage,
)
from toyshop_client.paging import AsyncItems

OrderStatus = Literal["placed", "cancelled"]
_FIRST_POLL = 0.2
_LONGEST_POLL = 2.0


class AsyncOrders:
    """Orders of the user who is signed in; staff see everyone's."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def place(
        self,
        *,
        lines: Sequence[DraftLine],
        shipping_address: NewAddress,
        payment_method: str,
        expected_total: Money | None = None,
        idempotency_key: str | None = None,
    ) -> ShopOrder:
        """Place an order.

        Parameters
        ----------
        payment_method
            A payment method token of the payment gateway.
        expected_total
            The total that the customer has seen.
        idempotency_key
            Calls with the same key place one order; by default, each call uses a new key.

        Raises
        ------
        PriceChanged
            If the total is not the expected one; then nothing is placed.
        """
        expected = None
        if expected_total:
            expected = ExpectedMoney(amount=expected_total.amount, currency=expected_total.currency)
        order = NewOrder(
            lines=[*lines],
            shipping_address=shipping_address,
            payment_method=payment_method,
            expected_total=expected,
        )
        return await self._core.call(
            operations.place_order(order, idempotency_key=idempotency_key or _new_key())
        )

    def list(
        self,
        *,
        status: OrderStatus | None = None,
        email: str | None = None,
        page_size: int | None = None,
    ) -> AsyncItems[ShopOrder, ShopOrderPage]:
        """List orders, newest first.

        Parameters
        ----------
        status
            Return only orders in this status.
        email
            Return only orders of the account with this email address; for staff.
        page_size
            How many orders a request returns, from 1 to 100; with a status, it may return fewer.
        """

        async def fetch(cursor: str | None) -> ShopOrderPage:
            return await self._core.call(
                operations.list_orders(status=status, email=email, limit=page_size, cursor=cursor)
            )

        return AsyncItems(fetch)

    async def get(self, order_id: str) -> ShopOrder:
        """Return an order with its payment."""
        return await self._core.call(operations.get_order(order_id))

    async def wait_until_paid(self, order_id: str, *, timeout: float = 60.0) -> ShopOrder:
        """Wait until an order is paid, and return it.

        Parameters
        ----------
        timeout
            How long to wait, in seconds.

        Raises
        ------
        PaymentDeclined
            If the payment was declined.
        PaymentActionRequired
            If the shopper has to confirm the payment.
        PaymentCancelled
            If the order was cancelled or refunded.
        PaymentPending
            If it is not paid within the timeout.
        """
        end = self._core.io.now() + timeout
        pause = _FIRST_POLL
        while True:
            order = await self.get(order_id)
            match order.payment.status:
                case "succeeded":
                    return order
                case "declined":
                    raise PaymentDeclined(order)
                case "action_required":
                    raise PaymentActionRequired(order)
                case "cancelled" | "refunded":
                    raise PaymentCancelled(order)
            left = end - self._core.io.now()
            if left <= 0:
                raise PaymentPending(order)
            await self._core.io.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_POLL)

    async def pay_again(
        self, order_id: str, payment_method: str, *, idempotency_key: str | None = None
    ) -> ShopOrder:
        """Pay an order with another payment method.

        Parameters
        ----------
        idempotency_key
            Calls with the same key pay once; by default, each call uses a new key.

        Raises
        ------
        Conflict
            If the payment is neither declined nor waiting for the shopper's confirmation.
        """
        return await self._core.call(
            operations.pay_again(
                order_id,
                NewPayment(payment_method=payment_method),
                idempotency_key=idempotency_key or _new_key(),
            )
        )

    async def change_address(self, order: ShopOrder, shipping_address: NewAddress) -> ShopOrder:
        """Change the shipping address, unless the order has changed since it was read.

        Raises
        ------
        PreconditionFailed
            If it has changed.
        Conflict
            If it is cancelled.
        """
        return await self._core.call(
            operations.change_order(
                order.id, OrderChange(shipping_address=shipping_address), if_match=etag(order)
            )
        )

    async def cancel(self, order_id: str) -> ShopOrder:
        """Cancel an order; what was charged is refunded."""
        return await self._core.call(operations.cancel_order(order_id))

    async def receipt(self, order_id: str) -> bytes:
        """Return the receipt of a paid order, a PDF.

        Raises
        ------
        NotFound
            If there is none yet.
        """
        answer = await self._core.respond(operations.get_receipt(order_id))
        # no access token is sent to the storage
        return await self._core.download(str(answer.url.join(answer.headers["Location"])))

    async def journey(self, order_id: str) -> Journey:
        """Return what each service did for an order, in order of time; for staff.

        Without hops, ``missing`` says why: traces are kept for 30 days.
        """
        return await self._core.call(operations.get_journey(order_id))


def _new_key() -> str:
    return str(uuid.uuid4())
