"""Orders that are placed continuously while a test does something to the shop."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from support.running_shop import Shop


@contextmanager
def orders_flowing(shop: Shop, token: str) -> Iterator[list[str]]:
    """Place orders until the end of the block."""
    placed: list[str] = []
    stop = threading.Event()

    def place() -> None:
        while not stop.is_set():
            key = {"Idempotency-Key": str(uuid.uuid4())}
            try:
                answer = shop.api("POST", "/orders", shop.order_body(), token, key)
            except OSError:
                continue
            if answer.status == 201:
                placed.append(answer.json["id"])

    threads = [threading.Thread(target=place) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield placed
    finally:
        stop.set()
        for thread in threads:
            thread.join()
