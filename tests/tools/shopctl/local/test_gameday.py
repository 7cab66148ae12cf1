"""Game days without a running shop: the incidents, their runbooks' steps, and bad input."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from shopctl.cli.gameday import gameday_command
from shopctl.local.alarms import board
from shopctl.local.gameday import runbooks
from shopctl.local.gameday.incidents import INCIDENTS, Incident
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

LAYOUT = Layout.find()


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.name)
def test_every_incident_has_alarms_and_steps(incident: Incident) -> None:
    known = {alarm.name.removeprefix("toyshop-local-") for alarm in board.alarms(LAYOUT)}
    assert incident.alarms
    assert {*incident.alarms} <= known
    runbook = LAYOUT.root / "docs/runbooks" / f"{incident.runbook}.md"
    assert runbooks.steps(runbook, incident.name)


def test_every_step_belongs_to_an_incident_of_its_runbook() -> None:
    expected = {(incident.runbook, incident.name) for incident in INCIDENTS}
    found = {
        (page.stem, name)
        for page in (LAYOUT.root / "docs/runbooks").glob("*.md")
        for name in runbooks.incidents(page)
    }
    assert found == expected


def test_steps_are_the_blocks_that_name_the_incident(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "text\n\n```sh gameday=one\n./shop a\n./shop b\n```\n\n```\n./shop c\n```\n\n"
        "```sh gameday=two,one\n./shop d\n```\n"
    )
    assert runbooks.steps(page, "one") == ["./shop a\n./shop b\n", "./shop d\n"]
    assert runbooks.steps(page, "two") == ["./shop d\n"]
    assert runbooks.steps(page, "three") == []
    assert runbooks.incidents(page) == {"one", "two"}


def test_unknown_incident_is_refused_with_the_known_ones() -> None:
    result = CliRunner().invoke(gameday_command, ["flood"])
    assert isinstance(result.exception, ShopProblem)
    assert result.exception.what == "There is no incident flood."
    assert "bad-release" in result.exception.remedy


def test_incidents_are_listed() -> None:
    listed = CliRunner().invoke(gameday_command, []).output.splitlines()
    assert [line.split()[0] for line in listed] == [incident.name for incident in INCIDENTS]
    assert all(len(line) <= 100 for line in listed)
