"""The alarms of a service, made from its manifest, its queues and its delivery settings.

They are in the stack of what outlives a release. A stage without an alarm email has only those on
dead-letter queues, and they notify nobody.
"""

from typing import Any

from shopctl.deploying.alarms import failures, objectives
from shopctl.deploying.alarms.resources import (
    COMPOSITE_ALARM,
    METRIC_ALARM,
    TOPIC,
    Alarms,
    children,
    logical_id,
    resource,
)
from shopctl.project import aws_names, delivery_config
from shopctl.project.services import Service
from shopctl.project.stages import Stage

__all__ = ["COMPOSITE_ALARM", "METRIC_ALARM", "TOPIC", "of", "without_unsupported"]

_ACTIONS = ("AlarmActions", "OKActions")


def of(service: Service, stage: Stage) -> dict[str, dict[str, Any]]:
    """Return the alarms of a service as resources of a template, by logical id."""
    found = failures.of_queues(service, stage)
    if stage.alarm_email:
        if delivery_config.triggers(service).get("api_handler"):
            found |= objectives.of_availability(service, stage)
        found |= objectives.of_durations(service, stage)
        found |= failures.of_functions(service, stage)
        found |= failures.of_events(service, stage)
        found |= failures.of_public_api(service, stage)
        found |= failures.of_business(service, stage)
        _describe_children(found)
    else:
        for properties in found.values():
            for action in _ACTIONS:
                del properties[action]
    prefix = f"{aws_names.PREFIX}{service.dashed}-"
    return {logical_id(name): resource(prefix, name, found[name]) for name in found}


def _describe_children(found: Alarms) -> None:
    """Describe the alarms that notify nobody themselves by the composite alarms they belong to."""
    for name, composite in found.items():
        for child in children(composite.get("AlarmRule", "")):
            _, _, runbook = composite["AlarmDescription"].partition("Runbook: ")
            found[child].setdefault(
                "AlarmDescription", f"Part of {name}, which notifies. Runbook: {runbook}"
            )


def without_unsupported(resources: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the resources of a template without the alarms that the embedded AWS rejects."""
    return {
        name: each
        for name, each in resources.items()
        if each["Type"] != COMPOSITE_ALARM
        and not (each["Type"] == METRIC_ALARM and "Metrics" in each["Properties"])
    }
