"""The page to which the types of problems lead explains each of them, and each code of a field."""

import re
from pathlib import Path
from typing import get_args

from contracts import orders, problem
from local_edge.problems import _PROBLEMS
from support.paths import ROOT

PAGE = (ROOT / "web" / problem.PAGE.lstrip("/")).read_text()


def test_each_type_of_a_problem_has_a_section_and_each_section_a_type() -> None:
    templates = "".join(path.read_text() for path in Path(ROOT, "apps").glob("*/delivery.yaml"))
    types = {
        *problem.TYPES.values(),
        problem.KEY_REUSED,
        orders.PRICE_CHANGED,
        *(f"{problem.PAGE}#{name}" for name, _ in _PROBLEMS.values()),
        *re.findall(r'"type":"([^"]+)"', templates),
    }
    sections = re.findall(r'<section id="([^"]+)">\s*<h2>[^<]+</h2>\s*<p>', PAGE)
    assert {f"{problem.PAGE}#{section}" for section in sections} == types | {
        f"{problem.PAGE}#codes"
    }


def test_answers_of_the_edge_and_of_services_have_the_same_type_for_a_status() -> None:
    for status, type_ in problem.TYPES.items():
        if status in _PROBLEMS:
            assert type_ == f"{problem.PAGE}#{_PROBLEMS[status][0]}"


def test_page_lists_every_code_of_a_field() -> None:
    codes = re.findall(r"<dt><code>([a-z_]+)</code></dt>\s*<dd>[^<]", PAGE)
    assert codes == sorted(get_args(problem.Code))
