"""Names the queues whose consumer does not read them."""

import time
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import request_scope
from ministack.services import lambda_svc, sqs

# a consumer receives a message within a second; a long backlog takes less than this
_OVERDUE_SECONDS = 60
_started = time.time()


def find() -> dict[str, str]:
    """Return the queues with an event source mapping that are not read.

    Returns
    -------
    dict
        By queue name: ``missing`` if the mapping's queue does not exist under the URL that is
        polled, ``disabled`` if its mapping is, ``overdue`` if a message that could be received has
        waited for a minute.
    """
    unread = {}
    for account, region, mapping in lambda_svc._iter_all_esms():
        source = mapping.get("EventSourceArn", "")
        if ":sqs:" not in source:
            continue
        name = parse_arn(source).resource
        with request_scope(account, region):
            queue = sqs._queues.get(sqs._queue_url(name))
        if problem := _problem(mapping, queue):
            unread[name] = problem
    return unread


def _problem(mapping: dict[str, Any], queue: dict[str, Any] | None) -> str | None:
    if queue is None:
        return "missing"
    if not mapping.get("Enabled", True):
        return "disabled"
    # while the shop was stopped, nobody could read it
    due = [max(message["visible_at"], _started) for message in list(queue["messages"])]
    return "overdue" if due and min(due) <= time.time() - _OVERDUE_SECONDS else None
