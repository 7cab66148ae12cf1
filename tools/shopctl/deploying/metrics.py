"""The metrics that alarms and dashboards refer to, by their names in CloudWatch."""

from dataclasses import dataclass
from typing import Any

from shopctl.project import aws_names, delivery_config
from shopctl.project.services import Service
from shopctl.project.stages import Stage

NAMESPACE = "ToyShop"
"""Namespace of the metrics that the services log."""

# all that a payment can become when an order is placed or cancelled
OUTCOMES = ("succeeded", "declined", "action_required", "cancelled")
"""Outcomes of a payment after which an order waits for nobody but the shopper."""

LATER_OUTCOMES = (
    "refunded",
    "partially_refunded",
    "refunded_again",
    "refund_failed",
    "disputed",
    "dispute_won",
    "dispute_lost",
)
"""What can become of a payment afterwards."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes
    ----------
    dimensions
        Names and values; a value may be an intrinsic function of CloudFormation.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, Any], ...] = ()

    @property
    def properties(self) -> dict[str, Any]:
        """The metric as CloudFormation names it."""
        return {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
        }


def api(stage: Stage, service: str, name: str) -> Metric:
    """Return a metric of a service's REST API: Count, 4XXError, 5XXError, Latency."""
    dimensions = (("ApiName", aws_names.api(stage, service)), ("Stage", "api"))
    return Metric("AWS/ApiGateway", name, dimensions)


def function(stage: Stage, service: str, function_name: str, name: str) -> Metric:
    """Return a metric of a Lambda function: Errors, IteratorAge, Duration, …."""
    value = aws_names.function(stage, service, function_name)
    return Metric("AWS/Lambda", name, (("FunctionName", value),))


def queue(queue_name: str, name: str) -> Metric:
    """Return a metric of an SQS queue, named in full."""
    return Metric("AWS/SQS", name, (("QueueName", queue_name),))


def table(stage: Stage, table_name: str, name: str, index: str = "") -> Metric:
    """Return a metric of a DynamoDB table, or of one of its global secondary indexes.

    The table's own metric does not count what happens to its indexes.
    """
    dimensions = (("TableName", aws_names.resource(stage.name, table_name)),)
    of_index = (("GlobalSecondaryIndexName", index),) if index else ()
    return Metric("AWS/DynamoDB", name, dimensions + of_index)


def throttled(service: Service, stage: Stage, table_name: str) -> list[Metric]:
    """Return the metrics of throttled requests of a table and its global secondary indexes."""
    found = delivery_config.indexes(service, stage)
    return [
        table(stage, table_name, name, index)
        for index in ["", *found.get(aws_names.resource(stage.name, table_name), [])]
        for name in ("ReadThrottleEvents", "WriteThrottleEvents")
    ]


def shop(stage: Stage, service: str, name: str, **dimensions: str) -> Metric:
    """Return a metric that a service logs (docs/telemetry.md).

    Parameters
    ----------
    dimensions
        Dimensions besides the service and the stage.
    """
    common = {"service": service, "stage": stage.name}
    return Metric(NAMESPACE, name, tuple({**common, **dimensions}.items()))
