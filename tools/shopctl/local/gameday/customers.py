"""Customers who go on ordering during an incident."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from shopctl.local import users
from shopctl.project.errors import ShopProblem
from toyshop_client import DraftLine, NewAddress, Retries, ToyShop, ToyShopError

_PAUSE_SECONDS = 0.5
_AT_ONCE = 8
_PAYMENT_METHOD = "pm_card_visa"
_ADDRESS = NewAddress(
    name="Game Day", line1="1 Toy Street", city="Sydney", postal_code="2000", country="AU"
)


class Customers:
    """Places an order twice a second, from the start of the block until its end.

    An order that the shop did not accept is sent again at the end, with the same idempotency key,
    as a customer who presses the button once more does it.

    Parameters
    ----------
    origin
        The shop's URL.
    """

    def __init__(self, origin: str) -> None:
        self._shop = ToyShop(origin, retries=Retries(attempts=1), timeout=30)
        self._shop.sign_in(users.USERS[0].email, users.PASSWORD)
        # found before the incident, since the catalogue may be down during it
        self._toy = next(iter(self._shop.toys.list(page_size=1))).id
        self._orders: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._place_orders, name="customers")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def accepted(self) -> list[str]:
        """Ids of the orders that the shop accepted."""
        return [order for order in list(self._orders.values()) if order]

    @property
    def refused(self) -> int:
        """Number of orders that it did not accept."""
        return len(self._orders) - len(self.accepted)

    def stop(self) -> None:
        """Stop placing orders."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def try_again(self, seconds: float) -> None:
        """Send the orders again that the shop did not accept.

        Parameters
        ----------
        seconds
            How long to try.

        Raises
        ------
        ShopProblem
            If it still does not accept one.
        """
        deadline = time.monotonic() + seconds
        for key in [key for key, order in self._orders.items() if not order]:
            while not self._order(key):
                if time.monotonic() > deadline:
                    raise ShopProblem(
                        "The shop still accepts no orders.", "Go on with the runbook."
                    )
                time.sleep(_PAUSE_SECONDS)

    def _place_orders(self) -> None:
        # customers do not wait for each other
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while not self._stop.is_set():
                key = str(uuid.uuid4())
                self._orders[key] = ""
                pool.submit(self._order, key)
                self._stop.wait(_PAUSE_SECONDS)

    def _order(self, key: str) -> bool:
        try:
            self._orders[key] = self._shop.orders.place(
                lines=[DraftLine(toy_id=self._toy, quantity=1)],
                shipping_address=_ADDRESS,
                payment_method=_PAYMENT_METHOD,
                idempotency_key=key,
            ).id
        except ToyShopError:
            return False
        return True
