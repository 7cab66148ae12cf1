"""The alarms of the local shop, as the templates of a stage with alarms define them.

The stage `local` has no alarm email, so its deployed templates lack most alarms. They are rendered
here as if it had one, and evaluated over the stored metrics, 60 times as fast: a minute of a period
is a second.
"""

import json
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from shopctl.deploying import stacks
from shopctl.local.alarms import definitions
from shopctl.local.alarms.definitions import Alarm, MetricAlarm, Series, State
from shopctl.local.alarms.evaluation import Evaluator, Status
from shopctl.project import services, stages
from shopctl.project.layout import Layout
from shopctl.project.stages import Stage
from shopctl.project.yaml_lines import parse_yaml

MINUTE = 1.0
"""How long a minute of an alarm's period takes locally, in seconds."""
_STAGE = "local"
_LOOK_BACK = 900
_ORDER: dict[State, int] = {"ALARM": 0, "INSUFFICIENT_DATA": 1, "OK": 2}


class Measured(Protocol):
    """A value of a metric."""

    time: float
    namespace: str
    name: str
    dimensions: dict[str, str]
    value: float


class Store(Protocol):
    """Where the values of metrics are."""

    def values(self, *, since: float) -> Iterable[Any]:
        """Yield the values of all metrics since a time."""


@dataclass(frozen=True)
class Board:
    """The states of alarms at one time.

    Attributes
    ----------
    statuses
        Alarms that send notifications, those that fire first, then by name.
    """

    at: float
    statuses: list[Status]

    @property
    def firing(self) -> list[Status]:
        """The alarms that fire."""
        return [each for each in self.statuses if each.state == "ALARM"]


def alarms(layout: Layout) -> list[Alarm]:
    """Return the alarms of all services and of `infra/alarms.yaml`."""
    stage = stages.load(layout.stages, _STAGE)
    stage = msgspec.structs.replace(stage, alarm_email="local@toyshop.example")
    return [alarm for template in _templates(layout, stage) for alarm in _read(template, stage)]


def evaluate(found: Sequence[Alarm], store: Store, now: float | None = None) -> Board:
    """Return the states of alarms, by the values that a store has.

    Parameters
    ----------
    now
        Seconds since the epoch; the present by default.
    """
    now = time.time() if now is None else now
    longest = max(
        (each.period * (each.periods + 2) for each in found if isinstance(each, MetricAlarm)),
        default=0,
    )
    since = now - longest / 60 * MINUTE - _LOOK_BACK * MINUTE
    evaluator = Evaluator(
        found, _Values(store.values(since=since)).between, minute=MINUTE, look_back=_LOOK_BACK
    )
    statuses = [evaluator.status(alarm.name, now) for alarm in found if alarm.notifies]
    return Board(now, sorted(statuses, key=lambda each: (_ORDER[each.state], each.alarm.name)))


class _Values:
    """Values of metrics in memory, by metric and time."""

    def __init__(self, values: Iterable[Measured]) -> None:
        self._times: defaultdict[Any, list[float]] = defaultdict(list)
        self._values: defaultdict[Any, list[float]] = defaultdict(list)
        for each in values:
            key = (each.namespace, each.name, tuple(sorted(each.dimensions.items())))
            self._times[key].append(each.time)
            self._values[key].append(each.value)

    def between(self, series: Series, start: float, end: float) -> list[float]:
        key = (series.namespace, series.name, series.dimensions)
        times = self._times.get(key)
        if not times:
            return []
        return self._values[key][bisect_right(times, start) : bisect_right(times, end)]


def _templates(layout: Layout, stage: Stage) -> Iterator[dict[str, Any]]:
    for service in services.load(layout.apps):
        if service.resources_file.exists():
            yield json.loads(stacks.resources_template(service, stage))
    yield parse_yaml((layout.infra / "alarms.yaml").read_text())


def _read(template: dict[str, Any], stage: Stage) -> list[Alarm]:
    return definitions.read(template, stage.parameters)
