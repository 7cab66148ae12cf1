"""Alarms as resources of a template."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shopctl.deploying.metrics import Metric
from shopctl.project import aws_names
from shopctl.project.stages import Stage

METRIC_ALARM = "AWS::CloudWatch::Alarm"
COMPOSITE_ALARM = "AWS::CloudWatch::CompositeAlarm"
TOPIC = "alarms/topic-arn"
"""Published name of the SNS topic that alarms notify."""

Severity = Literal["Page", "Ticket"]
"""Whether someone has to act at once, or on the next working day."""

Alarms = dict[str, dict[str, Any]]
"""Alarms as resources, by name without the prefix of the service."""


@dataclass(frozen=True)
class Notice:
    """What an alarm tells whoever it notifies.

    Attributes
    ----------
    meaning
        What has happened, in one sentence without its period.
    runbook
        File of `docs/runbooks` without ``.md``, possibly with an anchor.
    """

    severity: Severity
    meaning: str
    runbook: str

    def description(self, stage: Stage) -> str:
        """Return the alarm's description."""
        name, _, anchor = self.runbook.partition("#")
        return described(self.severity, self.meaning, f"{stage.runbooks}/{name}.md", anchor)


def described(severity: Severity, meaning: str, page: str, anchor: str = "") -> str:
    """Return an alarm's description: its severity first, the address of its runbook last."""
    return f"{severity}: {meaning}. Runbook: {page}{'#' if anchor else ''}{anchor}"


def parts_of(description: str) -> tuple[str, str]:
    """Return what an alarm's description says, and the address of its runbook, or an empty text.

    Examples
    --------
    >>> parts_of("Page: it is on fire. Runbook: docs/runbooks/fire.md")
    ('Page: it is on fire.', 'docs/runbooks/fire.md')
    """
    meaning, _, runbook = description.partition(" Runbook: ")
    return meaning, runbook


@dataclass(frozen=True)
class Window:
    """When an alarm fires.

    Attributes
    ----------
    seconds
        Length of one period.
    periods
        Number of periods that are looked at.
    breaching
        How many of them have to breach the threshold; all by default.
    """

    seconds: int
    periods: int = 1
    breaching: int = 0

    @property
    def properties(self) -> dict[str, Any]:
        """The window as CloudFormation names it, without the period."""
        several = {"DatapointsToAlarm": self.breaching} if self.breaching else {}
        return {"EvaluationPeriods": self.periods, **several}


@dataclass(frozen=True)
class Expression:
    """A metric math expression over metrics of the same period.

    Attributes
    ----------
    metrics
        Metrics and their statistics, by the names that the formula uses.
    """

    formula: str
    metrics: Mapping[str, tuple[Metric, str]] = field(default_factory=dict)


def metric_alarm(
    metric: Metric | Expression,
    statistic: str,
    threshold: float,
    window: Window,
    *,
    comparison: str = "GreaterThanThreshold",
    missing: str = "notBreaching",
) -> dict[str, Any]:
    """Return the properties of an alarm on a metric or an expression.

    Parameters
    ----------
    statistic
        ``Sum``, ``Maximum``, …, a percentile or a percentile rank; not used for an expression.
    """
    if isinstance(metric, Expression):
        watched: dict[str, Any] = {"Metrics": _data_queries(metric, window.seconds)}
    else:
        extended = re.match(r"[a-zA-Z]+(?=[\d(])", statistic) is not None
        watched = {
            **metric.properties,
            "ExtendedStatistic" if extended else "Statistic": statistic,
            "Period": window.seconds,
        }
    return {
        **watched,
        **window.properties,
        "Threshold": threshold,
        "ComparisonOperator": comparison,
        "TreatMissingData": missing,
    }


def notify(stage: Stage, notice: Notice) -> dict[str, Any]:
    """Return the properties of an alarm that notifies the stage's topic, and once it is over."""
    topic = [{"Fn::Sub": aws_names.parameter_reference(TOPIC)}]
    return {
        "AlarmDescription": notice.description(stage),
        "AlarmActions": topic,
        "OKActions": topic,
    }


def any_of(rules: Iterable[str]) -> str:
    """Return a rule of a composite alarm that holds if any of these rules holds."""
    return f"({' OR '.join(rules)})"


def all_of(rules: Iterable[str]) -> str:
    """Return a rule of a composite alarm that holds if all of these rules hold."""
    return f"({' AND '.join(rules)})"


def resource(prefix: str, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a metric or composite alarm as a resource.

    Parameters
    ----------
    prefix
        Start of the alarm's name, as ``Fn::Sub`` resolves it.
    """
    named = {"AlarmName": {"Fn::Sub": f"{prefix}{name}"}, **properties}
    if "AlarmRule" not in properties:
        return {"Type": METRIC_ALARM, "Properties": named}
    rule = re.sub(r"\[([\w-]+)\]", rf'ALARM("{prefix}\1")', properties["AlarmRule"])
    return {
        "Type": COMPOSITE_ALARM,
        # CloudWatch refuses a rule about an alarm that does not exist
        "DependsOn": [logical_id(child) for child in children(properties["AlarmRule"])],
        "Properties": {**named, "AlarmRule": {"Fn::Sub": rule}},
    }


def children(rule: str) -> list[str]:
    """Return the names of the alarms in a rule, which writes them in brackets."""
    return sorted(set(re.findall(r"\[([\w-]+)\]", rule)))


def logical_id(name: str) -> str:
    """Return the logical id of an alarm."""
    return "".join(part.title() for part in name.split("-")) + "Alarm"


def _data_queries(expression: Expression, period: int) -> list[dict[str, Any]]:
    return [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {
                "Metric": metric.properties,
                "Period": period,
                "Stat": statistic,
            },
        }
        for name, (metric, statistic) in expression.metrics.items()
    ] + [{"Id": "result", "Expression": expression.formula, "ReturnData": True}]
