"""Reads the states of a stage's alarms from CloudWatch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shopctl.aws.target import Target
from shopctl.project import aws_names

_TYPES = {"MetricAlarm": "MetricAlarms", "CompositeAlarm": "CompositeAlarms"}


@dataclass(frozen=True)
class StageAlarm:
    """An alarm that sends notifications.

    Attributes
    ----------
    since
        When it entered its state, in seconds since the epoch.
    why
        CloudWatch's reason.
    """

    name: str
    state: str
    since: float
    why: str
    description: str


def of_stage(to: Target) -> list[StageAlarm]:
    """Return the alarms of a stage that send notifications, those that fire first, then by name."""
    prefix = aws_names.resource(to.stage.name, "")
    client = to.cloud.client("cloudwatch")
    found = [
        _read(alarm)
        for kind, key in _TYPES.items()
        for page in client.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=prefix, AlarmTypes=[kind]
        )
        for alarm in page.get(key, [])
        if alarm.get("AlarmActions")
    ]
    return sorted(found, key=lambda each: (each.state != "ALARM", each.name))


def _read(alarm: Mapping[str, Any]) -> StageAlarm:
    # an alarm's other settings change the second time, not the first
    changed = alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
    return StageAlarm(
        alarm["AlarmName"],
        alarm["StateValue"],
        changed.timestamp(),
        alarm.get("StateReason", ""),
        alarm.get("AlarmDescription", ""),
    )
