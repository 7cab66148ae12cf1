"""Each function ends before its caller times out, and none can use up the account's concurrency."""

from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.checking.service_source import LambdaFunction, ServiceSource
from shopctl.project.finding import Finding
from shopctl.project.yaml_lines import Block

GATEWAY_TIMEOUT = 29
"""Seconds that API Gateway waits for an integration ("Amazon API Gateway quotas")."""

EVENT_CONCURRENCY = 500
"""Concurrent executions for events: half of an account's default."""

_EVENTS = ("topic", "stream", "bucket", "schedule", "call")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield functions that run longer than their caller waits, or without a concurrency limit."""
    limited: list[tuple[ServiceSource, LambdaFunction, int]] = []
    for service in repository.services.values():
        for function in service.functions:
            yield from _timeout(repository, service, function)
            if function.trigger in (*_EVENTS, "queue"):
                limit, line = _limit_of(service, function)
                if limit is None:
                    yield _unlimited(repository, service, function, line)
                else:
                    limited.append((service, function, limit))
    total = sum(limit for _, _, limit in limited)
    if total > EVENT_CONCURRENCY:
        service, function, limit = max(limited, key=lambda item: item[2])
        yield repository.finding(
            service.delivery_file,
            _limit_of(service, function)[1],
            f"Events may use {total} concurrent executions, {limit} of them {function.name}, which"
            " leaves too few of an account's 1000 for shoppers.",
            f"Reduce it: the limits may add up to {EVENT_CONCURRENCY}.",
        )


def _timeout(
    repository: Repository, service: ServiceSource, function: LambdaFunction
) -> Iterator[Finding]:
    seconds, line = service.timeout_of(function)
    waits, caller = _caller_of(service, function)
    if seconds >= waits:
        yield repository.finding(
            service.config_file,
            line,
            f"{function.name} may take {seconds} s, and {caller} waits {waits:.0f} s.",
            f"Set `functions.{function.name}.timeout_seconds` in service.toml below that.",
        )


def _caller_of(service: ServiceSource, function: LambdaFunction) -> tuple[float, str]:
    """Return how long the caller of a function waits, in seconds, and its name.

    The visibility timeout of a queue is checked by the rule `delivery`.
    """
    if function.trigger in ("api", "authorizer"):
        return GATEWAY_TIMEOUT, "API Gateway"
    if function.trigger == "stream":
        properties, _ = service.event_source_of(function)
        return _number(properties, "MaximumRecordAgeInSeconds"), "its stream"
    if function.trigger in _EVENTS:
        path = ("Resources", function.logical_id, "Properties", "EventInvokeConfig")
        settings = service.delivery.at(*path)
        attempts = 1 + _number(settings, "MaximumRetryAttempts", 2)
        return _number(settings, "MaximumEventAgeInSeconds") / attempts, "Lambda's event queue"
    return float("inf"), "nothing"


def _number(block: Block | None, key: str, default: float = float("inf")) -> float:
    value = block.get(key) if block else None
    return float(value) if isinstance(value, int) else default


def _limit_of(service: ServiceSource, function: LambdaFunction) -> tuple[int | None, int]:
    """Return the concurrency limit of a function, None if it has no valid one, and its line."""
    if function.trigger == "queue":
        # reserved concurrency would return messages to the queue and use up their receive counts
        properties, line = service.event_source_of(function)
        value = properties.at("ScalingConfig", "MaximumConcurrency") if properties else None
        minimum = 2
    else:
        path = ("Resources", function.logical_id, "Properties", "ReservedConcurrentExecutions")
        value, line = service.delivery.at(*path), service.delivery.line_of(*path)
        minimum = 1
    return (value if isinstance(value, int) and value >= minimum else None), line


def _unlimited(
    repository: Repository, service: ServiceSource, function: LambdaFunction, line: int
) -> Finding:
    setting = (
        "ScalingConfig.MaximumConcurrency in the event of its queue to 2 or more"
        if function.trigger == "queue"
        else "ReservedConcurrentExecutions to 1 or more"
    )
    return repository.finding(
        service.delivery_file,
        line,
        f"A burst of events would give {function.name} the whole concurrency of the account.",
        f"Set {setting}.",
    )
