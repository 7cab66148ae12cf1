"""Fixtures of the tests of the storefront."""

from support.log_lines import lines

__all__ = ["lines"]
