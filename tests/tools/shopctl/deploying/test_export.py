"""Exporting templates; tests/templates examines their content."""

from pathlib import Path

import pytest

from shopctl.deploying import export
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from support.sample_stages import PROD


def test_directory_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "orders.json").write_text("mine")
    layout = Layout.find()
    with pytest.raises(ShopProblem, match="is not empty"):
        list(export.write(PROD, layout, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["orders.json"]
