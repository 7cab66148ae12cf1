"""`./shop down --purge`: what it deletes and what it keeps."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from shopctl.cli import main


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOP_HOME", str(tmp_path))
    return tmp_path


def _store(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("content")
    return file


def test_purge_keeps_the_backups_of_all_stages_and_says_so(home: Path) -> None:
    # GIVEN the data of a shop, and backups of two stages
    data = [_store(home / "telemetry.db"), _store(home / "mail" / "1.eml")]
    backups = [
        _store(home / "backups" / stage / "orders-20261130T020000Z" / "manifest.json")
        for stage in ("local", "prod")
    ]
    # WHEN the shop is purged
    done = CliRunner().invoke(main.cli, ["down", "--purge"])
    # THEN the backups are kept, and the command says where they are
    assert done.exit_code == 0
    assert [file for file in data if file.exists()] == []
    assert [file for file in backups if not file.exists()] == []
    assert f"Backups are kept: {home / 'backups'}" in done.output


def test_purge_without_backups_mentions_none(home: Path) -> None:
    # GIVEN a shop whose only backup was interrupted, which leaves empty directories
    (home / "backups" / "local").mkdir(parents=True)
    # WHEN the shop is purged
    done = CliRunner().invoke(main.cli, ["down", "--purge"])
    # THEN it mentions no backups
    assert done.exit_code == 0
    assert "Backups" not in done.output


def test_help_of_purge_says_that_backups_stay() -> None:
    output = CliRunner().invoke(main.cli, ["down", "--help"]).output
    assert "except backups" in output
