"""Alarms derived from a service's objectives."""

import json
import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from shopctl.deploying import alarms, stacks
from shopctl.project import delivery_config, services, stages
from shopctl.project.layout import Layout
from shopctl.project.manifest import Objectives
from support import telemetry_in_code
from support.sample_stages import PROD

LAYOUT = Layout.find()
SERVICES = {service.name: service for service in services.load(LAYOUT.apps)}
LOCAL = stages.load(LAYOUT.stages, "local")
TOPIC = {"Fn::Sub": "{{resolve:ssm:/toyshop/${Stage}/alarms/topic-arn}}"}


def of(service: str, **changes: Any) -> dict[str, Any]:
    """Return the alarms of a service, possibly with changes of its manifest."""
    manifest = msgspec.structs.replace(SERVICES[service].manifest, **changes)
    found = replace(SERVICES[service], manifest=manifest)
    return {name: alarm["Properties"] for name, alarm in alarms.of(found, PROD).items()}


def fired_by(service: str, name: str) -> set[tuple[str, ...]]:
    """Return the sets of alarms that together fire a composite alarm."""
    rule = of(service)[name]["AlarmRule"]["Fn::Sub"]
    alarm = re.compile(r'ALARM\("toyshop-\$\{Stage\}-([\w-]+)"\)')
    several, *pairs = alarm.findall(rule)
    assert rule.startswith(f'(ALARM("toyshop-${{Stage}}-{several}") AND (')
    assert rule.count(" OR ") == len(pairs) // 2 - 1
    return {(several, *pair) for pair in zip(pairs[::2], pairs[1::2], strict=True)}


def test_api_has_alarms_on_the_rates_at_which_it_uses_up_its_error_budget() -> None:
    # WHEN the objective of orders is 99.9 % THEN a page needs both windows of a rate to exceed it
    found = of("orders")
    several = "orders-api-errors-several"
    assert fired_by("orders", "ApiFailingAlarm") == {
        (several, "orders-api-errors-14-4x-1h", "orders-api-errors-14-4x-5m"),
        (several, "orders-api-errors-6x-6h", "orders-api-errors-6x-30m"),
    }
    assert fired_by("orders", "ApiFailingSlowlyAlarm") == {
        (several, "orders-api-errors-1x-3d", "orders-api-errors-1x-6h")
    }
    windows = {
        each["AlarmName"]["Fn::Sub"].partition("api-errors-")[2]: (
            each["Period"],
            each["EvaluationPeriods"],
            each["Threshold"],
        )
        for each in found.values()
        if each.get("MetricName") == "5XXError"
    }
    assert windows == {
        "several": (21_600, 1, 2),
        "14-4x-1h": (3600, 1, 0.0144),
        "14-4x-5m": (300, 1, 0.0144),
        "6x-6h": (21_600, 1, 0.006),
        "6x-30m": (1800, 1, 0.006),
        "1x-3d": (86_400, 3, 0.001),
        "1x-6h": (21_600, 1, 0.001),
    }
    assert found["ApiErrors1X3DAlarm"]["DatapointsToAlarm"] == 2
    assert found["ApiErrors6X6HAlarm"]["Dimensions"] == [
        {"Name": "ApiName", "Value": "toyshop-prod-orders"},
        {"Name": "Stage", "Value": "api"},
    ]


def test_objective_for_durations_is_a_share_of_values_within_the_limit() -> None:
    found = of("orders")
    # WHEN 95 % have to take at most 150 ms, 14.4 times the other 5 % are 72 %
    fast = found["ApiLatency144X1HAlarm"]
    assert fast["ExtendedStatistic"] == "PR(:150)"
    assert (fast["Threshold"], fast["ComparisonOperator"]) == (28, "LessThanThreshold")
    assert found["ApiLatency1X6HAlarm"]["Threshold"] == 95
    # AND the alarm covers all rates, because slow responses wake nobody
    assert len(fired_by("orders", "ApiLatencyAlarm")) == 3
    assert found["ApiLatencyAlarm"]["AlarmDescription"].startswith("Ticket: ")
    # AND payments has no objective for its response time, but for its orders
    assert "ApiLatencyAlarm" not in of("payments")
    late = of("payments")["PaidLate6X30MAlarm"]
    assert (late["MetricName"], late["ExtendedStatistic"]) == (
        "toyshop.order.time_to_paid",
        "PR(:3)",
    )


