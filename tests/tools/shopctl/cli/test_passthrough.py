"""Commands whose arguments another program parses."""

import configparser
import subprocess
from typing import Any

import pytest
from click.testing import CliRunner

from shopctl.cli.main import cli
from support.paths import ROOT


def test_pytest_arguments_after_the_separator_reach_tox(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        seen.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", run)
    arguments = ["-e", "unit", "--", "-q", "tests/unit/orders"]
    assert CliRunner().invoke(cli, ["test", *arguments]).exit_code == 3
    assert seen[0][1:] == ["-m", "tox", *arguments]


def test_without_arguments_every_environment_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        seen.append(command[3:])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    assert CliRunner().invoke(cli, ["test"]).exit_code == 0
    # THEN the labels that it runs cover the list of environments
    settings = configparser.ConfigParser()
    settings.read(ROOT / "tox.ini")
    labels = dict(
        line.split(" = ") for line in settings["tox"]["labels"].splitlines() if " = " in line
    )
    run_labels = [arguments[arguments.index("-m") + 1] for arguments in seen]
    environments = ", ".join(labels[label] for label in run_labels).split(", ")
    assert environments == settings["tox"]["env_list"].split(", ")


def test_failing_linter_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        seen.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", run)
    assert CliRunner().invoke(cli, ["test"]).exit_code == 1
    assert len(seen) == 1
