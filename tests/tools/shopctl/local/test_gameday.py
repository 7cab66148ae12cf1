"""Game days without a running shop: the incidents, their runbooks' steps, and bad input."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest
from click.testing import CliRunner

from shopctl.cli.gameday import gameday_command
from shopctl.local import down
from shopctl.local.alarms import board
from shopctl.local.gameday import runbooks
from shopctl.local.gameday.incidents import INCIDENTS, Incident
from shopctl.local.gameday.play import Play
from shopctl.local.gameday.world import World
from shopctl.project import running_shop
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.running_shop import Process, RunningShop

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


class FakeWorld:
    """A world whose faults can be counted, without a shop."""

    def __init__(self, home: Path) -> None:
        self.layout = Layout(LAYOUT.root, home)
        self.shop = {"edge": SimpleNamespace(url="http://127.0.0.1:1")}
        self.backup = home / "gameday-backup"
        self.ended = 0

    def end_faults(self) -> None:
        self.ended += 1


class FakeCustomers:
    """Customers who order nothing."""

    accepted: tuple[str, ...] = ()
    refused = 0

    def __init__(self, origin: str) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def an_incident(*, external: bool, begin: Callable[[Any], None] = lambda _: None) -> Incident:
    return Incident(
        "an-incident", "It breaks.", ("x-api-failing",), "orders", begin, external=external
    )


@pytest.fixture
def rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a play of an incident, whose waiting for an alarm ends with an error."""

    def create(incident: Incident, error: BaseException | None = None) -> Any:
        said: list[str] = []
        play = Play(cast("World", FakeWorld(tmp_path)), incident, said.append)

        def wait(*_: object) -> None:
            if error:
                raise error

        monkeypatch.setattr(play, "_wait", wait)
        monkeypatch.setattr(play, "_firing", set)
        return play, said

    monkeypatch.setattr("shopctl.local.gameday.play.Customers", FakeCustomers)
    return create


ENDS = [KeyboardInterrupt(), ShopProblem("Gave up.", "")]


@pytest.mark.parametrize("error", [None, *ENDS], ids=repr)
@pytest.mark.parametrize("external", [True, False])
def test_begun_incident_says_that_it_continues_however_the_command_ends(
    rehearsal: Callable[..., Any], error: BaseException | None, external: bool
) -> None:
    play, said = rehearsal(an_incident(external=external), error)
    with pytest.raises(type(error)) if error else nullcontext():
        play.begin()
    expected = ["The incident continues. Its runbook is docs/runbooks/orders.md."]
    if external:
        expected.append("`./shop gameday --end` ends its cause.")
    assert said[-len(expected) :] == expected
    assert sum("continues" in line for line in said) == 1
    assert play.world.ended == 0


@pytest.mark.parametrize("error", ENDS, ids=repr)
def test_beginning_that_is_cut_off_says_that_the_incident_may_have_begun(
    rehearsal: Callable[..., Any], error: BaseException
) -> None:
    def begin(_: Any) -> None:
        raise error

    play, said = rehearsal(an_incident(external=True, begin=begin))
    with pytest.raises(type(error)):
        play.begin()
    assert said == [
        "The incident may have begun. Its runbook is docs/runbooks/orders.md.",
        "`./shop gameday --end` ends its cause.",
    ]


@pytest.mark.parametrize("error", ENDS, ids=repr)
def test_repair_that_is_cut_off_says_whether_the_cause_has_ended(
    rehearsal: Callable[..., Any], error: BaseException
) -> None:
    play, said = rehearsal(an_incident(external=True), error)
    with pytest.raises(type(error)):
        play.run()
    assert play.world.ended == 1
    assert said[-2:] == [
        "The cause has ended.",
        "The repair is not complete. Its runbook is docs/runbooks/orders.md.",
    ]
    play, said = rehearsal(an_incident(external=False), error)
    with pytest.raises(type(error)):
        play.run()
    assert play.world.ended == 0
    assert said[-1] == "The incident continues. Its runbook is docs/runbooks/orders.md."


