"""Alarms on what a service promises, made from its manifest and its delivery settings.

Those on its dead-letter queues stand beside the queues, in its `resources.yaml`; these belong to
the same stack. They exist only in stages that have somebody to tell.
"""

from typing import Any

from shopctl.project import delivery_config, manifest
from shopctl.project.services import Service
from shopctl.project.stages import Stage

TOPIC = "alarms/topic-arn"

# A month's budget of failures would be used up within three days.
_BURN_RATE = 10
_MINUTES = 5
# one bad period may be an accident, three in a row are not
_PERIODS = 3
# far beyond what a relay needs, far below the day after which records are given up
_LAG_MS = 60_000


def of(service: Service, stage: Stage) -> dict[str, dict[str, Any]]:
    """Return the alarms of a service as resources of a template.

    Parameters
    ----------
    stage
        Names the functions and the API.
    """
    promised = manifest.read(service.directory / "service.toml").objectives
    triggers = delivery_config.triggers(service)
    alarms: dict[str, dict[str, Any]] = {}

    def watch(name: str, what: str, **properties: Any) -> None:
        logical_id = "".join(part.title() for part in name.split("-"))
        alarms[f"{logical_id}Alarm"] = _alarm(service, name, what, properties)

    def invoked(function: str) -> dict[str, Any]:
        named = stage.function_name(service.dashed, function.replace("_", "-"))
        return {"Namespace": "AWS/Lambda", "Dimensions": [{"Name": "FunctionName", "Value": named}]}

    if triggers.get("api_handler"):
        requests = {
            "Namespace": "AWS/ApiGateway",
            "Dimensions": [
                {"Name": "ApiName", "Value": stage.api_name(service.dashed)},
                {"Name": "Stage", "Value": "api"},
            ],
        }
        failing = (100 - float(promised.availability.rstrip(" %"))) / 100
        watch(
            "api-failures",
            f"The API of {service.name} fails far more often than {promised.availability} allow",
            **requests,
            MetricName="5XXError",
            Statistic="Average",
            Threshold=round(_BURN_RATE * failing, 6),
        )
        if promised.p95_ms:
            watch(
                "api-slow",
                f"The API of {service.name} takes longer than the {promised.p95_ms} ms promised",
                **requests,
                MetricName="Latency",
                ExtendedStatistic="p95",
                Threshold=promised.p95_ms,
            )
    for function, trigger in triggers.items():
        dashed = function.replace("_", "-")
        if trigger != "call":
            watch(
                f"{dashed}-failures",
                f"{function} of {service.name} fails again and again; what it handles waits",
                **invoked(function),
                MetricName="Errors",
                Statistic="Sum",
                Threshold=0,
            )
        if trigger not in ("call", "queue"):
            watch(
                f"{dashed}-losses",
                f"{function} of {service.name} gave something up that could not be parked either",
                **invoked(function),
                MetricName="DestinationDeliveryFailures",
                Statistic="Sum",
                Threshold=0,
                EvaluationPeriods=1,
            )
        if trigger == "stream":
            watch(
                f"{dashed}-lag",
                f"{function} of {service.name} is far behind its table's stream",
                **invoked(function),
                MetricName="IteratorAge",
                Statistic="Maximum",
                Threshold=_LAG_MS,
            )
    return alarms


def _alarm(service: Service, name: str, what: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": {"Fn::Sub": f"toyshop-${{Stage}}-{service.dashed}-{name}"},
            "AlarmDescription": what,
            "Period": 60 * _MINUTES,
            "EvaluationPeriods": _PERIODS,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Fn::Sub": f"{{{{resolve:ssm:/toyshop/${{Stage}}/{TOPIC}}}}}"}],
            **properties,
        },
    }
