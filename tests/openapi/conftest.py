"""Fixtures of the tests that compare whole apps with their OpenAPI documents."""

from support.loaded_app import load_app
from support.moto_aws import aws

__all__ = ["aws", "load_app"]
