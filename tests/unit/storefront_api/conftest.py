"""Fixtures that read what the storefront has logged and exported."""

from support.exported import datagrams, spans
from support.log_lines import lines, logged, metrics

__all__ = ["datagrams", "lines", "logged", "metrics", "spans"]
