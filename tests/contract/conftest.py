"""Whole apps as providers, shared with the component tests."""

from component.conftest import api_of, aws, load_app

__all__ = ["api_of", "aws", "load_app"]
