"""Commands whose arguments another program parses."""

import subprocess
from typing import Any

import pytest
from click.testing import CliRunner

from shopctl.cli.main import cli


def test_pytest_arguments_after_the_separator_reach_tox(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        seen.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", run)
    arguments = ["-e", "unit", "--", "-q", "tests/unit/orders"]
    assert CliRunner().invoke(cli, ["test", *arguments]).exit_code == 3
    assert seen[0][1:] == ["-m", "tox", *arguments]
