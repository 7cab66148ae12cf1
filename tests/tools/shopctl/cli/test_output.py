"""Commands whose output's reader ends before they do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.paths import ROOT

SCRIPT = """
import sys
import click
from shopctl.cli import main
from shopctl.cli.output import ChangingCommand
from shopctl.local.progress import Progress
from shopctl.project.errors import ShopProblem

@main.cli.command("trial", cls={kind})
def trial():
    Progress().say("started")
    click.echo("changing")
    open({done!r}, "w").close()
    {end}

sys.argv = ["./shop", "trial"]
main.main()
"""


def _run(kind: str, done: Path, end: str = "pass", *, errors_too: bool = False) -> tuple[int, str]:
    """Run a command whose standard output nobody reads; return its status and its errors."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(kind=kind, done=str(done), end=end)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
            stdout=writer,
            stderr=writer if errors_too else subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    return process.returncode, process.stderr or ""


def test_command_that_changes_something_completes(tmp_path: Path) -> None:
    done = tmp_path / "done"
    assert _run("ChangingCommand", done) == (0, "")
    assert done.exists()


def test_command_that_only_reads_ends_quietly(tmp_path: Path) -> None:
    done = tmp_path / "done"
    assert _run("click.Command", done) == (1, "")
    assert not done.exists()


@pytest.mark.parametrize("errors_too", [False, True])
def test_problem_keeps_its_exit_status(tmp_path: Path, errors_too: bool) -> None:
    done = tmp_path / "done"
    problem = "raise ShopProblem('It failed.')"
    status, errors = _run("ChangingCommand", done, problem, errors_too=errors_too)
    assert (status, errors) == (1, "" if errors_too else "It failed.\n")
