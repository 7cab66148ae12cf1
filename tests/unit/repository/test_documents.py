"""What the documents claim is what commands have printed."""

import re

import yaml

from support.paths import ROOT


def rows(text: str) -> list[str]:
    """Return the rows of the tables in a Markdown text."""
    return [line for line in text.splitlines() if line.startswith("|")]


def test_the_readme_quotes_the_report_of_the_benchmark() -> None:
    readme = (ROOT / "README.md").read_text()
    quoted = rows(readme.split("<!-- figures")[1].split("<!-- end of figures -->")[0])
    assert len(quoted) > 10
    report = (ROOT / "benchmarks/report.md").read_text()
    assert quoted == rows(report.split("Cold start")[0])


def test_links_between_the_documents_lead_somewhere() -> None:
    dead = []
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("apps/*/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            if not (document.parent / target).exists():
                dead.append(f"{document.relative_to(ROOT)} → {target}")
    assert dead == []


def test_each_test_that_the_threat_model_names_exists() -> None:
    named = re.findall(
        r"`(\w+/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs/threat-model.md").read_text()
    )
    assert len(named) > 30
    for path, test in named:
        assert f"def {test}" in (ROOT / "tests" / path).read_text(), (path, test)


def test_what_an_alarm_tells_a_person_to_read_is_there() -> None:
    alarms = [
        resource["Properties"]["AlarmDescription"]
        for path in ROOT.glob("apps/*/resources.yaml")
        for resource in yaml.safe_load(path.read_text())["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    assert len(alarms) >= 7
    for text in alarms:
        named = re.findall(r"docs/runbooks/[a-z-]+\.md", text)
        assert named, text
        assert all((ROOT / path).is_file() for path in named), text
