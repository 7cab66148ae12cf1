"""Each function ends before its caller gives up, and none can take all the concurrency there is."""

from collections.abc import Iterator

from shopctl.checking.repository import App, Function, Repository
from shopctl.project.finding import Finding
from shopctl.project.yaml_lines import Block

GATEWAY_PATIENCE = 29
"""Seconds that API Gateway waits for an integration ("Amazon API Gateway quotas")."""

SHARE = 500
"""Concurrent executions that events may take: half of what an account has by default."""

_EVENTS = ("topic", "stream", "bucket", "schedule", "call")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield functions that outlast their callers, and those that nothing holds back."""
    limited: list[tuple[App, Function, int]] = []
    for app in repository.apps.values():
        for function in app.functions:
            yield from _time(repository, app, function)
            if function.trigger in _EVENTS or function.trigger == "queue":
                limit, line = _limit_of(app, function)
                if limit is None:
                    yield _unlimited(repository, app, function, line)
                else:
                    limited.append((app, function, limit))
    taken = sum(limit for _, _, limit in limited)
    if taken > SHARE:
        app, function, limit = max(limited, key=lambda item: item[2])
        yield repository.finding(
            app.delivery_path,
            _limit_of(app, function)[1],
            f"Events may take {taken} concurrent executions, {limit} of them {function.name},"
            f" and leave too few of an account's 1000 to shoppers.",
            f"Lower it: {SHARE} together are the most.",
        )


def _time(repository: Repository, app: App, function: Function) -> Iterator[Finding]:
    seconds, line = app.timeout_of(function)
    patience, who = _patience_with(app, function)
    if seconds >= patience:
        yield repository.finding(
            app.config_path,
            line,
            f"{function.name} may take {seconds} s, and {who} waits {patience:.0f} s.",
            "Set its lambda_timeout below that.",
        )


def _patience_with(app: App, function: Function) -> tuple[float, str]:
    """Return how many seconds whoever invokes a function waits, and who that is.

    A queue's patience is the visibility time-out, which the rule on delivery holds.
    """
    if function.trigger in ("api", "authorizer"):
        return GATEWAY_PATIENCE, "API Gateway"
    if function.trigger == "stream":
        mapping, _ = app.mapping_of(function)
        return _number(mapping, "MaximumRecordAgeInSeconds"), "its stream"
    if function.trigger in _EVENTS:
        path = ("Resources", function.logical_id, "Properties", "EventInvokeConfig")
        settings = app.delivery.at(*path)
        tries = 1 + _number(settings, "MaximumRetryAttempts", 2)
        return _number(settings, "MaximumEventAgeInSeconds") / tries, "Lambda's queue of events"
    return float("inf"), "nobody"


def _number(block: Block | None, key: str, default: float = float("inf")) -> float:
    value = block.get(key) if block else None
    return float(value) if isinstance(value, int) else default


def _limit_of(app: App, function: Function) -> tuple[int | None, int]:
    if function.trigger == "queue":
        # reserved concurrency would turn messages away, and use up their receives
        mapping, line = app.mapping_of(function)
        path: tuple[str, ...] = ("ScalingConfig", "MaximumConcurrency")
        value = mapping.at(*path) if mapping else None
        least = 2
    else:
        path = ("Resources", function.logical_id, "Properties", "ReservedConcurrentExecutions")
        value, line = app.delivery.at(*path), app.delivery.line_of(*path)
        least = 1
    return (value if isinstance(value, int) and value >= least else None), line


def _unlimited(repository: Repository, app: App, function: Function, line: int) -> Finding:
    what = (
        "ScalingConfig.MaximumConcurrency, 2 at least, in its queue's event"
        if function.trigger == "queue"
        else "ReservedConcurrentExecutions, 1 at least"
    )
    return repository.finding(
        app.delivery_path,
        line,
        f"A flood of events would give {function.name} all the concurrency of the account.",
        f"Set {what}.",
    )
