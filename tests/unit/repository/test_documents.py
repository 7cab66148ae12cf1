"""The documents agree with the repository: figures, links, paths and names."""

import re

from support.paths import ROOT

DOCUMENTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("apps/*/*.md"),
    *ROOT.glob("clients/*/*.md"),
    *ROOT.glob("tools/*/*.md"),
    *ROOT.glob("infra/*.md"),
    *ROOT.glob("requirements/*.md"),
]
FOLDERS = "apps|clients|libs|tools|tests|docs|infra|benchmarks|requirements|web"


def rows(text: str) -> list[str]:
    """Return the rows of the tables in a Markdown text."""
    return [line for line in text.splitlines() if line.startswith("|")]


def test_readme_has_the_figures_of_the_benchmark_report() -> None:
    readme = (ROOT / "README.md").read_text()
    quoted = rows(readme.split("<!-- figures")[1].split("<!-- end of figures -->")[0])
    assert len(quoted) > 10
    report = (ROOT / "benchmarks/report.md").read_text()
    assert quoted == rows(report.split("\n## ")[0])


def test_links_between_documents_are_valid() -> None:
    dead = []
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            if not (document.parent / target).exists():
                dead.append(f"{document.relative_to(ROOT)} → {target}")
    assert dead == []


def test_paths_in_documents_exist() -> None:
    # GIVEN the paths in the documents; the threat model's are relative to tests/
    missing = [
        f"{document.relative_to(ROOT)}: {path}"
        for document in DOCUMENTS
        for path in re.findall(rf"(?<![\w./-])((?:{FOLDERS})/[\w./-]*\w)", document.read_text())
        if not (ROOT / path).exists() and not (ROOT / "tests" / path).exists()
    ]
    # THEN each exists
    assert missing == []


def test_every_test_in_the_threat_model_exists() -> None:
    named = re.findall(
        r"`(\w+/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs/threat-model.md").read_text()
    )
    assert len(named) > 30
    for path, test in named:
        assert f"def {test}" in (ROOT / "tests" / path).read_text(), (path, test)
