"""Fixtures of the embedded AWS's tests."""

from support.embedded_aws import aws, guarded

__all__ = ["aws", "guarded"]
