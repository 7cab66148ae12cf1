"""Fixtures of the tests against a running shop."""

from support.shop_events import tap

__all__ = ["tap"]