@pytest.mark.parametrize("error", [None, *ENDS], ids=repr)
def test_incident_that_loses_data_says_where_its_backup_is(
    rehearsal: Callable[..., Any], error: BaseException | None
) -> None:
    lossy = next(incident for incident in INCIDENTS if incident.name == "missing-table")
    assert [incident for incident in INCIDENTS if incident.backed_up] == [lossy]
    play, said = rehearsal(replace(lossy, begin=lambda _: None), error)
    with pytest.raises(type(error)) if error else nullcontext():
        play.begin()
    backup = play.world.backup
    assert said[-1] == f"Its backup is in {backup}: export BACKUP={backup}"


def test_purge_deletes_the_backup(tmp_path: Path) -> None:
    (tmp_path / "gameday-backup").mkdir()
    down.purge(Layout(LAYOUT.root, tmp_path))
    assert not (tmp_path / "gameday-backup").exists()


@pytest.fixture
def shop_with_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that writes a running shop's state, in which some processes have ended."""

    def write(*dead: str) -> None:
        started = running_shop.start_time(os.getpid())
        assert started is not None
        processes = tuple(
            Process(name, os.getpid(), started - 100 * (name in dead), 1)
            for name in ("aws", "gateway", "edge")
        )
        state = RunningShop("2026-12-01T00:00:00Z", (), processes)
        running_shop.write(Layout(LAYOUT.root, tmp_path).state, state)

    monkeypatch.setenv("SHOP_HOME", str(tmp_path))
    return write


@pytest.mark.parametrize(
    ("dead", "what"),
    [
        ("aws", "The embedded AWS is not running."),
        ("gateway", "The shop's gateway is not running."),
        ("edge", "The shop's edge is not running."),
    ],
)
@pytest.mark.parametrize("arguments", [["--end"], ["poison-event"], ["topic-down", "--repair"]])
def test_process_that_has_ended_is_named(
    shop_with_dead: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    dead: str,
    what: str,
) -> None:
    ended: list[World] = []
    monkeypatch.setattr(World, "end_faults", lambda world: ended.append(world))
    shop_with_dead(dead)
    result = CliRunner().invoke(gameday_command, arguments)
    # faults are in the other two
    if (arguments, dead) == (["--end"], "edge"):
        assert ended
        return
    assert isinstance(result.exception, ShopProblem)
    assert (result.exception.what, result.exception.remedy) == (what, "Start it with ./shop up.")
    assert not ended


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--repair"], "--repair needs the NAME of an incident."),
        (["--repair", "--json"], "--repair needs the NAME of an incident."),
        (["poison-event", "--end"], "--end takes neither a NAME nor --repair."),
        (["--end", "--repair"], "--end takes neither a NAME nor --repair."),
        (["poison-event", "--json"], "--json applies only to the list of incidents."),
        (["--end", "--json"], "--json applies only to the list of incidents."),
        *(
            (["poison-event", "--patience", seconds], "Invalid value for '--patience'")
            for seconds in ("nan", "inf", "-inf", "-1", "0")
        ),
    ],
)
def test_contradictory_options_are_refused(
    shop_with_dead: Callable[..., None], arguments: list[str], words: str
) -> None:
    shop_with_dead("aws")
    result = CliRunner().invoke(gameday_command, arguments)
    assert (result.exit_code, words in result.output) == (2, True), result.output


def test_firing_alarm_before_a_game_day_need_not_be_an_incident(
    rehearsal: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    play, said = rehearsal(an_incident(external=True))
    monkeypatch.setattr(play, "_firing", lambda: {"x-api-failing"})
    with pytest.raises(ShopProblem) as problem:
        play.begin()
    assert problem.value.remedy == (
        "Wait until they are clear, or, if an incident continues, end it: ./shop gameday --end"
    )
    assert said == []
