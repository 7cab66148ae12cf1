"""A dashboard for each service, and one for the business, as resources of templates.

Stages with an alarm email have them, in the stacks with the alarms; that of the business is in the
stack of the public service.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from shopctl.deploying import metrics
from shopctl.deploying.alarms.resources import COMPOSITE_ALARM, METRIC_ALARM
from shopctl.deploying.metrics import Metric
from shopctl.project import aws_names, delivery_config
from shopctl.project.services import Service
from shopctl.project.stages import Stage

DASHBOARD = "AWS::CloudWatch::Dashboard"
_COLUMNS, _WIDTH, _HEIGHT = 24, 8, 6
_PERIOD = 300
_Line = tuple[Metric, str, str]


def of(
    service: Service, stage: Stage, alarms: Mapping[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the dashboards in a service's stack as resources, by logical id.

    Parameters
    ----------
    alarms
        Alarms of the same stack, by logical id.
    """
    widgets = [_alarms(stage, alarms), *_of_service(service, stage)]
    found = {"Dashboard": _resource(f"{service.dashed}", widgets)}
    if service.is_public:
        found["BusinessDashboard"] = _resource("business", list(_of_business(stage)))
    return found


def _of_service(service: Service, stage: Stage) -> Iterable[dict[str, Any]]:
    name, objectives = service.name, service.manifest.objectives
    triggers = delivery_config.triggers(service)

    def api(metric: str, statistic: str, label: str) -> _Line:
        return metrics.api(stage, name, metric), statistic, label

    def own(metric: str, statistic: str, label: str, **dimensions: str) -> _Line:
        return metrics.shop(stage, name, metric, **dimensions), statistic, label

    yield _graph(stage, "Requests", [api("Count", "Sum", "requests")])
    yield _graph(
        stage, "Failed requests", [api("5XXError", "Sum", "5xx"), api("4XXError", "Sum", "4xx")]
    )
    yield _graph(
        stage,
        "Response time (ms)",
        [api("Latency", each, each) for each in ("p50", "p95", "p99")],
        objectives.p95_ms,
    )
    for metric, statistic, title in (
        ("Errors", "Sum", "Errors of functions"),
        ("Duration", "p95", "Duration of functions, p95 (ms)"),
    ):
        lines = [
            (metrics.function(stage, name, function, metric), statistic, function)
            for function in triggers
        ]
        yield _graph(stage, title, lines)
    if callees := sorted(service.manifest.calls):
        yield _graph(
            stage,
            "Response time of downstream services, p95 (s)",
            [own("http.client.request.duration", "p95", each, downstream=each) for each in callees],
        )
        yield _graph(
            stage,
            "Open circuit breakers",
            [own("toyshop.breaker.open", "Maximum", each, downstream=each) for each in callees],
        )
    if service.manifest.events.emits:
        yield _graph(
            stage,
            "Age of the oldest unpublished record (s)",
            [own("toyshop.outbox.lag", "Maximum", "outbox lag")],
            objectives.outbox_lag_s,
        )
    if limit := objectives.uploaded_to_ready_p95_s:
        yield _graph(
            stage,
            "From uploaded to ready (s)",
            [own("toyshop.file.time_to_ready", each, each) for each in ("p50", "p95", "p99")],
            limit,
        )
    if service.manifest.events.emits or service.manifest.events.listens:
        counted = ("retried", "failing", "duplicate", "parked")
        lines = [own(f"toyshop.events.{each}", "Sum", each) for each in counted]
        unpublished = own("toyshop.relay.failures", "Sum", "not published")
        yield _graph(stage, "Events", [*lines, unpublished])
    yield from _of_stores(service, stage)


