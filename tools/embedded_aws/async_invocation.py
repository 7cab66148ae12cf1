"""Asynchronous invocations as on AWS: retries, then the failure destination.

ministack's SNS invokes a function once and ignores a failure. Here SNS and S3 share one queue of
accepted events, which obeys MaximumRetryAttempts, MaximumEventAgeInSeconds and the function's
failure destination. A throttled event is retried. Events that are pending when the shop stops are
delivered after its next start.
"""

import itertools
import json
import time
from pathlib import Path
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import lambda_svc, sns

from embedded_aws import threads

Event = dict[str, Any]
_pending: dict[int, tuple[str, Event]] = {}
_numbers = itertools.count()
# those that wait for their next attempt
_resting: set[object] = set()
_AWS_DEFAULT_RETRIES = 2
_AWS_DEFAULT_AGE_SECONDS = 21_600


def install() -> None:
    """Route SNS and S3 events through `accept`."""
    lambda_svc.invoke_async_with_retry = accept
    sns._deliver_to_lambda = _deliver_notification


def pending() -> int:
    """Return the number of accepted events that have not been handled yet."""
    return len(_pending)


def backlog() -> int:
    """Return the number of events that are being handled or wait for a worker."""
    return max(0, len(_pending) - len(_resting))


def accept(function: dict[str, Any], event: Event) -> None:
    """Invoke a function in the background, with AWS's retries and failure destination."""
    number = next(_numbers)
    _pending[number] = (function["config"]["FunctionArn"], event)
    scope = request_scope(get_account_id(), get_region())

    def run() -> None:
        try:
            with scope:
                _invoke_until_done(function, event)
        finally:
            _pending.pop(number, None)

    threads.start(run)


def save(path: Path) -> None:
    """Write the pending events to a file that ``restore`` reads at the next start."""
    waiting = list(_pending.values())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(waiting))


def restore(path: Path) -> None:
    """Accept the events that were pending at the last stop."""
    if not path.exists():
        return
    for arn, event in json.loads(path.read_text()):
        function, config, _ = lambda_svc._get_func_record_for_ref(arn)
        if function and config:
            accept(lambda_svc._execution_record_for_config(function, config), event)
    path.unlink()


def _invoke_until_done(function: dict[str, Any], event: Event) -> None:
    settings = (
        function.get("event_invoke_config")
        or (function.get("event_invoke_configs") or {}).get("$LATEST")
        or {}
    )
    retries = int(settings.get("MaximumRetryAttempts", _AWS_DEFAULT_RETRIES))
    age_limit = int(settings.get("MaximumEventAgeInSeconds", _AWS_DEFAULT_AGE_SECONDS))
    accepted, attempt = time.monotonic(), 0
    while True:
        # looked up for each attempt: a new release or concurrency limit may have been deployed
        found, latest, _ = lambda_svc._get_func_record_for_ref(function["config"]["FunctionArn"])
        if found and latest:
            function = lambda_svc._execution_record_for_config(found, latest)
        result = lambda_svc._execute_function(function, event)
        if not result.get("error"):
            return
        if not result.get("throttle"):
            attempt += 1
        delay = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS * 2 ** max(attempt - 1, 0)
        delay = min(delay, lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS)
        if attempt > retries or time.monotonic() - accepted + delay > age_limit:
            break
        _rest(delay)
    config = function["config"]
    destination = (settings.get("DestinationConfig") or {}).get("OnFailure", {}).get(
        "Destination"
    ) or (config.get("DeadLetterConfig") or {}).get("TargetArn")
    if destination:
        lambda_svc._route_async_failure(destination, config["FunctionName"], event, result)


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
