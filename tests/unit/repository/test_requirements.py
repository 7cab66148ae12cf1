"""Apps are deployed with the versions of their dependencies that were tested."""

import re
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.paths import ROOT


def listed(path: Path) -> dict[str, Requirement]:
    """Return the requirements of a file that apply to this environment, by name."""
    lines = [line.split(" \\")[0].split("#")[0].strip() for line in path.read_text().splitlines()]
    found = [Requirement(line) for line in lines if line and not line.startswith(("-", "--hash"))]
    return {
        canonicalize_name(one.name): one
        for one in found
        if one.marker is None or one.marker.evaluate()
    }


TESTED = listed(ROOT / "requirements" / "tools.txt")


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("apps/*/requirements.txt")), ids=lambda path: path.parent.name
)
def test_every_dependency_of_an_app_is_pinned_to_the_tested_version(path: Path) -> None:
    # GIVEN the requirements that `chalice deploy` passes to pip
    named = listed(path)
    assert len(named) >= 3
    for name, one in named.items():
        # THEN each is pinned to the version in tools.txt
        assert re.fullmatch(r"==[^*,]+", str(one.specifier)), one
        assert str(one.specifier) == str(TESTED[name].specifier)
        assert version(name) == str(one.specifier).removeprefix("==")
        # AND so are their own dependencies
        for needed in map(Requirement, requires(name) or []):
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert canonicalize_name(needed.name) in named, f"{name} needs {needed.name}"
