"""Slows down clients that write faster than the resulting events are handled.

Requests and events share the few processors of one machine. Without backpressure, clients that send
one request after another take most of the processor time, and the emails about their orders arrive
later and later.
"""

import asyncio
from typing import Any

from ministack.services import apigateway_v1

from embedded_aws import async_invocation

# enough to keep each consumer's workers busy
_LONGEST_BACKLOG = 12
_LONGEST_WAIT_SECONDS = 3.0
_POLL_SECONDS = 0.02
_READS = ("GET", "HEAD", "OPTIONS")


def install() -> None:
    """Delay unsigned writes, by a few seconds at most, while many events are waiting."""
    apigateway_v1._call_lambda_raw = _paced(apigateway_v1._call_lambda_raw)


def _paced(call: Any) -> Any:
    async def call_when_few_events_wait(function: str, event: Any, **scope: Any) -> Any:
        if event["httpMethod"] not in _READS and not _is_signed(event):
            for _ in range(int(_LONGEST_WAIT_SECONDS / _POLL_SECONDS)):
                if async_invocation.backlog() < _LONGEST_BACKLOG:
                    break
                await asyncio.sleep(_POLL_SECONDS)
        return await call(function, event, **scope)

    return call_when_few_events_wait


def _is_signed(event: Any) -> bool:
    """Return whether a service sent a request, which may be part of handling an event."""
    return any(
        name.lower() == "authorization" and value.startswith("AWS4-")
        for name, value in event["headers"].items()
    )