def _of_stores(service: Service, stage: Stage) -> Iterable[dict[str, Any]]:
    if service.resources_file.exists() and (queues := delivery_config.redrives(service, stage)):
        prefix = aws_names.resource(stage.name, f"{service.dashed}-")
        for metric, title in (
            ("ApproximateNumberOfMessagesVisible", "Messages in queues"),
            ("ApproximateAgeOfOldestMessage", "Age of the oldest message (s)"),
        ):
            lines = [
                (metrics.queue(each, metric), "Maximum", each.removeprefix(prefix))
                for each in queues
            ]
            yield _graph(stage, title, lines)
    for table in service.manifest.owns.tables:
        lines = [
            (each, "Sum", " ".join([*(index for _, index in each.dimensions[1:]), each.name]))
            for each in metrics.throttled(service, stage, table)
        ]
        yield _graph(stage, f"Throttled requests of the table {table}", lines)


def _of_business(stage: Stage) -> Iterable[dict[str, Any]]:
    def orders(name: str, statistic: str, label: str, **dimensions: str) -> _Line:
        return metrics.shop(stage, "orders", name, **dimensions), statistic, label

    def payments(name: str, statistic: str, label: str, **dimensions: str) -> _Line:
        return metrics.shop(stage, "payments", name, **dimensions), statistic, label

    yield _graph(
        stage,
        "Orders",
        [
            *(orders(f"toyshop.orders.{each}", "Sum", each) for each in ("placed", "cancelled")),
            payments("toyshop.orders.settled", "Sum", "settled"),
        ],
    )
    yield _graph(
        stage,
        "Payments",
        [
            payments("toyshop.payments", "Sum", each, outcome=each)
            for each in (*metrics.OUTCOMES, *metrics.LATER_OUTCOMES)
        ],
    )
    yield _graph(
        stage,
        f"Money, in minor units of {stage.currency}",
        [
            orders("toyshop.orders.value", "Sum", "ordered", currency=stage.currency),
            *(
                payments(
                    "toyshop.payments.value", "Sum", each, outcome=each, currency=stage.currency
                )
                for each in ("succeeded", "refunded")
            ),
        ],
    )
    for name, title in (
        ("toyshop.order.time_to_paid", "From placed to paid (s)"),
        ("toyshop.order.time_to_mailed", "From paid to mailed (s)"),
    ):
        yield _graph(stage, title, [payments(name, each, each) for each in ("p50", "p95", "p99")])
    yield _graph(
        stage,
        "Orders that violate an invariant",
        [
            (
                metrics.shop(stage, "storefront_api", "toyshop.invariant.violations"),
                "Maximum",
                "violations",
            )
        ],
    )


def _alarms(stage: Stage, alarms: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a widget with the states of the alarms that notify."""
    arn = f"arn:aws:cloudwatch:{stage.region}:{stage.account}:alarm:"
    names = [
        each["Properties"]["AlarmName"]["Fn::Sub"].replace("${Stage}", stage.name)
        for each in alarms.values()
        if each["Type"] in (METRIC_ALARM, COMPOSITE_ALARM) and "AlarmActions" in each["Properties"]
    ]
    return {
        "type": "alarm",
        "width": _COLUMNS,
        # a row of the widget shows about four names
        "height": 2 + (len(names) + 3) // 4,
        "properties": {"title": "Alarms", "alarms": [arn + name for name in names]},
    }


def _graph(
    stage: Stage, title: str, lines: Iterable[_Line], objective: float | None = None
) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "title": title,
        "region": stage.region,
        "view": "timeSeries",
        "period": _PERIOD,
        "metrics": [
            [
                metric.namespace,
                metric.name,
                *(part for dimension in metric.dimensions for part in dimension),
                {"stat": statistic, "label": label},
            ]
            for metric, statistic, label in lines
        ],
        "yAxis": {"left": {"min": 0}},
    }
    if objective:
        line = {"label": "objective", "value": objective}
        properties["annotations"] = {"horizontal": [line]}
    return {"type": "metric", "width": _WIDTH, "height": _HEIGHT, "properties": properties}


def _resource(name: str, widgets: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Type": DASHBOARD,
        "Properties": {
            "DashboardName": {"Fn::Sub": f"{aws_names.PREFIX}{name}"},
            "DashboardBody": json.dumps({"widgets": widgets}),
        },
    }
