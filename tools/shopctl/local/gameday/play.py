"""Plays an incident: breaks the shop, waits for its alarms, and runs the runbook's steps."""

import json
import os
import shlex
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from typing import Any

from shopctl.local import mail, telemetry
from shopctl.local.alarms import board
from shopctl.local.alarms.definitions import Alarm
from shopctl.local.gameday import runbooks
from shopctl.local.gameday.customers import Customers
from shopctl.local.gameday.incidents import Incident
from shopctl.local.gameday.world import World
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem

_POLL_SECONDS = 0.5
_PREFIX = aws_names.resource("local", "")


class _Cause(Enum):
    UNKNOWN = auto()
    ACTIVE = auto()
    ENDED = auto()


@dataclass
class Play:
    """One run of an incident.

    Attributes
    ----------
    world
        The running shop.
    incident
        The incident.
    say
        Called with each line of the report.
    patience
        Seconds to wait for the alarms to fire, and for everything to be well again.
    """

    world: World
    incident: Incident
    say: Callable[[str], None]
    patience: float = 120.0
    _cause: _Cause = field(default=_Cause.UNKNOWN, init=False)

    def begin(self) -> None:
        """Break the shop, and wait until the alarms have fired while customers order.

        However it ends, it reports that the incident continues.

        Raises
        ------
        ShopProblem
            If the shop is not well before, or an alarm does not fire.
        """
        self._require_health()
        # reported before the customers' last requests end, which can take long
        with Customers(self.world.shop["edge"].url) as customers:
            try:
                self._break(customers)
            finally:
                self._report_rest()

    def run(self) -> None:
        """Break the shop, wait for the alarms, run the runbook's steps, and verify the repair.

        Raises
        ------
        ShopProblem
            If an alarm does not fire or does not clear, a step fails, or something was lost.
        """
        self._require_health()
        with Customers(self.world.shop["edge"].url) as customers:
            try:
                self._repair(customers)
            except BaseException:
                self._report_rest()
                raise

    def _repair(self, customers: Customers) -> None:
        try:
            self._break(customers)
        finally:
            if self.incident.external:
                self.world.end_faults()
                self._cause = _Cause.ENDED
                self.say("The cause has ended.")
        for commands in self._steps():
            self._run(commands)
        self._cause = _Cause.ENDED
        customers.stop()
        if customers.refused:
            self.say(f"{customers.refused} customers try again.")
            customers.try_again(self.patience)
        self._wait_until_complete(customers.accepted)
        self._wait("the alarms clear", lambda: not self._firing())
        self.say("All alarms are clear.")
        self._reconcile()

    def _report_rest(self) -> None:
        """Say what the end of the command leaves, and what ends it."""
        runbook = f"Its runbook is {self._runbook()}."
        if self._cause is _Cause.ENDED:
            self.say(f"The repair is not complete. {runbook}")
            return
        begun = self._cause is _Cause.ACTIVE
        self.say(f"The incident {'continues' if begun else 'may have begun'}. {runbook}")
        if self.incident.external:
            self.say("`./shop gameday --end` ends its cause.")
        if self.incident.backed_up:
            backup = self.world.backup
            self.say(f"Its backup is in {backup}: export BACKUP={shlex.quote(str(backup))}")

    @cached_property
    def _alarms(self) -> list[Alarm]:
        return board.alarms(self.world.layout)

    def _break(self, customers: Customers) -> None:
        self.incident.begin(self.world)
        self._cause = _Cause.ACTIVE
        self.say(self.incident.title)
        began, seen = time.monotonic(), set[str]()

        def all_fire() -> bool:
            for name in sorted(self._firing() - seen):
                seen.add(name)
                self.say(f"  {time.monotonic() - began:5.1f} s  alarm {name}")
            return seen >= {*self.incident.alarms}

        self._wait(f"all of these fire: {', '.join(self.incident.alarms)}", all_fire)
        self.say(
            f"Since it began, {len(customers.accepted)} orders were accepted,"
            f" {customers.refused} were not."
        )

    def _require_health(self) -> None:
        if firing := self._firing():
            raise ShopProblem(
                f"Alarms already fire: {', '.join(sorted(firing))}.",
                "Wait until they are clear, or, if an incident continues, end it:"
                " ./shop gameday --end",
            )

    def _steps(self) -> list[str]:
        found = runbooks.steps(self.world.layout.root / self._runbook(), self.incident.name)
        if not found:
            raise ShopProblem(
                f"{self._runbook()} has no steps for {self.incident.name}.",
                f"Write them as a block that begins with ```sh gameday={self.incident.name}",
            )
        return found

    def _runbook(self) -> str:
        return f"docs/runbooks/{self.incident.runbook}.md"

    def _run(self, commands: str) -> None:
        for line in commands.splitlines():
            self.say(f"  $ {line}")
        done = subprocess.run(
            ["sh", "-eu", "-c", commands],
            cwd=self.world.layout.root,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        for line in (done.stdout + done.stderr).splitlines():
            self.say(f"    {line}")
        if done.returncode:
            raise ShopProblem(
                f"A step of {self._runbook()} ended with status {done.returncode}.",
                "Correct the runbook, or continue by hand.",
            )

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "STAGE": "local",
            "BACKUP": str(self.world.backup),
            "SHOP_HOME": str(self.world.layout.home),
        }

    def _firing(self) -> set[str]:
        with telemetry.opened(self.world.layout.telemetry) as store:
            found = board.evaluate(self._alarms, store)
        return {status.alarm.name.removeprefix(_PREFIX) for status in found.firing}

    def _shop(self, *command: str) -> Any:
        done = subprocess.run(
            [str(self.world.layout.root / "shop"), *command, "--json"],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.stdout:
            raise ShopProblem(f"./shop {' '.join(command)} failed: {done.stderr.strip()}", "")
        return json.loads(done.stdout)

    def _wait_until_complete(self, orders: Iterable[str]) -> None:
        expected = set(orders)
        self._wait(
            "every accepted order is charged and mailed",
            lambda: not (self._uncharged(expected) or self._unmailed(expected)),
        )
        charges = self._charges()
        twice = sorted(order for order in expected if charges[order] > 1)
        if twice:
            raise ShopProblem(f"Charged more than once: {', '.join(twice)}.", "This is a defect.")
        self.say(f"All {len(expected)} accepted orders are charged once, and mailed.")

    def _uncharged(self, orders: set[str]) -> set[str]:
        return orders - {*self._charges()}

    def _charges(self) -> Counter[str]:
        return Counter(
            entry["order_id"]
            for entry in self.world.gateway("GET", "/ledger")
            if entry["type"] == "charge" and entry["status"] == "succeeded"
        )

    def _unmailed(self, orders: set[str]) -> set[str]:
        texts = [sent["text"] for sent in mail.read(self.world.layout.mail)]
        return {order for order in orders if not any(order in text for text in texts)}

    def _reconcile(self) -> None:
        outcome = self._shop("reconcile", "--grace", "0")
        if outcome["violations"]:
            raise ShopProblem(
                f"./shop reconcile finds {len(outcome['violations'])} violations.",
                "Run ./shop reconcile --fix.",
            )
        full = [queue["queue"] for queue in self._shop("replay") if queue["messages"]]
        if full:
            raise ShopProblem(
                f"There are dead letters in {', '.join(full)}.", "See ./shop replay inspect."
            )
        self.say(f"{outcome['examined']} orders were examined: nothing is lost.")

    def _wait(self, until: str, check: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.patience
        while not check():
            if time.monotonic() > deadline:
                raise ShopProblem(
                    f"Gave up after {self.patience:.0f} s of waiting until {until}.",
                    "See ./shop top and ./shop logs.",
                )
            time.sleep(_POLL_SECONDS)
