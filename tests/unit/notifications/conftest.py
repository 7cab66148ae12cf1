"""Fixtures of the tests of notifications."""

from support.log_lines import lines

__all__ = ["lines"]
