"""Evaluates alarms as CloudWatch does, over values that its caller has.

"Configuring how CloudWatch alarms treat missing data" of CloudWatch's user guide has the rules. It
does not say how many more periods than an alarm's own CloudWatch looks at; its examples have two,
which is assumed here for periods of up to five minutes, and none for longer ones.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt

from shopctl.local.alarms import metric_math, rules, statistics
from shopctl.local.alarms.definitions import Alarm, CompositeAlarm, MetricAlarm, Series, State

Datapoints = Callable[[Series, float, float], Sequence[float]]
"""Returns the values of a metric after one time and up to another, in seconds since the epoch."""

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": gt,
    "GreaterThanOrEqualToThreshold": ge,
    "LessThanThreshold": lt,
    "LessThanOrEqualToThreshold": le,
}
_WORDS = {
    "GreaterThanThreshold": "above",
    "GreaterThanOrEqualToThreshold": "at or above",
    "LessThanThreshold": "below",
    "LessThanOrEqualToThreshold": "at or below",
}
_MORE_PERIODS, _UP_TO_SECONDS = 2, 300
# such alarms keep their state while there are no values, whatever they ask for
_IGNORES_MISSING = "AWS/DynamoDB"
_MINUTE = 60


@dataclass(frozen=True)
class Status:
    """The state of an alarm.

    Attributes
    ----------
    since
        When it began to fire, in seconds since the epoch; None if it does not fire, or if that is
        longer ago than the evaluation looks back.
    why
        What decided the state, in words; one reason for each part of a composite alarm that fires.
    """

    alarm: Alarm
    state: State
    since: float | None
    why: tuple[str, ...]


class Evaluator:
    """Evaluates alarms at any time.

    Parameters
    ----------
    alarms
        All alarms, with those that rules of composite alarms name.
    datapoints
        Returns the values of a metric.
    minute
        How long a minute of an alarm's period takes, in seconds; alarms are evaluated once a
        minute.
    look_back
        How many such minutes to look back for the time at which an alarm began to fire, and for
        the state of one that ignores missing values.
    """

    def __init__(
        self,
        alarms: Iterable[Alarm],
        datapoints: Datapoints,
        *,
        minute: float = _MINUTE,
        look_back: int = 900,
    ) -> None:
        self._alarms = {alarm.name: alarm for alarm in alarms}
        self._datapoints, self._minute, self._look_back = datapoints, minute, look_back
        self._rules = {
            alarm.name: rules.parse(alarm.rule)
            for alarm in self._alarms.values()
            if isinstance(alarm, CompositeAlarm)
        }
        self._measured: dict[str, bool] = {}
        self._known: dict[tuple[str, int], State | None] = {}

    def status(self, name: str, now: float) -> Status:
        """Return the state of an alarm at a time."""
        tick = int(now // self._minute)
        state = self._state(name, tick)
        since = self._since(name, tick) if state == "ALARM" else None
        return Status(self._alarms[name], state, since, self._why(name, tick))

    def _since(self, name: str, tick: int) -> float | None:
        oldest = tick - self._look_back
        while tick > oldest:
            if self._state(name, tick - 1) != "ALARM":
                return tick * self._minute
            tick -= 1
        return None

    def _state(self, name: str, tick: int) -> State:
        """Return the state at a tick; an alarm without one keeps the state that it had."""
        oldest = tick - self._look_back
        while (found := self._decided(name, tick)) is None and tick > oldest:
            tick -= 1
        return found or "INSUFFICIENT_DATA"

    def _decided(self, name: str, tick: int) -> State | None:
        key = (name, tick)
        if key not in self._known:
            alarm = self._alarms[name]
            if isinstance(alarm, MetricAlarm):
                self._known[key] = (
                    decide(alarm, self._values(alarm, tick))
                    if self._has_values(alarm)
                    else self._without_values(alarm)
                )
            else:
                holds = self._rules[name](lambda child: self._state(child, tick))
                self._known[key] = "ALARM" if holds else "OK"
        return self._known[key]

    def _has_values(self, alarm: MetricAlarm) -> bool:
        if alarm.name not in self._measured:
            self._measured[alarm.name] = any(
                self._datapoints(series, 0, math.inf) for series in alarm.series.values()
            )
        return self._measured[alarm.name]

    def _without_values(self, alarm: MetricAlarm) -> State:
        """Return the state of an alarm whose metrics have never had a value."""
        value = metric_math.evaluate(alarm.expression, dict.fromkeys(alarm.series))
        return decide(alarm, [value] * alarm.periods) or "INSUFFICIENT_DATA"

    def _values(self, alarm: MetricAlarm, tick: int) -> list[float | None]:
        """Return the values of the evaluation range, the oldest first."""
        more = _MORE_PERIODS if alarm.period <= _UP_TO_SECONDS else 0
        length = alarm.period / _MINUTE * self._minute
        end = tick * self._minute
        return [
            self._value(alarm, end - (number + 1) * length, end - number * length)
            for number in reversed(range(alarm.periods + more))
        ]

    def _value(self, alarm: MetricAlarm, start: float, end: float) -> float | None:
        values = {
            name: statistics.of(self._datapoints(series, start, end), series.statistic)
            for name, series in alarm.series.items()
        }
        return metric_math.evaluate(alarm.expression, values)

    def _why(self, name: str, tick: int) -> tuple[str, ...]:
        alarm = self._alarms[name]
        if isinstance(alarm, MetricAlarm):
            return (_reason(alarm, self._values(alarm, tick)),)
        firing = [
            child for child in rules.alarms(alarm.rule) if self._state(child, tick) == "ALARM"
        ]
        return tuple(reason for child in firing for reason in self._why(child, tick))


def decide(alarm: MetricAlarm, values: Sequence[float | None]) -> State | None:
    """Return the state that an evaluation range results in; None for the alarm's current one.

    Parameters
    ----------
    values
        One for each period of the range, the oldest first; None for a missing one.
    """
    present = [is_breaching(alarm, value) for value in values if value is not None]
    if len(present) >= alarm.periods:
        return "ALARM" if sum(present[-alarm.periods :]) >= alarm.breaching else "OK"
    namespaces = {series.namespace for series in alarm.series.values()}
    plain = alarm.expression in alarm.series
    missing = "ignore" if plain and _IGNORES_MISSING in namespaces else alarm.missing
    filled = alarm.periods - len(present)
    if missing in ("breaching", "notBreaching"):
        more = filled if missing == "breaching" else 0
        return "ALARM" if sum(present) + more >= alarm.breaching else "OK"
    if sum(present) >= alarm.breaching:
        return "ALARM"
    if not all(present):
        return "OK"
    if missing == "ignore":
        return None
    return "ALARM" if _oldest_is_old_enough(alarm, values) else "INSUFFICIENT_DATA"


def is_breaching(alarm: MetricAlarm, value: float) -> bool:
    """Return whether a value breaches an alarm's threshold."""
    return _COMPARE[alarm.comparison](value, alarm.threshold)


def _oldest_is_old_enough(alarm: MetricAlarm, values: Sequence[float | None]) -> bool:
    """Return whether a value at least as old as the periods that fire the alarm is breaching.

    All values are breaching or missing.
    """
    recent = values[-alarm.periods :]
    ages = [len(recent) - number for number, value in enumerate(recent) if value is not None]
    return bool(ages) and max(ages) >= alarm.breaching


def _reason(alarm: MetricAlarm, values: Sequence[float | None]) -> str:
    present = [value for value in values if value is not None][-alarm.periods :]
    if not present:
        return f"{_measured(alarm)}: no values"
    shown = ", ".join(f"{value:g}" for value in present)
    return (
        f"{_measured(alarm)} in {_duration(alarm.period)}: {shown}; fires if"
        f" {alarm.breaching} of {alarm.periods} are {_WORDS[alarm.comparison]} {alarm.threshold:g}"
    )


def _measured(alarm: MetricAlarm) -> str:
    if alarm.expression in alarm.series:
        series = alarm.series[alarm.expression]
        return f"{series.name} {series.statistic}"
    return " and ".join(sorted({series.name for series in alarm.series.values()}))


def _duration(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
