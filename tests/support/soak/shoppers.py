"""Shoppers who place orders during the faults, and repeat a request until it is answered."""

import random
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from support.http import Answer
from support.running_shop import Shop
from support.soak.plan import Plan

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
_ATTEMPTS = 60
_RETRY_SECONDS = 0.3


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


class Shoppers:
    """Several shoppers, who each place an order as soon as the previous one is answered."""

    def __init__(self, shop: Shop, plan: Plan) -> None:
        self._shop = shop
        self._plan = plan
        self._token = shop.sign_in("alice@example.com")
        self._body = shop.order_body()
        self._log = OrderLog()
        self._started = 0
        self._lock = threading.Lock()

    def place_orders(self) -> OrderLog:
        """Place orders until there are enough or the time is over; return the answers.

        Raises
        ------
        AssertionError
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
            answer = self._send("POST", "/orders", self._body | {"payment_method": card}, key)
            if answer is None:
                self._log.unanswered.append(key)
                continue
            order_id = answer.json["id"]
            self._log.accepted[order_id] = card
            if cancels:
                # before, during or after the charge
                time.sleep(rng.random())
                if self._send("POST", f"/orders/{order_id}/cancellation"):
                    self._log.cancelled.add(order_id)
            elif reacts and card == "pm_card_authenticationRequired":
                self._authenticate(order_id, rng)

    def _authenticate(self, order_id: str, rng: random.Random) -> None:
        """Complete the authentication, if the bank has asked for it by now."""
        answer = self._send("GET", f"/orders/{order_id}")
        payment = answer.json["payment"] if answer else {}
        if not payment.get("action"):
            return
        self._log.asked_to_authenticate.add(order_id)
        intent = payment["action"]["client_secret"].partition("_secret")[0]
        try:
            self._shop.gateway.authenticate(
                intent, "succeeded" if rng.random() < AUTHENTICATED else "failed"
            )
        except Exception:
            # The gateway is down, or the order has been cancelled; the shopper gives up.
            self._log.statuses[0] += 1

    def _send(self, method: str, path: str, body: Any = None, key: str = "") -> Answer | None:
        """Send a request until it succeeds; return ``None`` after too many attempts."""
        for _ in range(_ATTEMPTS):
            try:
                headers = {"Idempotency-Key": key} if key else {}
                answer = self._shop.api(method, path, body, self._token, headers)
            except OSError:
                # the edge is down, or was killed while it handled the request
                self._log.statuses[0] += 1
            else:
                self._log.statuses[answer.status] += 1
                if answer.status < 300:
                    return answer
                assert answer.status >= 429, f"{method} {path}: {answer.status} {answer.body!r}"
            time.sleep(_RETRY_SECONDS)
        return None
