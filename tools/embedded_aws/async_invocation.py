"""Asynchronous invocations as on AWS: retries, then the failure destination.

ministack's SNS invokes a function once and ignores a failure. Here SNS and S3 share one queue of
accepted events, which obeys MaximumRetryAttempts, MaximumEventAgeInSeconds and the function's
failure destination. A throttled event is retried. Events that are pending when the state is saved
are delivered after the next start, with the attempts that are left.
"""

import asyncio
import itertools
import json
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import lambda_svc, sns

from embedded_aws import threads

Event = dict[str, Any]


@dataclass
class _Accepted:
    """An event, when it was accepted (in seconds since 1970), and how often it has failed."""

    arn: str
    event: Event
    at: float = field(default_factory=time.time)
    failures: int = 0


_pending: dict[int, _Accepted] = {}
_numbers = itertools.count()
_steps = itertools.count()
_last_step = 0
# those that wait for their next attempt
_resting: set[object] = set()
_AWS_DEFAULT_RETRIES = 2
_AWS_DEFAULT_AGE_SECONDS = 21_600


def install() -> None:
    """Route SNS and S3 events through `accept`."""
    lambda_svc.invoke_async_with_retry = accept
    sns._deliver_to_lambda = _deliver_notification
    # what is published is pending before the response, so that no snapshot falls in between
    sns._threading = SimpleNamespace(Thread=_AtOnce)


def pending() -> int:
    """Return the number of accepted events that have not been handled yet."""
    return len(_pending)


def steps() -> int:
    """Return how many events have been accepted, have failed, or have been handled."""
    return _last_step


def backlog() -> int:
    """Return the number of events that are being handled or wait for a worker."""
    return max(0, len(_pending) - len(_resting))


def accept(function: dict[str, Any], event: Event) -> None:
    """Invoke a function in the background, with AWS's retries and failure destination."""
    _start(function, _Accepted(function["config"]["FunctionArn"], event))


def state() -> list[list[Any]]:
    """Return the pending events."""
    return [[one.arn, one.event, one.at, one.failures] for one in list(_pending.values())]


def restore(waiting: list[list[Any]]) -> None:
    """Accept the events that were pending when the state was saved.

    Parameters
    ----------
    waiting
        What ``state`` returned.
    """
    for accepted in (_Accepted(*one) for one in waiting):
        name = parse_arn(accepted.arn)
        with request_scope(name.account_id, name.region):
            function, config, _ = lambda_svc._get_func_record_for_ref(accepted.arn)
            if function and config:
                _start(lambda_svc._execution_record_for_config(function, config), accepted)


def _start(function: dict[str, Any], accepted: _Accepted) -> None:
    number = next(_numbers)
    _pending[number] = accepted
    _count_step()
    scope = request_scope(get_account_id(), get_region())

    def run() -> None:
        try:
            with scope:
                _invoke_until_done(function, accepted)
        finally:
            _pending.pop(number, None)
            _count_step()

    threads.start(run)


def _invoke_until_done(function: dict[str, Any], accepted: _Accepted) -> None:
    settings = (
        function.get("event_invoke_config")
        or (function.get("event_invoke_configs") or {}).get("$LATEST")
        or {}
    )
    retries = int(settings.get("MaximumRetryAttempts", _AWS_DEFAULT_RETRIES))
    age_limit = int(settings.get("MaximumEventAgeInSeconds", _AWS_DEFAULT_AGE_SECONDS))
    event = accepted.event
    while True:
        # looked up for each attempt: a new release or concurrency limit may have been deployed
        found, latest, _ = lambda_svc._get_func_record_for_ref(function["config"]["FunctionArn"])
        if found and latest:
            function = lambda_svc._execution_record_for_config(found, latest)
        result = lambda_svc._execute_function(function, event)
        if not result.get("error"):
            return
        if not result.get("throttle"):
            accepted.failures += 1
            _count_step()
        delay = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS * 2 ** max(accepted.failures - 1, 0)
        delay = min(delay, lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS)
        if accepted.failures > retries or time.time() - accepted.at + delay > age_limit:
            break
        _rest(delay)
    config = function["config"]
    destination = (settings.get("DestinationConfig") or {}).get("OnFailure", {}).get(
        "Destination"
    ) or (config.get("DeadLetterConfig") or {}).get("TargetArn")
    if destination:
        lambda_svc._route_async_failure(destination, config["FunctionName"], event, result)


def _count_step() -> None:
    global _last_step
    _last_step = next(_steps) + 1


def _rest(seconds: float) -> None:
    rest = object()
    _resting.add(rest)
    time.sleep(seconds)
    _resting.remove(rest)


def _deliver_notification(
    endpoint: str,
    envelope: str,
    topic_arn: str,
    subscription_arn: str,
    message_id: str,  # noqa: ARG001 - the signature is ministack's
    message: str,  # noqa: ARG001
    attributes: dict[str, Any],  # noqa: ARG001
) -> None:
    function, config, name = lambda_svc._get_func_record_for_ref(endpoint)
    if not function or not config:
        sns.logger.warning("%s: no function %s to deliver to", topic_arn, name)
        return
    # AWS always sends both keys; Chalice's SNSEvent reads them
    notification = {"Subject": None, "MessageAttributes": {}, **json.loads(envelope)}
    record = {
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription_arn,
        "EventSource": "aws:sns",
        "Sns": notification,
    }
    accept(lambda_svc._execution_record_for_config(function, config), {"Records": [record]})


class _AtOnce:
    """The part of ``threading.Thread``'s interface that ministack's SNS uses."""

    def __init__(self, target: Any, args: tuple[Any, ...], **_: Any) -> None:
        self._target, self._args = target, args

    def start(self) -> None:
        if self._target is asyncio.run:
            # HTTP subscribers are asked in the background
            threads.start(lambda: self._target(*self._args))
        else:
            self._target(*self._args)
