"""Names, messages and documents use the standard terms of the style guide."""

import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from support.paths import ROOT

SUFFIXES = {
    *(".css", ".html", ".in", ".ini", ".js", ".json", ".md", ".mjs", ".patch", ".py", ".sh"),
    *(".svg", ".toml", ".ts", ".txt", ".xml", ".yaml", ".yml"),
}

EXPRESSIONS = {
    r"\b(tell|tells|telling|told) (of|again|anew)\b": "report, re-emit",
    r"\b(hold|holds|holding|held)\b[^.;:]{0,80}\bagainst\b": "compare with, verify",
    r"\b(mend|mends|mended|mending)\b": "fix, repair",
    r"\bputs? (it |them |things |everything )?right\b": "fix, repair",
    r"\b(bear|bears|bearing|bore|borne)\b": "tolerate, survive",
    r"\b(call|calls|calling|called) ([a-z' ]{0,20} )?off\b": "cancel",
    r"\bstands? (a|an|any|every|the) (crash|failure|fault|outage)": "tolerate, survive",
    r"\bin (its|their|other|(some|any|no)body's) hands?\b": "in flight, its consumer",
    r"\bwhose (it|this|that) is\b": "its owner",
    r"\bweathers?\b": "fault schedule",
    r"\btroubles?\b": "fault",
    r"\bbef(all|alls|allen|ell)\b": "injected",
    r"\blives\b": "seeded runs; is, runs",
    r"\bnews\b": "webhook, response",
    r"(?<!dead[- ])\bletters?\b(?!-spacing)": "dead letter",
    r"\bpapers?\b": "document",
    r"neighbou?r": "downstream service",
    r"broken builds?": "mutants",
    r"\bunless (it is |they are )?told\b|\bunless \w+body\b": "by default",
    r"\bwhat it (costs|is without)\b": "read units, milliseconds, optional",
    r"\b(picture|image)s? of no\b": "an image for an unknown toy",
    r"\blets? (in|those|all|him|her|whoever)\b": "authenticate, allow",
    r"\bcomes? true\b|\bcame true\b": "reconciliation",
    r"^ +(?-i:Of) (a|an|its|the) ": "a phrase that stands alone",
    r"behaviour|\bfulfilment|recogni(se|sing)\b|\borgani(se|sation)\b": "American spelling",
}
"""Patterns of expressions, ignoring case, and the terms to use instead; `_` counts as a space."""

ALLOWED = (
    # products, and the pictures that are drawn of them
    ("tools/seed_catalogue/*.json", r""),
    ("tools/seed_catalogue/*.toml", r""),
    ("tests/support/judged_queries.toml", r""),
    ("web/*", r"a bear…|--paper"),
    # of other projects
    ("web/vendor/*", r""),
    # characters of a text
    ("*", r"ascii_letters|letters?(,| and) digits|(lower|upper)-?case letter"),
    ("*", r"(capital|unaccented) letters"),
    ("apps/toys/chalicelib/toys/*.py", r"(?i)letters?\b"),
    ("docs/migrations/toys-change-log/*.patch", r"(?i)letters?\b"),
    ("libs/chassis/src/chassis/ids.py", r"Three letters"),
    ("tests/component/test_orders.py", r"moving a letter"),
    ("tests/unit/chassis/test_redaction.py", r"18 letters"),
    ("tools/shopctl/scaffolding/context.py", r"letters"),
    ("web/*", r"per letter"),
    # former names in the table of renamed ones
    ("CHANGELOG.md", r"^\| "),
)
"""Legitimate uses: files, and a pattern of the line."""


def texts() -> Iterator[tuple[str, str]]:
    """Yield path and content of all text files under version control."""
    command = ["git", "ls-files"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        path = ROOT / name
        is_text = path.suffix in SUFFIXES or not path.suffix
        if is_text and path.is_file() and not path.is_symlink() and path != Path(__file__):
            yield name, path.read_text(encoding="utf-8", errors="replace")


def uses(name: str, content: str) -> Iterator[str]:
    """Yield the places of a file, its name included, that use one of the expressions."""
    for number, line in enumerate([name, *content.splitlines()]):
        words = line.replace("_", " ")
        for pattern, instead in EXPRESSIONS.items():
            found = re.search(pattern, words, re.IGNORECASE)
            if found and not _is_allowed(name, line):
                yield f"{name}:{number}: {found[0]!r}, use: {instead}"


def _is_allowed(name: str, line: str) -> bool:
    return any(fnmatchcase(name, files) and re.search(use, line) for files, use in ALLOWED)


def test_texts_use_the_terms_of_the_style_guide() -> None:
    assert [use for name, content in texts() for use in uses(name, content)] == []


@pytest.mark.parametrize(
    "phrase",
    [
        "an event is told of again",
        "reports told_again",
        "holds every order against its promise",
        "mend the record",
        "puts it right",
        "bears a crash",
        "stands a crash",
        "call the order off",
        "in somebody's hands",
        "whose it is",
        "a bad weather",
        "trouble befell it",
        "the lives of a shop",
        "news_missed",
        "parks the letter",
        "writes the paper",
        "asks its neighbour",
        "broken_builds",
        "off unless told",
        "what it costs",
        "a picture of no toy",
        "lets those in who sign",
        "came true",
        "    Of the lists.",
        "the behaviour",
    ],
)
def test_each_expression_of_the_style_guide_is_found(phrase: str) -> None:
    assert list(uses("docs/states.md", f"Planted:\n{phrase}\n"))


def test_file_names_are_checked_and_standard_terms_accepted() -> None:
    assert list(uses("docs/weather.md", "")) != []
    assert list(uses("docs/faults.md", "A dead letter is re-emitted; bearer tokens")) == []
