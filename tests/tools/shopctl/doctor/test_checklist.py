"""The checklist in docs/deploying.md: its commands, its items and the events of the webhook."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from shopctl import doctor
from shopctl.cli.main import cli
from shopctl.doctor import gateway
from shopctl.project import stages
from shopctl.project.layout import Layout
from support.paths import APPS, DOCS, ROOT

TEXT = (DOCS / "deploying.md").read_text()
COMMANDS = re.findall(r"^(?:\w+=\S+ )*\./shop (.+)$", TEXT, re.M)
WEBHOOKS = (APPS / "payments/chalicelib/payments/webhooks.py").read_text()
# an older name of refund.updated, which new endpoints need not subscribe to
OLD = {"charge.refund.updated"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_valid(command: str) -> None:
    name, *arguments = shlex.split(command)
    parsed = cli.commands[name]
    while hasattr(parsed, "commands"):
        name, *arguments = arguments
        parsed = parsed.commands[name]
    parsed.make_context(name, arguments)


def test_first_command_adds_the_stage_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "infra").mkdir()
    for part in ("stages.toml", "infra/aws-profiles.ini"):
        shutil.copy(ROOT / part, tmp_path / part)
    layout = Layout(root=tmp_path, home=tmp_path / ".shop")
    monkeypatch.setattr(Layout, "find", lambda: layout)
    [init] = [shlex.split(command) for command in COMMANDS if command.startswith("init ")]
    assert CliRunner().invoke(cli, init).exit_code == 0
    named = {name for each in COMMANDS for name in re.findall(r"--stage (\S+)", each)}
    assert named == {"staging"}
    assert stages.load(layout.stages, "staging").test_payments


def test_steps_name_every_item_of_the_doctor() -> None:
    items = {check.item for check in doctor.CHECKS}
    named = [
        name
        for line in re.findall(r"^\*Doctor:\* (.+)$", TEXT, re.M)
        for name in re.findall(r"`([^`]+)`", line)
        if name in items
    ]
    assert set(named) == items


def test_items_need_only_earlier_ones() -> None:
    earlier: set[str] = set()
    for check in doctor.CHECKS:
        assert set(check.needs) <= earlier, check.item
        earlier.add(check.item)


def test_checked_events_are_those_that_payments_records() -> None:
    # GIVEN the types that payments names in full, and the start of those of disputes
    named = set(re.findall(r'"((?:payment_intent|refund|charge)\.[a-z_.]+[a-z])"', WEBHOOKS)) - OLD
    assert len(named) == 7
    assert '_DISPUTES = "charge.dispute."' in WEBHOOKS
    # THEN the checked ones are these, and some of disputes
    checked = set(gateway.EVENT_TYPES)
    assert {one for one in checked if not one.startswith("charge.dispute.")} == named


def test_document_lists_the_checked_events() -> None:
    listed = re.findall(r"`((?:payment_intent|refund|charge)\.[a-z_.]+)`", TEXT)
    assert tuple(listed) == gateway.EVENT_TYPES
