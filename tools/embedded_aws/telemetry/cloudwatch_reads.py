"""CloudWatch's answers about stored metrics: GetMetricData, GetMetricStatistics, ListMetrics."""

import asyncio
import contextlib
import json
import sqlite3
from collections import defaultdict
from typing import Any

from ministack.services import cloudwatch

from embedded_aws.telemetry.store import Store

_READS = ("GetMetricData", "GetMetricStatistics", "ListMetrics")
_Points = dict[tuple[str, str, str], list[dict[str, Any]]]


def install(store: Store) -> None:
    """Lend ministack the stored values while it answers one of these requests.

    It keeps values in memory without bound, so it gets them for no longer.
    """
    handle = cloudwatch.handle_request

    async def handle_request(
        method: str, path: str, headers: Any, body: bytes, query_params: Any
    ) -> Any:
        request = f"{path} {headers.get('x-amz-target', '')} {body.decode('utf-8', 'replace')}"
        stored: _Points = {}
        if any(name in request for name in _READS):
            stored = await asyncio.to_thread(_points, store)
        own = {key: cloudwatch._metrics.get(key) for key in stored}
        for key, points in stored.items():
            cloudwatch._metrics[key] = [*(own[key] or []), *points]
        try:
            # it does not wait for anything, so nothing else happens meanwhile
            return await handle(method, path, headers, body, query_params)
        finally:
            for key, points_before in own.items():
                if points_before is None:
                    cloudwatch._metrics.pop(key, None)
                else:
                    cloudwatch._metrics[key] = points_before

    cloudwatch.handle_request = handle_request


def _points(store: Store) -> _Points:
    store.flush()
    points: _Points = defaultdict(list)
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        rows = connection.execute(
            "SELECT time, namespace, name, dimensions, value, unit FROM metrics ORDER BY time"
        )
        for taken, namespace, name, text, value, unit in rows:
            dimensions = json.loads(text)
            points[namespace, name, cloudwatch._dims_key(dimensions)].append(
                {"Timestamp": taken, "Value": value, "Unit": unit, "Dimensions": dimensions}
            )
    return points
