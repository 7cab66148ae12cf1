"""The option that writes the document."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--write", action="store_true", help="write docs/fault-matrix.md anew")
