"""A copy of the shop to plant faults in."""

import shutil
from pathlib import Path

import pytest

from support.checkout_copy import IGNORED, PARTS, Copy
from support.paths import ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    root = tmp_path / "shop"
    root.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, root / part, symlinks=True, ignore=IGNORED)
        else:
            shutil.copy(ROOT / part, root / part)
    return Copy(root)
