"""Fixtures of the tests of backups."""

from support.embedded_aws import aws

__all__ = ["aws"]
