"""Dashboards of services and of the business."""

import json
from typing import Any, get_args

import pytest

from contracts.payments import PaymentChange, PaymentStatus
from shopctl.deploying import stacks
from shopctl.project import services, stages
from shopctl.project.layout import Layout
from support.sample_stages import PROD

LAYOUT = Layout.find()
SERVICES = {service.name: service for service in services.load(LAYOUT.apps)}


def resources(service: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stacks.resources_template(SERVICES[service], PROD))
    return found["Resources"]


def widgets(service: str, name: str = "Dashboard") -> dict[str, dict[str, Any]]:
    """Return the properties of a dashboard's widgets by title."""
    body = json.loads(resources(service)[name]["Properties"]["DashboardBody"])
    return {each["properties"]["title"]: each["properties"] for each in body["widgets"]}


def test_dashboard_shows_the_alarms_that_notify() -> None:
    shown = widgets("orders")["Alarms"]["alarms"]
    arn = "arn:aws:cloudwatch:ap-southeast-2:222222222222:alarm:toyshop-prod-orders-"
    assert f"{arn}api-failing" in shown
    assert f"{arn}api-errors-6x-6h" not in shown
    notifying = [
        each for each in resources("orders").values() if "AlarmActions" in each["Properties"]
    ]
    assert len(shown) == len(notifying)


def test_dashboard_shows_objectives_and_queues() -> None:
    found = widgets("orders")
    (objective,) = found["Response time (ms)"]["annotations"]["horizontal"]
    assert objective["value"] == 150
    (queue,) = found["Messages in queues"]["metrics"]
    assert queue == [
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        "QueueName",
        "toyshop-prod-orders-relay-dead-letters",
        {"stat": "Maximum", "label": "relay-dead-letters"},
    ]
    assert "Age of the oldest message (s)" in found


def test_business_dashboard_shows_every_outcome_of_a_payment() -> None:
    shown = {
        line[-1]["label"]
        for line in widgets("storefront_api", "BusinessDashboard")["Payments"]["metrics"]
    }
    recorded = {*get_args(PaymentStatus), *get_args(PaymentChange)} - {"pending"}
    assert shown == recorded


def test_business_has_a_dashboard_in_the_public_services_stack() -> None:
    found = widgets("storefront_api", "BusinessDashboard")
    assert {"Orders", "Payments", "From placed to paid (s)"} <= found.keys()
    assert "BusinessDashboard" not in resources("orders")


@pytest.mark.parametrize("service", SERVICES)
def test_dashboards_show_the_metrics_that_alarms_look_at(service: str) -> None:
    # the business's own are on its dashboard
    shown = {
        (line[0], line[1])
        for name in ("Dashboard", "BusinessDashboard")
        for of in (service, "storefront_api")
        if name in resources(of)
        for each in widgets(of, name).values()
        for line in each.get("metrics", [])
    }
    watched = set()
    for each in resources(service).values():
        properties = each["Properties"]
        if each["Type"] != "AWS::CloudWatch::Alarm":
            continue
        queries = [one["MetricStat"]["Metric"] for one in properties.get("Metrics", [])[:-1]]
        for metric in queries or [properties]:
            watched.add((metric["Namespace"], metric["MetricName"]))
    # stand for an incident of their own, not for a trend
    watched -= {
        ("AWS/Lambda", "DestinationDeliveryFailures"),
        ("AWS/Lambda", "IteratorAge"),
        ("ToyShop", "toyshop.webhooks"),
    }
    assert watched <= shown


def test_stage_without_an_alarm_email_has_no_dashboards() -> None:
    body = stacks.resources_template(SERVICES["orders"], stages.load(LAYOUT.stages, "local"))
    assert "AWS::CloudWatch::Dashboard" not in body
