"""Every dead-letter queue has an alarm, and every alarm sends a notification."""

from collections.abc import Iterator
from typing import Any

from shopctl.checking.repository import Repository
from shopctl.checking.service_source import ServiceSource
from shopctl.deploying import alarms
from shopctl.project import aws_names
from shopctl.project.finding import Finding

_NOTIFY = {"Fn::Sub": aws_names.parameter_reference(alarms.TOPIC)}


def check(repository: Repository) -> Iterator[Finding]:
    """Yield queues whose messages can stay unnoticed, and alarms without a notification."""
    for service in repository.services.values():
        for queue_id, _ in service.resources_of("AWS::SQS::Queue"):
            # a queue with a dead-letter queue of its own is consumed by a function
            if not _has_alarm(service, service.dead_letter_queue_id(queue_id) or queue_id):
                yield repository.finding(
                    service.resources_file,
                    service.resources.line_of("Resources", queue_id),
                    f"No alarm reports dead letters of {queue_id}.",
                    "Add an alarm on ApproximateNumberOfMessagesVisible of its dead-letter queue.",
                )
        for alarm_id, alarm in service.resources_of("AWS::CloudWatch::Alarm"):
            if _NOTIFY not in (alarm.at("Properties", "AlarmActions") or []):
                yield repository.finding(
                    service.resources_file,
                    service.resources.line_of("Resources", alarm_id, "Properties", "AlarmActions"),
                    f"{alarm_id} notifies nobody.",
                    f"Set its AlarmActions to [{_NOTIFY}].",
                )


def _has_alarm(service: ServiceSource, queue_id: str) -> bool:
    """Return whether an alarm reports messages in a queue."""
    for _, alarm in service.resources_of("AWS::CloudWatch::Alarm"):
        properties = alarm["Properties"]
        watched: list[Any] = [item.get("Value") for item in properties.get("Dimensions", [])]
        if (
            properties.get("MetricName") == "ApproximateNumberOfMessagesVisible"
            and {"Fn::GetAtt": [queue_id, "QueueName"]} in watched
        ):
            return True
    return False
