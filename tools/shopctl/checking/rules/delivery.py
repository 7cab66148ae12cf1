"""Every asynchronous function has limits, and dead letters with an alarm that tells somebody."""

from collections.abc import Iterator
from typing import Any

from shopctl.checking.repository import App, Function, Repository
from shopctl.deploying import alarms
from shopctl.project import aws_names
from shopctl.project.aws_names import short
from shopctl.project.finding import Finding
from shopctl.project.yaml_lines import Block

_TELLS = {"Fn::Sub": aws_names.parameter_reference(alarms.TOPIC)}
# AWS's own advice: a message must not come back while its function may still be at it
_PATIENCE = 6


def check(repository: Repository) -> Iterator[Finding]:
    """Yield asynchronous functions whose failures would be lost, or tried for ever."""
    for app in repository.apps.values():
        for function in app.functions:
            if function.trigger in ("topic", "schedule", "bucket"):
                yield from _invoked(repository, app, function)
                if function.trigger == "topic":
                    yield from _subscription(repository, app, function)
            elif function.trigger == "stream":
                yield from _stream(repository, app, function)
            elif function.trigger == "queue":
                yield from _queue(repository, app, function)
        yield from _telling(repository, app)


def _telling(repository: Repository, app: App) -> Iterator[Finding]:
    for logical_id, resource in (app.resources.at("Resources") or {}).items():
        if resource.get("Type") == "AWS::CloudWatch::Alarm":
            if _TELLS in (resource.at("Properties", "AlarmActions") or []):
                continue
            yield repository.finding(
                app.resources_path,
                app.resources.line_of("Resources", logical_id, "Properties", "AlarmActions"),
                f"{logical_id} tells nobody.",
                f"Set its AlarmActions to [{_TELLS}].",
            )


def _subscription(repository: Repository, app: App, function: Function) -> Iterator[Finding]:
    """Yield what is wrong with what becomes of events that SNS cannot hand to Lambda."""
    properties, line = app.mapping_of(function)
    path = ("RedrivePolicy", "deadLetterTargetArn")
    name = short(properties.at(*path)) if properties else None
    queue_id = _queue_id(app, name)
    line = properties.line_of(*path) if properties and name else line
    if queue_id is None or properties is None:
        yield repository.finding(
            app.delivery_path,
            line,
            f"What SNS cannot hand to {function.name} is lost: its subscription has no dead-letter"
            f" queue of {app.name}.",
            "Set RedrivePolicy.deadLetterTargetArn to one that its resources.yaml creates.",
        )
        return
    if _is_silent(app, queue_id):
        line = app.resources.line_of("Resources", queue_id)
        yield _no_alarm(repository, app, queue_id, line)
    if not _may_send(app, queue_id, properties.get("Topic")):
        yield repository.finding(
            app.resources_path,
            app.resources.line_of("Resources", queue_id),
            f"{queue_id} takes nothing of the topic that {function.name} listens to.",
            "Give it a QueuePolicy that lets sns.amazonaws.com send, for that topic's"
            " aws:SourceArn.",
        )


def _may_send(app: App, queue_id: str, topic: Any) -> bool:
    """Return whether a queue's policy lets a topic send to it, and no other topic."""
    wanted = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [queue_id, "Arn"]},
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return any(
        wanted.items() <= statement.items()
        for resource in (app.resources.at("Resources") or {}).values()
        if resource.get("Type") == "AWS::SQS::QueuePolicy"
        and {"Ref": queue_id} in resource["Properties"]["Queues"]
        for statement in resource.at("Properties", "PolicyDocument", "Statement")
    )


def _invoked(repository: Repository, app: App, function: Function) -> Iterator[Finding]:
    path = ("Resources", function.logical_id, "Properties", "EventInvokeConfig")
    settings = app.delivery.at(*path)
    line = app.delivery.line_of(*path)
    yield from _limits(
        repository,
        app,
        function,
        (settings, line),
        {
            "MaximumRetryAttempts": range(3),
            "MaximumEventAgeInSeconds": range(60, 21601),
        },
    )
    yield from _destination(repository, app, function, settings, line)


def _stream(repository: Repository, app: App, function: Function) -> Iterator[Finding]:
    properties, line = app.mapping_of(function)
    yield from _limits(
        repository,
        app,
        function,
        (properties, line),
        {
            "MaximumRetryAttempts": range(10001),
            "MaximumRecordAgeInSeconds": range(60, 604801),
        },
    )
    yield from _partial(repository, app, function, properties, line)
    yield from _destination(repository, app, function, properties, line)


