"""Alarms as templates define them, as typed values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shopctl.deploying.alarms import resources

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]

METRIC = "AWS::CloudWatch::Alarm"
COMPOSITE = "AWS::CloudWatch::CompositeAlarm"


@dataclass(frozen=True)
class Series:
    """A metric, and the statistic of each of its periods.

    Attributes
    ----------
    dimensions
        Names and values, sorted by name.
    statistic
        ``Sum``, ``Average``, ``p95``, ``PR(:200)``, ….
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str


@dataclass(frozen=True)
class MetricAlarm:
    """An alarm on a metric, or on an expression over metrics.

    Attributes
    ----------
    series
        The metrics by the names that the expression uses.
    expression
        Metric math; the name of the only metric if there is none.
    period
        Length of a period in seconds.
    periods, breaching
        How many periods are looked at, and how many of them have to breach the threshold.
    missing
        ``missing``, ``ignore``, ``breaching`` or ``notBreaching``.
    """

    name: str
    description: str
    notifies: bool
    series: Mapping[str, Series]
    expression: str
    period: int
    periods: int
    breaching: int
    threshold: float
    comparison: str
    missing: str


@dataclass(frozen=True)
class CompositeAlarm:
    """An alarm on the states of other alarms."""

    name: str
    description: str
    notifies: bool
    rule: str


Alarm = MetricAlarm | CompositeAlarm


def read(template: Mapping[str, Any], parameters: Mapping[str, str]) -> list[Alarm]:
    """Return the alarms of a template.

    Parameters
    ----------
    parameters
        Values of the template's parameters; a parameter without one has its default.
    """
    defaults = {
        name: each["Default"]
        for name, each in template.get("Parameters", {}).items()
        if "Default" in each
    }
    values = {**defaults, **parameters}
    found: list[Alarm] = []
    for resource in template["Resources"].values():
        if resource["Type"] == METRIC:
            found.append(_metric_alarm(_resolved(resource["Properties"], values)))
        elif resource["Type"] == COMPOSITE:
            properties = _resolved(resource["Properties"], values)
            found.append(CompositeAlarm(**_common(properties), rule=properties["AlarmRule"]))
    return found


def runbook(alarm: Alarm) -> str:
    """Return the address of an alarm's runbook; empty if it has none."""
    return resources.parts_of(alarm.description)[1]


def _metric_alarm(properties: Mapping[str, Any]) -> MetricAlarm:
    queries = properties.get("Metrics")
    if queries:
        measured = {each["Id"]: each["MetricStat"] for each in queries if "MetricStat" in each}
        series = {name: _series(each["Metric"], each["Stat"]) for name, each in measured.items()}
        (expression,) = [each["Expression"] for each in queries if "Expression" in each]
        (period,) = {each["Period"] for each in measured.values()}
    else:
        statistic = properties.get("ExtendedStatistic") or properties["Statistic"]
        series = {"value": _series(properties, statistic)}
        expression, period = "value", properties["Period"]
    periods = properties["EvaluationPeriods"]
    return MetricAlarm(
        **_common(properties),
        series=series,
        expression=expression,
        period=period,
        periods=periods,
        breaching=properties.get("DatapointsToAlarm", periods),
        threshold=properties["Threshold"],
        comparison=properties["ComparisonOperator"],
        missing=properties.get("TreatMissingData", "missing"),
    )


def _common(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": properties["AlarmName"],
        "description": properties.get("AlarmDescription", ""),
        "notifies": bool(properties.get("AlarmActions")),
    }


def _series(metric: Mapping[str, Any], statistic: str) -> Series:
    dimensions = ((each["Name"], each["Value"]) for each in metric.get("Dimensions", []))
    return Series(metric["Namespace"], metric["MetricName"], tuple(sorted(dimensions)), statistic)


def _resolved(value: Any, values: Mapping[str, str]) -> Any:
    """Return a value with references to parameters replaced; others stay as they are."""
    if isinstance(value, dict):
        if set(value) == {"Ref"} and value["Ref"] in values:
            return values[value["Ref"]]
        if set(value) == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
            return re.sub(
                r"\$\{(\w+)\}", lambda found: values.get(found[1], found[0]), value["Fn::Sub"]
            )
        return {key: _resolved(child, values) for key, child in value.items()}
    if isinstance(value, list):
        return [_resolved(child, values) for child in value]
    return value
