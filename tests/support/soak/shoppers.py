"""People who order, whatever the weather: they try again with the same key until they are told."""

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
CANCELLED = 0.1
CONFIRMED = 0.7
_TRIES = 60
_PATIENCE = 0.3


@dataclass
class Sales:
    """What the shop has promised so far."""

    # the card of each accepted order
    accepted: dict[str, str] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    # orders whose customer was asked to confirm
    asked: set[str] = field(default_factory=set)
    # orders that nobody was told to be accepted, by their keys
    unanswered: list[str] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0


class Shoppers:
    """Order at once, as fast as they are answered."""

    def __init__(self, shop: Shop, plan: Plan) -> None:
        self._shop = shop
        self._plan = plan
        self._token = shop.sign_in("alice@example.com")
        self._body = shop.order_body()
        self.sales = Sales()
        self._started = 0
        self._lock = threading.Lock()

    def order(self) -> Sales:
        """Place orders until there are enough, or the time is over; return what was promised."""
        began = time.monotonic()
        end = began + self._plan.seconds
        threads = [
            threading.Thread(target=self._shop_until, args=(end, number))
            for number in range(self._plan.shoppers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.sales.seconds = time.monotonic() - began
        return self.sales

    def _next(self) -> bool:
        with self._lock:
            self._started += 1
            return self._started <= self._plan.orders

    def _shop_until(self, end: float, number: int) -> None:
        dice = random.Random(f"{self._plan.seed} shopper {number}")
        while time.monotonic() < end and self._next():
            card = dice.choices(list(CARDS), list(CARDS.values()))[0]
            key = str(uuid.UUID(int=dice.getrandbits(128)))
            cancels, confirms = dice.random() < CANCELLED, dice.random() < CONFIRMED
            answer = self._try("POST", "/orders", self._body | {"payment_method": card}, key)
            if answer is None:
                self.sales.unanswered.append(key)
                continue
            order_id = answer.json["id"]
            self.sales.accepted[order_id] = card
            if cancels:
                # before, while or after it is charged
                time.sleep(dice.random())
                if self._try("POST", f"/orders/{order_id}/cancellation"):
                    self.sales.cancelled.add(order_id)
            elif confirms and card == "pm_card_authenticationRequired":
                self._confirm(order_id, dice)

    def _confirm(self, order_id: str, dice: random.Random) -> None:
        """Do what the shopper's bank asks for, if it has asked by then."""
        answer = self._try("GET", f"/orders/{order_id}")
        payment = answer.json["payment"] if answer else {}
        if not payment.get("action"):
            return
        self.sales.asked.add(order_id)
        intent = payment["action"]["client_secret"].partition("_secret")[0]
        try:
            self._shop.gateway.authenticate(
                intent, "succeeded" if dice.random() < CONFIRMED else "failed"
            )
        except Exception:
            # the gateway is down, or too late: the order was cancelled; the shopper gives up
            self.sales.answers[0] += 1

    def _try(self, method: str, path: str, body: Any = None, key: str = "") -> Answer | None:
        """Send a request until it is answered for good; ``None`` if that takes too long."""
        for _ in range(_TRIES):
            try:
                headers = {"Idempotency-Key": key} if key else {}
                answer = self._shop.api(method, path, body, self._token, headers)
            except OSError:
                # the edge is down, or was, while it had the request
                self.sales.answers[0] += 1
            else:
                self.sales.answers[answer.status] += 1
                if answer.status < 300:
                    return answer
                assert answer.status >= 429, f"{method} {path}: {answer.status} {answer.body!r}"
            time.sleep(_PATIENCE)
        return None
