"""The page has a text of its own for every problem type and field error code of the API."""

import json
import re
from typing import get_args

import pytest

from contracts import problem
from support.page_scripts import PageScripts
from support.paths import ROOT

BROWSER = """
const navigator = { onLine: true };
modules["../lib/format.js"] = {};
"""
SOURCES = "".join(
    path.read_text() for path in sorted((ROOT / "libs/contracts/src/contracts").glob("*.py"))
)
TYPES = sorted(set(re.findall(r"(?:\{PAGE\}|/problems\.html)#([a-z-]+)", SOURCES)))
NEW = "of-a-later-release"


@pytest.fixture(scope="module")
def page() -> PageScripts:
    scripts = PageScripts(BROWSER)
    scripts.load("texts/shop.js", "texts/forms.js")
    return scripts


def problem_text(page: PageScripts, name: str, status: int | None = None) -> str:
    error = json.dumps({"type": name} | ({"status": status} if status else {}))
    text: str = page.run(f'return modules["./shop.js"].problemText({error});')
    return text


def field_text(page: PageScripts, code: str) -> str:
    text: str = page.run(f'return modules["./forms.js"].fieldText("a-field", "{code}");')
    return text


def test_types_of_the_contracts_are_found() -> None:
    of_status = {type_.partition("#")[2] for type_ in problem.TYPES.values()}
    assert {*TYPES} >= of_status | {"price-changed", "idempotency-key-reused"}


@pytest.mark.parametrize("name", TYPES)
def test_type_of_a_problem_has_a_text(page: PageScripts, name: str) -> None:
    unexpected = problem_text(page, NEW)
    assert (problem_text(page, name) == unexpected) == (name == "internal-error")


def test_only_faults_of_the_shop_are_called_so(page: PageScripts) -> None:
    fault = problem_text(page, "internal-error", 500)
    assert "our side" in fault
    for status, type_ in problem.TYPES.items():
        name = type_.partition("#")[2]
        assert (problem_text(page, name, status) == fault) == (status == 500)
        # AND so is a type that the page does not know yet
        assert (problem_text(page, NEW, status) == fault) == (status == 500)


@pytest.mark.parametrize("code", get_args(problem.Code))
def test_code_of_a_field_has_a_text(page: PageScripts, code: str) -> None:
    assert field_text(page, code) != field_text(page, NEW)
