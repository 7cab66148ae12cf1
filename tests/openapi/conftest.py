"""Whole apps behind the schemas that describe them."""

from component.conftest import api_of, aws, load_app

__all__ = ["api_of", "aws", "load_app"]
