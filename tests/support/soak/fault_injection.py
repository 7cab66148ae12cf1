"""The bad weather: faults of AWS, faults of the gateway, and processes that are killed."""

import itertools
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway_simulator.client import ControlError
from shopctl.project import running_shop
from shopctl.project.running_shop import Process
from support.http import http
from support.running_shop import Shop
from support.soak.plan import Plan

# kind, paths, seconds of the timed ones
GATEWAY_FAULTS: list[tuple[Any, str, float | None]] = [
    ("error_500", "*", None),
    ("error_500_after", "/v1/payment_intents/*/confirm", None),
    ("error_500_after", "/v1/payment_intents", None),
    ("error_500_after", "/v1/refunds", None),
    ("garbage", "*", None),
    ("throttle", "*", None),
    ("slow", "*", 0.5),
]
# longer than the shop waits for an answer; each holds a charge up for as long
GATEWAY_TIMEOUTS: list[tuple[Any, str, float | None]] = [
    ("timeout_after", "/v1/payment_intents/*/confirm", 11.0),
    ("timeout_after", "/v1/refunds", 11.0),
]
HEALTH = {"edge": "/", "gateway": "/_simulator/health"}


class Weather:
    """What goes wrong, until it ends."""

    def __init__(self, shop: Shop, plan: Plan) -> None:
        self._shop = shop
        self._plan = plan
        self._over = threading.Event()
        self.done: Counter[str] = Counter()

    @contextmanager
    def bad(self) -> Iterator[None]:
        """Let everything go wrong within."""
        plan = self._plan
        self._ask(
            {
                "seed": plan.seed,
                "duplicate": plan.duplicate,
                "reject": plan.reject,
                "fail": plan.fail,
                "kill_seconds": plan.kill_seconds,
            }
        )
        threads = [threading.Thread(target=self._trouble_the_gateway)]
        if plan.process_seconds:
            threads.append(threading.Thread(target=self._kill_processes))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()
            self._shop.gateway.clear_faults()
            self.done.update(self._ask({})["injected"])

    def deaths(self) -> list[dict[str, Any]]:
        """Return the invocations whose process was killed while they ran."""
        found: list[dict[str, Any]] = http("GET", f"{self._shop.aws}/_toyshop/faults").json[
            "crashes"
        ]
        return found

    def _ask(self, settings: dict[str, Any]) -> dict[str, Any]:
        answer = http("POST", f"{self._shop.aws}/_toyshop/faults", settings)
        assert answer.status == 200, answer.body
        told: dict[str, Any] = answer.json
        return told

    def _trouble_the_gateway(self) -> None:
        dice = random.Random(f"{self._plan.seed} gateway")
        pause = self._plan.gateway_seconds / len(GATEWAY_FAULTS)
        for number in itertools.count():
            if self._over.wait(pause):
                return
            faults = GATEWAY_FAULTS if number % 20 else GATEWAY_TIMEOUTS
            kind, path, seconds = dice.choice(faults)
            try:
                self._shop.gateway.add_fault(kind, path=path, seconds=seconds)
            except ControlError:
                continue  # it is being started again
            self.done[f"gateway {kind}"] += 1

    def _kill_processes(self) -> None:
        dice = random.Random(f"{self._plan.seed} processes")
        while not self._over.wait(self._plan.process_seconds):
            name = dice.choice(list(HEALTH))
            restart(self._shop, name)
            self.done[f"killed {name}"] += 1


def restart(shop: Shop, name: str) -> None:
    """Kill a process of the shop (``kill -9``) and start it again as it was."""
    path = shop.home / "state.json"
    state = running_shop.read(path)
    assert state is not None
    old = state[name]
    # what the system knows of it is how the shop has started it
    command = Path(f"/proc/{old.pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    pairs = Path(f"/proc/{old.pid}/environ").read_bytes().decode().split("\0")[:-1]
    folder = Path(f"/proc/{old.pid}/cwd").readlink()
    assert old.is_alive()
    os.kill(old.pid, signal.SIGKILL)
    while old.is_alive():
        time.sleep(0.02)
    with (shop.home / "logs" / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(pair.split("=", 1) for pair in pairs),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    new = Process(name, child.pid, running_shop.start_time(child.pid) or 0.0, old.port)
    others = tuple(new if process.name == name else process for process in state.processes)
    running_shop.write(path, replace(state, processes=others))
    deadline = time.monotonic() + 30
    while True:
        try:
            http("GET", new.url + HEALTH[name], seconds=2)
            return
        except OSError:
            assert child.poll() is None, f"{name} does not start again"
            assert time.monotonic() < deadline, f"{name} does not answer"
            time.sleep(0.1)
