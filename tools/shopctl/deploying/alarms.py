"""Alarms on a service's objectives, made from its manifest and its delivery settings.

The alarms on its dead-letter queues are in its `resources.yaml`, beside the queues; these are added
to the same stack. Only stages with an alarm email have them.
"""

from typing import Any

from shopctl.project import aws_names, delivery_config
from shopctl.project.services import Service
from shopctl.project.stages import Stage

TOPIC = "alarms/topic-arn"
"""Published name of the SNS topic that alarms notify."""

# at this rate a month's error budget lasts three days
_BURN_RATE = 10
_PERIOD_SECONDS = 300
# one bad period may be chance, three in a row are not
_PERIODS = 3
# far longer than a relay needs, far shorter than the day after which its records expire
_LAG_MS = 60_000


def alarm(name: str, description: str, **properties: Any) -> dict[str, Any]:
    """Return an alarm as a resource of a template.

    Parameters
    ----------
    name
        Name as ``Fn::Sub`` resolves it.
    description
        What the alarm means, for the person who is notified.
    properties
        Metric, threshold and periods, as CloudFormation names them.
    """
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": {"Fn::Sub": name},
            "AlarmDescription": description,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            **properties,
        },
    }


def api_metric(name: Any, stage: Any) -> dict[str, Any]:
    """Return the namespace and dimensions of a REST API's metrics."""
    return {
        "Namespace": "AWS/ApiGateway",
        "Dimensions": [{"Name": "ApiName", "Value": name}, {"Name": "Stage", "Value": stage}],
    }


def function_metric(name: Any, **dimensions: Any) -> dict[str, Any]:
    """Return the namespace and dimensions of a function's metrics."""
    values = {"FunctionName": name, **dimensions}
    return {
        "Namespace": "AWS/Lambda",
        "Dimensions": [{"Name": key, "Value": value} for key, value in values.items()],
    }


def of(service: Service, stage: Stage) -> dict[str, dict[str, Any]]:
    """Return the alarms of a service as resources of a template, by logical id."""
    triggers = delivery_config.triggers(service)
    alarms = _of_api(service, stage) if triggers.get("api_handler") else {}
    for function, trigger in triggers.items():
        alarms |= _of_function(service, stage, function, trigger)
    return {
        "".join(part.title() for part in name.split("-")) + "Alarm": alarm(
            f"{aws_names.PREFIX}{service.dashed}-{name}",
            description,
            **{
                "Period": _PERIOD_SECONDS,
                "EvaluationPeriods": _PERIODS,
                "AlarmActions": [{"Fn::Sub": aws_names.parameter_reference(TOPIC)}],
                **properties,
            },
        )
        for name, (description, properties) in alarms.items()
    }


_Alarms = dict[str, tuple[str, dict[str, Any]]]


def _of_api(service: Service, stage: Stage) -> _Alarms:
    objectives = service.manifest.objectives
    metric = api_metric(aws_names.api(stage, service.name), "api")
    error_budget = (100 - float(objectives.availability.rstrip(" %"))) / 100
    alarms: _Alarms = {
        "api-failures": (
            f"The API of {service.name} fails far more often than its objective of"
            f" {objectives.availability} allows",
            {
                **metric,
                "MetricName": "5XXError",
                "Statistic": "Average",
                "Threshold": round(_BURN_RATE * error_budget, 6),
            },
        )
    }
    if objectives.p95_ms:
        alarms["api-slow"] = (
            f"The API of {service.name} is slower than its objective of {objectives.p95_ms} ms",
            {
                **metric,
                "MetricName": "Latency",
                "ExtendedStatistic": "p95",
                "Threshold": objectives.p95_ms,
            },
        )
    return alarms


def _of_function(service: Service, stage: Stage, function: str, trigger: str) -> _Alarms:
    name = aws_names.dashed(function)
    metric = function_metric(aws_names.function(stage, service.name, function))
    alarms: _Alarms = {}
    if trigger != "call":
        alarms[f"{name}-failures"] = (
            f"{function} of {service.name} fails repeatedly; its events are waiting",
            {**metric, "MetricName": "Errors", "Statistic": "Sum", "Threshold": 0},
        )
    if trigger not in ("call", "queue"):
        alarms[f"{name}-losses"] = (
            f"{function} of {service.name} lost an event: its failure destination did not accept"
            " it",
            {
                **metric,
                "MetricName": "DestinationDeliveryFailures",
                "Statistic": "Sum",
                "Threshold": 0,
                "EvaluationPeriods": 1,
            },
        )
    if trigger == "stream":
        alarms[f"{name}-lag"] = (
            f"{function} of {service.name} is far behind its table's stream",
            {
                **metric,
                "MetricName": "IteratorAge",
                "Statistic": "Maximum",
                "Threshold": _LAG_MS,
            },
        )
    return alarms
