"""The order of the tools' tests."""

from pathlib import Path

import pytest

LONGEST = Path(__file__).parent / "shopctl/scaffolding/test_create.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest file, so that two processes end at about the same time."""
    items.sort(key=lambda item: item.path != LONGEST)
