"""Examples of the events that services emit, one module for each service.

``support.emitted_events`` finds the modules by themselves. Each has ``RECORD``, the class of the
table's records, ``EVENTS_OF``, the function that the relay calls, and ``CHANGES``, a function that
yields a record before and after each change that emits an event.
"""

from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 11, 24, 1, 2, 3, 400, tzinfo=UTC)
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
COMMON: dict[str, Any] = {"created_at": NOW, "updated_at": NOW, "traceparent": TRACE}
"""Attributes that every record has."""
