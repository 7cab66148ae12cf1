"""The checklist in docs/deploying.md: its commands, its items and the events of the webhook."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import stripe
from click.testing import CliRunner

from gateway_simulator import objects
from shopctl import doctor
from shopctl.cli.main import cli
from shopctl.doctor import gateway
from shopctl.project import stages
from shopctl.project.layout import Layout
from support.paths import APPS, DOCS, ROOT

TEXT = (DOCS / "deploying.md").read_text()
COMMANDS = re.findall(r"^(?:\w+=\S+ )*\./shop (.+)$", TEXT, re.M)
WEBHOOKS = (APPS / "payments/chalicelib/payments/webhooks.py").read_text()
DOCUMENTS = sorted({*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("*/README.md")})
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


def test_document_and_doctor_name_the_api_version_of_payments() -> None:
    assert stripe.api_version == gateway.API_VERSION == objects.API_VERSION
    assert f"API version `{gateway.API_VERSION}`" in TEXT


def test_publishable_key_is_set_in_the_step_that_names_the_settings_complete() -> None:
    step = TEXT.partition("## 4. Stripe")[2].partition("\n## ")[0]
    assert "`stripe_publishable_key`" in step
    assert re.search(r"^\*Doctor:\* `settings`", step, re.M)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_command_writes_a_secret_into_the_checkout_or_the_history(document: Path) -> None:
    for block in re.findall(r"^```\w*\n(.*?)^```", document.read_text(), re.M | re.S):
        for line in block.splitlines():
            assert not re.search(r"\w*(PASSWORD|SECRET|_KEY)=", line), line
            if "--secret-string" in line:
                assert '--secret-string "file://$keys"' in line, line
        if "mktemp" in block:
            assert 'rm "$keys"' in block


def test_emails_are_authenticated_and_the_sender_may_receive_replies() -> None:
    step = TEXT.partition("## 6. The email domain")[2].partition("\n## ")[0]
    assert '_dmarc.staging.example.com. TXT "v=DMARC1; p=none"' in step
    assert "MX record" in step
