"""Every asynchronous function has retry limits, and a queue for events that it cannot process."""

from collections.abc import Iterator
from typing import Any

from shopctl.checking.repository import Repository
from shopctl.checking.service_source import LambdaFunction, ServiceSource
from shopctl.project.aws_names import short
from shopctl.project.finding import Finding
from shopctl.project.yaml_lines import Block

# AWS's recommendation: a message must not become visible again while its function still runs
_VISIBILITY_FACTOR = 6
_INVOKE_LIMITS = {
    "MaximumRetryAttempts": range(3),
    "MaximumEventAgeInSeconds": range(60, 21601),
}
# DynamoDB keeps a stream's records for 24 hours, and a record that is gone cannot be sent to the
# failure destination; this leaves four hours to do so, and to replay what it received
_LONGEST_RECORD_AGE = 20 * 60 * 60
_STREAM_LIMITS = {
    "MaximumRetryAttempts": range(10001),
    "MaximumRecordAgeInSeconds": range(60, _LONGEST_RECORD_AGE + 1),
}
_DESTINATION = ("DestinationConfig", "OnFailure", "Destination")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield functions whose failed events would be lost or retried forever."""
    for service in repository.services.values():
        for function in service.functions:
            if function.trigger in ("topic", "schedule", "bucket"):
                yield from _invoked(repository, service, function)
            if function.trigger == "topic":
                yield from _subscription(repository, service, function)
            elif function.trigger == "stream":
                yield from _stream(repository, service, function)
            elif function.trigger == "queue":
                yield from _queue(repository, service, function)


def _invoked(
    repository: Repository, service: ServiceSource, function: LambdaFunction
) -> Iterator[Finding]:
    """Check a function that Lambda invokes asynchronously."""
    path = ("Resources", function.logical_id, "Properties", "EventInvokeConfig")
    settings, line = service.delivery.at(*path), service.delivery.line_of(*path)
    yield from _limits(repository, service, function, (settings, line), _INVOKE_LIMITS)
    yield from _destination(repository, service, function, settings, line)


def _stream(
    repository: Repository, service: ServiceSource, function: LambdaFunction
) -> Iterator[Finding]:
    properties, line = service.event_source_of(function)
    yield from _limits(repository, service, function, (properties, line), _STREAM_LIMITS)
    yield from _batch_failures(repository, service, function, properties, line)
    yield from _destination(repository, service, function, properties, line)


def _queue(
    repository: Repository, service: ServiceSource, function: LambdaFunction
) -> Iterator[Finding]:
    properties, line = service.event_source_of(function)
    yield from _batch_failures(repository, service, function, properties, line)
    name = short(properties.get("Queue")) if properties else None
    queue_id = service.queue_id(name)
    if queue_id is None:
        yield repository.finding(
            service.delivery_file,
            line,
            f"{function.name} consumes the queue {name or '?'}, which {service.name} does not own.",
            "Set Queue to one that its resources.yaml creates.",
        )
        return
    if service.dead_letter_queue_id(queue_id) is None:
        yield repository.finding(
            service.resources_file,
            service.resources.line_of("Resources", queue_id),
            f"{function.name} would retry messages of {name} forever: the queue has no"
            " maxReceiveCount and dead-letter queue.",
            "Add a RedrivePolicy to it.",
        )
    yield from _visibility(repository, service, function, queue_id)


def _visibility(
    repository: Repository, service: ServiceSource, function: LambdaFunction, queue_id: str
) -> Iterator[Finding]:
    path = ("Resources", queue_id, "Properties", "VisibilityTimeout")
    timeout, _ = service.timeout_of(function)
    if (service.resources.at(*path) or 30) < _VISIBILITY_FACTOR * timeout:
        yield repository.finding(
            service.resources_file,
            service.resources.line_of(*path),
            f"A message of {queue_id} becomes visible again while {function.name}, with a timeout"
            f" of {timeout} s, may still be processing it.",
            f"Set VisibilityTimeout to {_VISIBILITY_FACTOR * timeout} or more.",
        )


def _subscription(
    repository: Repository, service: ServiceSource, function: LambdaFunction
) -> Iterator[Finding]:
    """Check the dead-letter queue for events that SNS cannot deliver to Lambda."""
    properties, line = service.event_source_of(function)
    path = ("RedrivePolicy", "deadLetterTargetArn")
    name = short(properties.at(*path)) if properties else None
    queue_id = service.queue_id(name)
    line = properties.line_of(*path) if properties and name else line
    if queue_id is None or properties is None:
        yield repository.finding(
            service.delivery_file,
            line,
            f"Events that SNS cannot deliver to {function.name} are lost: its subscription has no"
            f" dead-letter queue of {service.name}.",
            "Set RedrivePolicy.deadLetterTargetArn to one that its resources.yaml creates.",
        )
    elif not _accepts(service, queue_id, properties.get("Topic")):
        yield repository.finding(
            service.resources_file,
            service.resources.line_of("Resources", queue_id),
            f"{queue_id} does not accept messages of the topic that {function.name} listens to.",
            "Add a QueuePolicy that allows sns.amazonaws.com to send, for that topic's"
            " aws:SourceArn.",
        )


def _accepts(service: ServiceSource, queue_id: str, topic: Any) -> bool:
    """Return whether a queue's policy allows one topic to send to it."""
    wanted = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [queue_id, "Arn"]},
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return any(
        wanted.items() <= statement.items()
        for _, policy in service.resources_of("AWS::SQS::QueuePolicy")
        if {"Ref": queue_id} in policy["Properties"]["Queues"]
        for statement in policy.at("Properties", "PolicyDocument", "Statement")
    )


def _limits(
    repository: Repository,
    service: ServiceSource,
    function: LambdaFunction,
    settings: tuple[Block | None, int],
    limits: dict[str, range],
) -> Iterator[Finding]:
    block, line = settings
    for key, allowed in limits.items():
        value = block.get(key) if block else None
        if value not in allowed:
            yield repository.finding(
                service.delivery_file,
                block.line_of(key) if block else line,
                f"{function.name} has no valid {key}.",
                f"Set it to a number from {allowed.start} to {allowed.stop - 1}.",
            )


def _batch_failures(
    repository: Repository,
    service: ServiceSource,
    function: LambdaFunction,
    properties: Block | None,
    line: int,
) -> Iterator[Finding]:
    types = properties.get("FunctionResponseTypes") if properties else None
    if "ReportBatchItemFailures" not in (types or []):
        yield repository.finding(
            service.delivery_file,
            line,
            f"One failed record would be retried with its whole batch by {function.name}.",
            "Set FunctionResponseTypes to [ReportBatchItemFailures].",
        )


def _destination(
    repository: Repository,
    service: ServiceSource,
    function: LambdaFunction,
    settings: Block | None,
    line: int,
) -> Iterator[Finding]:
    name = short(settings.at(*_DESTINATION)) if settings else None
    if settings is None or name is None:
        yield repository.finding(
            service.delivery_file,
            line,
            f"Events that {function.name} fails to process are lost: it has no failure"
            " destination.",
            "Set DestinationConfig.OnFailure to a queue of the service.",
        )
    elif service.queue_id(name) is None:
        yield repository.finding(
            service.delivery_file,
            settings.line_of(*_DESTINATION),
            f"The failure destination of {function.name}, {name}, is not a queue of"
            f" {service.name}.",
            "Set it to a queue that its resources.yaml creates.",
        )
