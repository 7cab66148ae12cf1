"""Names, messages and documents use the standard terms of the style guide."""

import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from support.paths import ROOT

SUFFIXES = {
    *(".css", ".html", ".in", ".ini", ".js", ".json", ".md", ".mjs", ".patch", ".py", ".sh"),
    *(".svg", ".toml", ".ts", ".txt", ".xml", ".yaml", ".yml"),
}

EXPRESSIONS = {
    r"\b(tell|tells|telling|told)[ _](of\b|again|anew)": "report, re-emit",
    r"\b(hold|holds|holding|held)\b[^.;:]{0,80}\bagainst\b": "compare with, verify",
    r"\b(mend|mends|mended|mending)(\b|_)": "fix, repair",
    r"\bputs? (it |them |things |everything )?right\b": "fix, repair",
    r"\b(bear|bears|bearing|bore|borne)\b": "tolerate, survive",
    r"\b(call|calls|calling|called)[ _]([a-z' ]{0,20}[ _])?off\b": "cancel",
    r"\b(some|any|no)body's hands?\b": "in flight, its consumer",
    r"\bwhose (it|this|that) is\b": "its owner",
    r"\bweathers?\b": "fault schedule",
    r"\btroubles?\b": "fault",
    r"\bbef(all|alls|allen|ell)\b": "injected",
    r"\blives\b": "seeded runs; is, runs",
    r"\bnews(\b|_)": "webhook, response",
    r"(?<!dead[-_ ])\bletters?\b(?!-spacing)": "dead letter",
    r"\bpapers?\b": "document",
    r"neighbou?r": "downstream service",
    r"broken[_ ]builds?": "mutants",
    r"\bunless (it is |they are )?told\b|\bunless \w+body\b": "by default",
    r"\bwhat it (costs|is without)\b": "read units, milliseconds, optional",
    r"\b(picture|image)s? of no\b": "an image for an unknown toy",
    r"\blets? (in|those|all|him|her|whoever)\b": "authenticate, allow",
    r"\bcomes? true\b|\bcame true\b": "reconciliation",
}
"""Patterns of expressions, ignoring case, and the terms to use instead."""

ALLOWED = (
    # products, and the pictures that are drawn of them
    ("tools/seed_catalogue/*.json", r""),
    ("tools/seed_catalogue/*.toml", r""),
    ("web/*", r"a bear…|--paper"),
    # characters of a text
    ("*", r"letters?(,| and) digits|(lower|upper)-case letter|capital letters"),
    ("apps/payments/chalicelib/payments/receipts.py", r"letters"),
    ("apps/toys/chalicelib/toys/search.py", r"letter"),
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
    for number, line in enumerate([name.replace("_", " "), *content.splitlines()]):
        for pattern, instead in EXPRESSIONS.items():
            found = re.search(pattern, line, re.IGNORECASE)
            if found and not _is_allowed(name, line):
                yield f"{name}:{number}: {found[0]!r}, use: {instead}"


def _is_allowed(name: str, line: str) -> bool:
    return any(fnmatchcase(name, files) and re.search(use, line) for files, use in ALLOWED)


def test_texts_use_the_terms_of_the_style_guide() -> None:
    assert [use for name, content in texts() for use in uses(name, content)] == []


def test_expressions_are_found_in_names_and_texts() -> None:
    assert len(list(uses("docs/weather.md", "The relay told_again the event\nbears it"))) == 3
    assert list(uses("docs/faults.md", "A dead letter is re-emitted; bearer tokens")) == []
