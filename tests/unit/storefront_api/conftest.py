"""Fixtures that read what the storefront has logged."""

from support.log_lines import lines, logged, metrics

__all__ = ["lines", "logged", "metrics"]
