"""The page of problems explains every problem type and every code of a field."""

import html
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from contracts import orders, problem
from contracts.problem import Problem
from local_edge.problems import _PROBLEMS
from support.paths import ROOT

PAGE = (ROOT / "web" / problem.PAGE.lstrip("/")).read_text()
SECTIONS = dict(
    re.findall(r'<section class="problem" id="([^"]+)">(\s*<h2>.*?)</section>', PAGE, re.DOTALL)
)


def test_each_type_of_a_problem_has_a_section_and_each_section_a_type() -> None:
    templates = "".join(path.read_text() for path in Path(ROOT, "apps").glob("*/delivery.yaml"))
    types = {
        *problem.TYPES.values(),
        problem.KEY_REUSED,
        orders.PRICE_CHANGED,
        *(f"{problem.PAGE}#{name}" for name, _ in _PROBLEMS.values()),
        *re.findall(r'"type":"([^"]+)"', templates),
    }
    assert {f"{problem.PAGE}#{section}" for section in SECTIONS} == types | {
        f"{problem.PAGE}#codes"
    }


@pytest.mark.parametrize("name", sorted(SECTIONS.keys() - {"codes"}))
def test_section_has_the_cause_the_remedy_and_an_example(name: str) -> None:
    section = SECTIONS[name]
    assert re.search(r"<p>Status \d{3}", section)
    assert "<strong>What to do:</strong>" in section
    example = html.unescape(section.split("<pre>")[1].split("</pre>")[0])
    shown = msgspec.json.decode(example, type=Problem)
    assert shown.type == f"{problem.PAGE}#{name}"
    assert f"Status {shown.status}" in section
    if shown.type == problem.TYPES.get(shown.status):
        assert shown.title == problem.TITLES[shown.status]


def test_answers_of_the_edge_and_of_services_have_the_same_type_for_a_status() -> None:
    for status, type_ in problem.TYPES.items():
        if status in _PROBLEMS:
            assert type_ == f"{problem.PAGE}#{_PROBLEMS[status][0]}"


def test_page_lists_every_code_of_a_field() -> None:
    codes = re.findall(r"<dt><code>([a-z_]+)</code></dt>\s*<dd>[^<]", PAGE)
    assert codes == sorted(get_args(problem.Code))
