"""Fixtures of the tests of payments."""

from support.exported import datagrams, spans
from support.log_lines import lines, metrics

__all__ = ["datagrams", "lines", "metrics", "spans"]
