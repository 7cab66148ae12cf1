"""Alarms derived from a service's objectives."""

import json
from typing import Any

import msgspec
import pytest

from shopctl.deploying import alarms, stacks
from shopctl.project import services, stages
from shopctl.project.layout import Layout
from support.sample_stages import PROD

LAYOUT = Layout.find()
SERVICES = {service.name: service for service in services.load(LAYOUT.apps)}
LOCAL = stages.load(LAYOUT.stages, "local")
TOPIC = {"Fn::Sub": "{{resolve:ssm:/toyshop/${Stage}/alarms/topic-arn}}"}


def of(service: str) -> dict[str, Any]:
    return {name: alarm["Properties"] for name, alarm in alarms.of(SERVICES[service], PROD).items()}


def test_api_has_alarms_on_its_objectives() -> None:
    found = of("orders")
    # WHEN the objectives of orders are 99.9 % and 150 ms
    failures, slow = found["ApiFailuresAlarm"], found["ApiSlowAlarm"]
    # THEN one failure in a hundred fires an alarm, and so do more milliseconds
    assert (failures["MetricName"], failures["Threshold"]) == ("5XXError", 0.01)
    assert (slow["ExtendedStatistic"], slow["Threshold"]) == ("p95", 150)
    api = {"Name": "ApiName", "Value": "toyshop-prod-orders"}
    assert api in failures["Dimensions"]
    assert {"Name": "Stage", "Value": "api"} in failures["Dimensions"]
    # AND payments has no objective for its response time
    assert "ApiSlowAlarm" not in of("payments")


def test_background_functions_have_alarms() -> None:
    metrics = {
        (alarm["Dimensions"][0]["Value"], alarm["MetricName"])
        for alarm in of("payments").values()
        if alarm["Namespace"] == "AWS/Lambda"
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


@pytest.mark.parametrize("service", SERVICES)
def test_every_alarm_notifies_the_topic_and_has_its_own_name(service: str) -> None:
    body = stacks.resources_template(SERVICES[service], PROD)
    found = [
        resource["Properties"]
        for resource in json.loads(body)["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    assert all(alarm["AlarmActions"] == [TOPIC] for alarm in found)
    names = [alarm["AlarmName"]["Fn::Sub"] for alarm in found]
    assert len(set(names)) == len(names)


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
        item["Value"] for alarm in found.values() for item in alarm["Properties"]["Dimensions"]
    }
    assert values == {
        "toyshop-toys",
        "api",
        "toyshop-toys-prod-images",
        "toyshop-toys-prod-images_retry",
        "toyshop-toys-prod-log_bypassed",
        "toyshop-toys-prod-save_snapshot",
    }
