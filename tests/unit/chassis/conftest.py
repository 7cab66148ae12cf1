"""Fixtures of the chassis' tests."""

from support.log_lines import lines
from support.queue_spy import sqs

__all__ = ["lines", "sqs"]
