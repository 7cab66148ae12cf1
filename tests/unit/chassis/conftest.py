"""Fixtures of the chassis' tests."""

from support.log_lines import lines, metrics
from support.queue_spy import sqs
from support.exported import datagrams, spans

__all__ = ["datagrams", "lines", "metrics", "spans", "sqs"]
