"""Fixtures of the tests of payments."""

from support.log_lines import lines, metrics

__all__ = ["lines", "metrics"]
