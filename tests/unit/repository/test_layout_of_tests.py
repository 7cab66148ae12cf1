"""How the tests are laid out: shared code is in ``support``, and no file name has a number."""

import ast
import re
from pathlib import Path

import pytest

from support.paths import TESTS

MODULES = sorted(TESTS.rglob("*.py"))


def imported_modules(path: Path) -> list[str]:
    """Return the names of all modules that a module imports."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append("." * node.level + (node.module or ""))
            names += [f"{names[-1]}.{alias.name}" for alias in node.names]
    return names


def is_test_code(module: str) -> bool:
    """Return whether a module is one of ``tests/`` that no other may import."""
    top, *_ = parts = module.split(".")
    folders = {path.name for path in TESTS.iterdir() if path.is_dir()} - {"support"}
    return (
        top in {"", "tests", *folders}
        or "conftest" in parts
        or any(part.startswith("test_") and part != "test_utils" for part in parts)
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_module_imports_a_test_module_or_conftest(path: Path) -> None:
    assert [name for name in imported_modules(path) if is_test_code(name)] == []


def test_only_support_test_modules_and_conftests_hold_code() -> None:
    others = [
        str(path.relative_to(TESTS))
        for path in MODULES
        if TESTS / "support" not in path.parents
        and path.name not in ("conftest.py", "__init__.py")
        and not path.name.startswith("test_")
    ]
    assert others == []


def test_no_test_in_support() -> None:
    assert list((TESTS / "support").rglob("test_*.py")) == []


def test_no_file_name_is_numbered() -> None:
    numbered = re.compile(r"^(test_)?\d")
    names = [str(path.relative_to(TESTS)) for path in MODULES if numbered.match(path.name)]
    assert names == []