def test_images_have_an_alarm_on_the_time_until_they_are_ready() -> None:
    found = of("file_manager")
    assert len(fired_by("file_manager", "ReadyLateAlarm")) == 3
    late = found["ReadyLate6X30MAlarm"]
    assert (late["MetricName"], late["ExtendedStatistic"]) == (
        "toyshop.file.time_to_ready",
        "PR(:5)",
    )
    assert found["ReadyLateAlarm"]["AlarmDescription"].endswith("/images.md")


@pytest.mark.parametrize(
    ("service", "objective"),
    [
        (name, field)
        for name, service in SERVICES.items()
        for field, value in msgspec.structs.asdict(service.manifest.objectives).items()
        if value
    ],
)
def test_every_objective_has_an_alarm_that_depends_on_its_value(
    service: str, objective: str
) -> None:
    def limits(objectives: Objectives) -> list[tuple[Any, Any]]:
        found = of(service, objectives=objectives).values()
        return [(each.get("Threshold"), each.get("ExtendedStatistic")) for each in found]

    own = SERVICES[service].manifest.objectives
    value = getattr(own, objective)
    stricter = "99.999 %" if isinstance(value, str) else value / 2
    assert limits(msgspec.structs.replace(own, **{objective: stricter})) != limits(own)


@pytest.mark.parametrize("service", SERVICES)
def test_every_alarm_on_a_metric_of_the_shop_is_about_one_that_the_code_records(
    service: str,
) -> None:
    recorded = {(each.name, each.dimensions) for each in telemetry_in_code.metrics()}
    watched = {
        (
            metric["MetricName"],
            tuple(
                sorted(
                    each["Name"]
                    for each in metric["Dimensions"]
                    if each["Name"] not in ("service", "stage")
                )
            ),
        )
        for alarm in of(service).values()
        for metric in metrics_of(alarm)
        if metric["Namespace"] == "ToyShop"
    }
    assert watched <= recorded


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics that an alarm looks at."""
    queries = [each["MetricStat"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
    return [each["Metric"] for each in queries] or ([alarm] if "MetricName" in alarm else [])


def test_background_functions_have_alarms() -> None:
    metrics = {
        (metric["Dimensions"][0]["Value"], metric["MetricName"])
        for alarm in of("payments").values()
        for metric in metrics_of(alarm)
        if metric["Namespace"] == "AWS/Lambda"
    }
    name = "toyshop-prod-payments-"
    assert metrics == {
        *((f"{name}{function}", "Errors") for function in ("charge", "charge-again", "fulfil")),
        *((f"{name}{function}-retry", "Errors") for function in ("charge", "fulfil")),
        *(
            (f"{name}{function}", "DestinationDeliveryFailures")
            for function in ("charge", "charge-again", "fulfil")
        ),
        *(
            (f"{name}on-dynamodb-record", metric)
            for metric in ("Errors", "IteratorAge", "DestinationDeliveryFailures")
        ),
    }


def test_every_table_of_a_service_has_an_alarm_that_names_it() -> None:
    owned = SERVICES["toys"].manifest.owns
    tables = msgspec.structs.replace(owned, tables=("toys", "toys-prices"))
    watched = {
        alarm["AlarmName"]["Fn::Sub"]: [
            each["Dimensions"][0]["Value"] for each in metrics_of(alarm)
        ]
        for alarm in of("toys", owns=tables).values()
        if {each["Namespace"] for each in metrics_of(alarm)} == {"AWS/DynamoDB"}
    }
    assert watched == {
        "toyshop-${Stage}-toys-table-throttled": ["toyshop-prod-toys"] * 2,
        "toyshop-${Stage}-toys-prices-table-throttled": ["toyshop-prod-toys-prices"] * 2,
    }


def test_indexes_have_the_alarm_of_their_table() -> None:
    watched = {
        (metric["MetricName"], *(each["Value"] for each in metric["Dimensions"]))
        for metric in metrics_of(of("orders")["TableThrottledAlarm"])
    }
    assert watched == {
        (name, "toyshop-prod-orders", *index)
        for name in ("ReadThrottleEvents", "WriteThrottleEvents")
        for index in ((), ("by_customer",), ("by_month",))
    }


@pytest.mark.parametrize("service", SERVICES)
def test_messages_that_fail_in_a_queue_have_an_alarm(service: str) -> None:
    reads_queue = "queue" in delivery_config.triggers(SERVICES[service]).values()
    assert ("EventsFailingAlarm" in of(service)) == reads_queue


def test_failed_run_of_a_schedule_is_a_dead_letter() -> None:
    # the next run may be hours away, so its errors are never in periods that follow each other
    found = of("storefront_api") | of("toys")
    for queue in ("Expiry", "Reconcile", "Snapshot"):
        assert f"{queue}DeadLettersAlarm" in found
    for function in ("CancelExpired", "Reconcile", "SaveSnapshot"):
        assert f"{function}FailuresAlarm" not in found
        assert f"{function}LossesAlarm" in found


@pytest.mark.parametrize("service", SERVICES)
def test_every_alarm_notifies_or_is_part_of_one_that_does(service: str) -> None:
    found = of(service)
    silent = {each["AlarmName"]["Fn::Sub"] for each in found.values() if "AlarmActions" not in each}
    rules = [each["AlarmRule"]["Fn::Sub"] for each in found.values() if "AlarmRule" in each]
    assert silent == {name for rule in rules for name in re.findall(r'"([^"]+)"', rule)}
    for each in found.values():
        if "AlarmActions" in each:
            assert each["AlarmActions"] == each["OKActions"] == [TOPIC]
            assert each["AlarmDescription"].startswith(("Page: ", "Ticket: "))
    names = [each["AlarmName"]["Fn::Sub"] for each in found.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("service", SERVICES)
def test_every_window_is_one_that_cloudwatch_accepts(service: str) -> None:
    for alarm in of(service).values():
        metrics = [each["MetricStat"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
        assert len(metrics) <= 10
        for period in {each["Period"] for each in metrics} | {alarm.get("Period")} - {None}:
            # "no longer than seven days", "less than one hour: no longer than one day"
            assert period % 60 == 0
            assert period <= 86_400
            longest = 86_400 if period < 3600 else 604_800
            assert period * alarm["EvaluationPeriods"] <= longest


def test_each_dead_letter_queue_has_an_alarm() -> None:
    watched = {
        each["Dimensions"][0]["Value"]
        for each in of("payments").values()
        if each.get("MetricName") == "ApproximateNumberOfMessagesVisible"
    }
    assert watched == {
        f"toyshop-prod-payments-{name}-dead-letters" for name in ("relay", "charge", "fulfil")
    }


def test_embedded_aws_gets_only_alarms_on_one_metric() -> None:
    body = stacks.resources_template(SERVICES["payments"], PROD, embedded=True)
    resources = json.loads(body)["Resources"].values()
    found = [each for each in resources if each["Type"].endswith("Alarm")]
    assert found
    assert all("MetricName" in each["Properties"] for each in found)


def test_stage_without_an_alarm_email_has_only_silent_alarms_on_dead_letters() -> None:
    body = stacks.resources_template(SERVICES["orders"], LOCAL)
    resources = json.loads(body)["Resources"]
    kinds = [name for name, each in resources.items() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert kinds == ["RelayDeadLettersAlarm"]
    assert "alarms/topic-arn" not in body
    # AND nothing outlives its stack in a stage that does not retain data
    assert '"Retain"' not in body


def test_alarms_use_chalices_names_in_its_stages() -> None:
    stage = msgspec.structs.replace(PROD, mode="chalice")
    found = alarms.of(SERVICES["toys"], stage)
    values = {
        item["Value"]
        for alarm in found.values()
        for metric in metrics_of(alarm["Properties"])
        for item in metric["Dimensions"]
        if item["Name"] in ("ApiName", "FunctionName")
    }
    assert values == {
        "toyshop-toys",
        "toyshop-toys-prod-images",
        "toyshop-toys-prod-images_retry",
        "toyshop-toys-prod-log_bypassed",
        "toyshop-toys-prod-save_snapshot",
    }