def _queue(repository: Repository, app: App, function: Function) -> Iterator[Finding]:
    properties, line = app.mapping_of(function)
    yield from _partial(repository, app, function, properties, line)
    name = short(properties.get("Queue")) if properties else None
    queue_id = _queue_id(app, name)
    if queue_id is None:
        yield repository.finding(
            app.delivery_path,
            line,
            f"{function.name} reads the queue {name or '?'}, which is not {app.name}'s.",
            "Set Queue to one that its resources.yaml creates.",
        )
        return
    properties = app.resources.at("Resources", queue_id, "Properties")
    line = app.resources.line_of("Resources", queue_id)
    if not _redrive(properties):
        yield repository.finding(
            app.resources_path,
            line,
            f"{function.name} would try what is in {name} for ever: it has no maxReceiveCount and"
            " dead-letter queue.",
            "Give it a RedrivePolicy.",
        )
    elif _is_silent(app, queue_id):
        yield _no_alarm(repository, app, queue_id, line)
    timeout, _ = app.timeout_of(function)
    if properties.get("VisibilityTimeout", 30) < _PATIENCE * timeout:
        yield repository.finding(
            app.resources_path,
            app.resources.line_of("Resources", queue_id, "Properties", "VisibilityTimeout"),
            f"A message of {name} comes back while {function.name}, with its {timeout} s, may"
            " still be at it.",
            f"Set VisibilityTimeout to {_PATIENCE * timeout} or more.",
        )


def _limits(
    repository: Repository,
    app: App,
    function: Function,
    settings: tuple[Block | None, int],
    limits: dict[str, range],
) -> Iterator[Finding]:
    block, line = settings
    for key, allowed in limits.items():
        value = block.get(key) if block else None
        if value not in allowed:
            yield repository.finding(
                app.delivery_path,
                block.line_of(key) if block else line,
                f"{function.name} has no {key}.",
                f"Set it, to {allowed.start} at least and {allowed.stop - 1} at most.",
            )


def _partial(
    repository: Repository, app: App, function: Function, properties: Block | None, line: int
) -> Iterator[Finding]:
    answers = properties.get("FunctionResponseTypes") if properties else None
    if "ReportBatchItemFailures" not in (answers or []):
        yield repository.finding(
            app.delivery_path,
            line,
            f"One bad record would have {function.name} get its whole batch again.",
            "Set FunctionResponseTypes to [ReportBatchItemFailures].",
        )


def _destination(
    repository: Repository, app: App, function: Function, settings: Block | None, line: int
) -> Iterator[Finding]:
    path = ("DestinationConfig", "OnFailure", "Destination")
    name = short(settings.at(*path)) if settings else None
    if name is None:
        yield repository.finding(
            app.delivery_path,
            line,
            f"What {function.name} gives up on is lost: it has no failure destination.",
            "Set DestinationConfig.OnFailure to a queue of the service.",
        )
        return
    line = settings.line_of(*path) if settings else line
    queue_id = _queue_id(app, name)
    if queue_id is None:
        yield repository.finding(
            app.delivery_path,
            line,
            f"The failure destination of {function.name}, {name}, is not {app.name}'s.",
            "Set it to a queue that its resources.yaml creates.",
        )
    elif _is_silent(app, queue_id):
        yield _no_alarm(repository, app, queue_id, app.resources.line_of("Resources", queue_id))


def _queue_id(app: App, name: str | None) -> str | None:
    for logical_id, resource in (app.resources.at("Resources") or {}).items():
        queue = resource.get("Type") == "AWS::SQS::Queue"
        if queue and name is not None and short(resource.at("Properties", "QueueName")) == name:
            return str(logical_id)
    return None


def _redrive(properties: Block) -> str | None:
    """Return the logical id of a queue's dead-letter queue."""
    if not properties.at("RedrivePolicy", "maxReceiveCount"):
        return None
    target = properties.at("RedrivePolicy", "deadLetterTargetArn", "Fn::GetAtt")
    return str(target[0]) if target else None


def _is_silent(app: App, queue_id: str) -> bool:
    """Return whether messages may end up in a queue without anybody being told.

    A queue that something reads needs no alarm if its dead-letter queue has one.
    """
    target = _redrive(app.resources.at("Resources", queue_id, "Properties"))
    return not _has_alarm(app, target or queue_id)


def _has_alarm(app: App, queue_id: str) -> bool:
    for resource in (app.resources.at("Resources") or {}).values():
        if resource.get("Type") != "AWS::CloudWatch::Alarm":
            continue
        properties = resource["Properties"]
        watched: list[Any] = [item.get("Value") for item in properties.get("Dimensions", [])]
        if (
            properties.get("MetricName") == "ApproximateNumberOfMessagesVisible"
            and {"Fn::GetAtt": [queue_id, "QueueName"]} in watched
        ):
            return True
    return False


def _no_alarm(repository: Repository, app: App, queue_id: str, line: int) -> Finding:
    return repository.finding(
        app.resources_path,
        line,
        f"Nobody is told of what ends up behind {queue_id}.",
        "Give its dead-letter queue an alarm on ApproximateNumberOfMessagesVisible.",
    )
