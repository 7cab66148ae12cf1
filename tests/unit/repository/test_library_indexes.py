"""The docstring of a library's package lists its modules, each once."""

import re

import pytest

from shopctl.project import services
from support.paths import APPS, ROOT

SERVICES = {
    service.manifest.api.removeprefix("contracts.") for service in services.read(APPS).values()
}
"""Modules of ``contracts`` that the index covers as "one module per service"."""


@pytest.mark.parametrize(("library", "implied"), [("chassis", set()), ("contracts", SERVICES)])
def test_the_index_of_a_library_lists_every_module_once(library: str, implied: set[str]) -> None:
    package = ROOT / "libs" / library / "src" / library
    index = (package / "__init__.py").read_text().split('"""')[1]
    listed = re.findall(r"^``(\w+)``  ", index, re.MULTILINE)
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    assert sorted(listed) == sorted(modules - implied)
