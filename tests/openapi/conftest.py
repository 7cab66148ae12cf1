"""Whole apps behind the schemas that describe them."""

from support.loaded_app import load_app
from support.moto_aws import aws

__all__ = ["aws", "load_app"]
