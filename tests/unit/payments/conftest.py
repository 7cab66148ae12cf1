"""Fixtures of the tests of payments."""

from support.log_lines import lines

__all__ = ["lines"]
