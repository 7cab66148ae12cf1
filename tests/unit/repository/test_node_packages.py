"""npm packages are pinned, independently of the registry."""

import json
import re
from pathlib import Path

import pytest

from support.paths import ROOT

PROJECTS = sorted(path.parent for path in ROOT.glob("tests/*/**/package-lock.json"))
PROJECTS = [path for path in PROJECTS if "node_modules" not in path.parts]


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_packages_are_pinned_without_the_address_of_a_registry(project: Path) -> None:
    locked = json.loads((project / "package-lock.json").read_text())["packages"]
    declared = json.loads((project / "package.json").read_text())["devDependencies"]
    # THEN every version is exact, and every file is verified
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in declared.values())
    assert locked.pop("")["devDependencies"] == declared
    assert all("integrity" in package for package in locked.values())
    # AND the lock file names no registry
    assert not [name for name, package in locked.items() if "resolved" in package]


def test_projects_are_found() -> None:
    assert PROJECTS
