"""Shoppers who place orders during the faults, and repeat a request until it is answered."""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import httpx

from support.running_shop import ADDRESS, PASSWORD, Shop
from support.soak.plan import Plan
from toyshop_client import (
    ConnectionFailed,
    DraftLine,
    NewAddress,
    RateLimited,
    Retries,
    ServerFailed,
    ShopOrder,
    ToyShop,
)

CARDS = {
    "pm_card_visa": 0.8,
    "pm_card_chargeDeclined": 0.1,
    "pm_card_authenticationRequired": 0.1,
}
"""The share of each payment method."""
CANCELLED = 0.1
"""Share of orders that are cancelled."""
AUTHENTICATED = 0.7
"""Share of shoppers who answer the bank's request, and share of these answers that are right."""
_RETRIES = Retries(attempts=60, first_pause=0.4, longest_pause=0.4)


@dataclass
class OrderLog:
    """The answers that the shoppers got.

    Attributes
    ----------
    accepted
        The payment method of each accepted order, by order id.
    cancelled
        Ids of the orders whose cancellation was accepted.
    asked_to_authenticate
        Ids of the orders whose shopper was asked to authenticate.
    unanswered
        Idempotency keys of the requests that were never answered.
    statuses
        Number of answers by HTTP status; 0 is no answer.
    seconds
        Time in which the orders were placed.
    """

    accepted: dict[str, str] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    asked_to_authenticate: set[str] = field(default_factory=set)
    unanswered: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0


class CountingTransport(httpx.BaseTransport):
    """Counts the responses of all attempts.

    Parameters
    ----------
    statuses
        The number of responses by HTTP status; 0 counts attempts without a response.
    """

    def __init__(self, statuses: Counter[int]) -> None:
        self._statuses = statuses
        self._transport = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and count the response."""
        try:
            response = self._transport.handle_request(request)
        except httpx.TransportError:
            # the edge is down, or was killed while it handled the request
            self._statuses[0] += 1
            raise
        self._statuses[response.status_code] += 1
        return response

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()


class Shoppers:
    """Several shoppers, who each place an order as soon as the previous one is answered."""

    def __init__(self, shop: Shop, plan: Plan) -> None:
        self._gateway = shop.gateway
        self._plan = plan
        self._lines = [DraftLine(toy_id=shop.toys[0]["id"], quantity=1)]
        self._log = OrderLog()
        self._client = ToyShop(
            shop.origin,
            retries=_RETRIES,
            timeout=60,
            transport=CountingTransport(self._log.statuses),
        )
        self._client.sign_in("alice@example.com", PASSWORD)
        self._started = 0
        self._lock = threading.Lock()

    def place_orders(self) -> OrderLog:
        """Place orders until there are enough or the time is over; return the answers.

        Raises
        ------
        ToyShopError
            Within a shopper's thread, if an answer is an error other than 429 or 5xx.
        """
        began = time.monotonic()
        end = began + self._plan.order_seconds
        threads = [
            threading.Thread(target=self._place_until, args=(end, number))
            for number in range(self._plan.shoppers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._client.close()
        self._log.seconds = time.monotonic() - began
        return self._log

    def _start_next(self) -> bool:
        with self._lock:
            self._started += 1
            return self._started <= self._plan.max_orders

    def _place_until(self, end: float, number: int) -> None:
        rng = random.Random(f"{self._plan.seed} shopper {number}")
        while time.monotonic() < end and self._start_next():
            card = rng.choices(list(CARDS), list(CARDS.values()))[0]
            key = str(uuid.UUID(int=rng.getrandbits(128)))
            cancels, reacts = rng.random() < CANCELLED, rng.random() < AUTHENTICATED
            order = _answered(partial(self._place, card, key))
            if order is None:
                self._log.unanswered.append(key)
                continue
            self._log.accepted[order.id] = card
            if cancels:
                # before, during or after the charge
                time.sleep(rng.random())
                if _answered(partial(self._client.orders.cancel, order.id)):
                    self._log.cancelled.add(order.id)
            elif reacts and card == "pm_card_authenticationRequired":
                self._authenticate(order.id, rng)

    def _place(self, card: str, key: str) -> ShopOrder:
        return self._client.orders.place(
            lines=self._lines,
            shipping_address=NewAddress(**ADDRESS),
            payment_method=card,
            idempotency_key=key,
        )

    def _authenticate(self, order_id: str, rng: random.Random) -> None:
        """Complete the authentication, if the bank has asked for it by now."""
        order = _answered(partial(self._client.orders.get, order_id))
        if order is None or order.payment.action is None:
            return
        self._log.asked_to_authenticate.add(order_id)
        intent = order.payment.action.client_secret.partition("_secret")[0]
        try:
            self._gateway.authenticate(
                intent, "succeeded" if rng.random() < AUTHENTICATED else "failed"
            )
        except Exception:
            # The gateway is down, or the order has been cancelled; the shopper gives up.
            self._log.statuses[0] += 1


def _answered(call: Callable[[], ShopOrder]) -> ShopOrder | None:
    """Return the order of a successful response; ``None`` after too many attempts."""
    try:
        return call()
    except (ConnectionFailed, RateLimited, ServerFailed):
        return None
