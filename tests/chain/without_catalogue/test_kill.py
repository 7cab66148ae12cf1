"""A shop whose processes are killed under load goes on with every order charged once."""

import contextlib
import os
import random
import re
import signal
import threading
import time

import psutil
import pytest

from shopctl.local import activity
from shopctl.project import running_shop
from support.ordering import orders_flowing
from support.running_shop import Shop, wait_until_idle

ROUNDS = 3
SENT_AT_ONCE = 2
"""Version of an email whose first attempt has sent it."""


def wait_until_reconciled(shop: Shop, seconds: float) -> None:
    """Wait until no order violates an invariant; fail with those that still do."""
    deadline = time.monotonic() + seconds
    while (found := shop.run("reconcile", "--grace", "0")).returncode:
        assert time.monotonic() < deadline, found.stdout + found.stderr
        time.sleep(2)


@pytest.mark.run_last
def test_killed_shop_continues_and_charges_each_order_once(shop: Shop) -> None:
    random_ = random.Random()
    # those of other tests may have several emails
    earlier = set(shop.items("orders"))
    # GIVEN a snapshot of their end: an older one may be of a moment at which they had lost data
    activity.checkpoint(shop.aws)
    for round_ in range(ROUNDS):
        token = shop.sign_in("alice@example.com")
        assert shop.toys
        seconds = random_.uniform(3, 7)
        with orders_flowing(shop, token) as placed:
            threading.Event().wait(seconds)
            state = running_shop.read(shop.home / "state.json")
            assert state
            # the last round is a loss of power
            names = ["aws"] if round_ < ROUNDS - 1 else ["supervisor", "aws", "gateway", "edge"]
            processes = {process.name: process for process in state.processes}
            if state.supervisor:
                processes["supervisor"] = state.supervisor
            # what they are doing outlives the embedded AWS
            workers = psutil.Process(state["aws"].pid).children(recursive=True)
            for worker in workers:
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.suspend()
            for name in names:
                os.kill(processes[name].pid, signal.SIGKILL)
        assert placed, f"killed after {seconds} s"
        # WHEN it starts again
        output = shop.up("--no-seed")
        # THEN it says what was restored and what was lost
        restored = re.search(r"It continues from the state of .*: ([\d,]+) orders, ", output)
        assert restored, output
        assert "Lost: everything after that moment" in output
        # AND nothing of the killed shop goes on
        assert not any(running_shop.start_time(worker.pid) for worker in workers)
        # AND it delivers what was pending
        wait_until_idle(shop)
        orders = shop.items("orders")
        assert int(restored[1].replace(",", "")) == len(orders)
        # an email that was just being sent is sent again when the lease of the attempt has expired
        wait_until_reconciled(shop, 180)
        charged = [e["order_id"] for e in shop.run_json("ledger") if e["type"] == "charge"]
        assert sorted(charged) == sorted(orders), f"killed after {seconds} s"
        # AND each order is mailed; again only if the kill came between sending and recording it
        mails = [mail["text"] for mail in shop.run_json("mail")]
        copies = {order: sum(order in text for text in mails) for order in set(orders) - earlier}
        assert all(copies.values()), copies
        sent = shop.items("notifications").values()
        sent_again = sum(int(message["version"]["N"]) > SENT_AT_ONCE for message in sent)
        assert sum(copies.values()) - len(copies) <= sent_again, copies
