"""Fixtures of the chassis' tests."""

from support.exported import datagrams, spans
from support.log_lines import details, lines, metrics
from support.queue_spy import sqs

__all__ = ["datagrams", "details", "lines", "metrics", "spans", "sqs"]
