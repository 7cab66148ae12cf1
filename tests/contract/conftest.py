"""Fixtures of the tests that run whole apps as providers."""

from support.expectations import wire
from support.loaded_app import api_of, load_app
from support.moto_aws import aws

__all__ = ["api_of", "aws", "load_app", "wire"]
