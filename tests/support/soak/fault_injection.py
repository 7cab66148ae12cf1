"""Injects faults into a running shop: in the embedded AWS, in the gateway, and by killing."""

import itertools
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway_simulator.client import ControlError
from shopctl.project import running_shop
from shopctl.project.running_shop import Process
from support.http import http
from support.running_shop import Shop
from support.soak.plan import Plan

# kind, path, seconds of the faults that take time
GATEWAY_FAULTS: list[tuple[Any, str, float | None]] = [
    ("error_500", "*", None),
    ("error_500_after", "/v1/payment_intents/*/confirm", None),
    ("error_500_after", "/v1/payment_intents", None),
    ("error_500_after", "/v1/refunds", None),
    ("garbage", "*", None),
    ("throttle", "*", None),
    ("slow", "*", 0.5),
]
# longer than the shop waits for a response; each delays a charge by as much, so they are rare
GATEWAY_TIMEOUTS: list[tuple[Any, str, float | None]] = [
    ("timeout_after", "/v1/payment_intents/*/confirm", 11.0),
    ("timeout_after", "/v1/refunds", 11.0),
]
HEALTH_PATHS = {"edge": "/", "gateway": "/_simulator/health"}
"""The processes that are killed, with a path that answers when they are ready."""


class FaultInjector:
    """Injects faults until it is stopped.

    Attributes
    ----------
    injected
        Number of injected faults by kind; complete when the faults have ended.
    """

    def __init__(self, shop: Shop, plan: Plan) -> None:
        self._shop = shop
        self._plan = plan
        self._stopped = threading.Event()
        self.injected: Counter[str] = Counter()

    @contextmanager
    def inject(self) -> Iterator[None]:
        """Inject all faults within the context."""
        plan = self._plan
        self._configure_aws(
            {
                "seed": plan.seed,
                "duplicate": plan.duplicate,
                "reject": plan.reject,
                "fail": plan.fail,
                "kill_seconds": plan.worker_kill_seconds,
            }
        )
        threads = [threading.Thread(target=self._inject_into_gateway)]
        if plan.process_kill_seconds:
            threads.append(threading.Thread(target=self._kill_processes))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()
            self._shop.gateway.clear_faults()
            self.injected.update(self._configure_aws({})["injected"])

    def crashes(self) -> list[dict[str, Any]]:
        """Return the invocations whose process was killed."""
        report = http("GET", f"{self._shop.aws}/_toyshop/faults").json
        crashes: list[dict[str, Any]] = report["crashes"]
        return crashes

    def _configure_aws(self, settings: dict[str, Any]) -> dict[str, Any]:
        answer = http("POST", f"{self._shop.aws}/_toyshop/faults", settings)
        assert answer.status == 200, answer.body
        report: dict[str, Any] = answer.json
        return report

    def _inject_into_gateway(self) -> None:
        rng = random.Random(f"{self._plan.seed} gateway")
        pause = self._plan.gateway_fault_seconds / len(GATEWAY_FAULTS)
        for number in itertools.count():
            if self._stopped.wait(pause):
                return
            faults = GATEWAY_FAULTS if number % 20 else GATEWAY_TIMEOUTS
            kind, path, seconds = rng.choice(faults)
            try:
                self._shop.gateway.add_fault(kind, path=path, seconds=seconds)
            except ControlError:
                continue  # the gateway is restarting
            self.injected[f"gateway {kind}"] += 1

    def _kill_processes(self) -> None:
        rng = random.Random(f"{self._plan.seed} processes")
        while not self._stopped.wait(self._plan.process_kill_seconds):
            name = rng.choice(list(HEALTH_PATHS))
            kill_and_wait(self._shop, name)
            self.injected[f"killed {name}"] += 1


def kill_and_wait(shop: Shop, name: str) -> None:
    """Kill a process of the shop (``kill -9``) and wait until it has been started again.

    Raises
    ------
    AssertionError
        If it does not answer within 30 s.
    """
    old = _process(shop, name)
    assert old.is_alive()
    os.kill(old.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while _process(shop, name).pid == old.pid or not _answers(old.url + HEALTH_PATHS[name]):
        assert time.monotonic() < deadline, f"{name} does not answer"
        time.sleep(0.1)


def _process(shop: Shop, name: str) -> Process:
    state = running_shop.read(shop.home / "state.json")
    assert state is not None
    return state[name]


def _answers(url: str) -> bool:
    try:
        http("GET", url, seconds=2)
    except OSError:
        return False
    return True
