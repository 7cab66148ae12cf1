"""Whole apps behind the schemas that describe them."""

from component.conftest import aws, load_app

__all__ = ["aws", "load_app"]
