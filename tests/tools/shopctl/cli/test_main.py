"""The command line: error reporting and the list of commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from shopctl import cli as commands
from shopctl.cli import main
from support.paths import ROOT


def test_unexpected_error_prints_one_line_and_logs_the_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # GIVEN a command that raises an unexpected error
    monkeypatch.setenv("SHOP_HOME", str(tmp_path))

    def broken(**_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(main, "cli", broken)
    # WHEN it runs
    with pytest.raises(SystemExit) as stop:
        main.main()
    # THEN the error is one line, and the log has the traceback
    assert stop.value.code == 1
    errors = capsys.readouterr().err
    assert errors.startswith(
        "The command failed unexpectedly with ZeroDivisionError: planted. The traceback is in"
    )
    assert "Traceback" not in errors
    assert "Traceback" in (tmp_path / "logs" / "shop.log").read_text()


@pytest.mark.parametrize("place", ["file", "file/below", "n" * 300])
def test_unexpected_error_is_one_line_if_the_traceback_cannot_be_kept(
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # GIVEN a command that raises an unexpected error, and a home that cannot be created
    (tmp_path / "file").touch()
    monkeypatch.setenv("SHOP_HOME", str(tmp_path / place))

    def broken(**_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(main, "cli", broken)
    # WHEN it runs
    with pytest.raises(SystemExit) as stop:
        main.main()
    # THEN the error is one line, which says that there is no traceback
    assert stop.value.code == 1
    errors = capsys.readouterr().err
    assert errors.startswith("The command failed unexpectedly with ZeroDivisionError: planted.")
    assert "The traceback cannot be written" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("place", "command"),
    [
        ("file", "status"),
        ("file", "up --detach"),
        ("file", "trace x"),
        ("file/below", "down --purge"),
        ("link", "up --detach"),
        # only creating it shows that it is impossible
        ("n" * 300, "up --detach"),
        ("n" * 300, "down --purge"),
    ],
)
def test_unusable_home_is_named_with_what_to_do(
    place: str,
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # GIVEN a home that cannot be a directory
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("missing")
    monkeypatch.setenv("SHOP_HOME", str(tmp_path / place))
    monkeypatch.setattr("sys.argv", ["./shop", *command.split()])
    # WHEN a command runs
    with pytest.raises(SystemExit) as stop:
        main.main()
    # THEN one line names it, what is expected, and what to do
    assert stop.value.code == 1
    errors = capsys.readouterr().err
    assert errors.startswith(f"SHOP_HOME={tmp_path / place} ")
    assert "a directory that can be created and written" in errors
    assert "Set SHOP_HOME to another directory" in errors
    assert errors.count("\n") == 1


def test_interrupt_during_the_imports_ends_quietly() -> None:
    # GIVEN a Ctrl-C that arrives while a command is imported
    script = """
import runpy, signal, sys

class Interrupting:
    def find_spec(name, *_):
        if name == "shopctl.cli.trace":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting)
sys.argv = ["./shop", "trace", "x"]
runpy.run_module("shopctl", run_name="__main__", alter_sys=True)
"""
    # WHEN the command line starts
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
        capture_output=True,
        text=True,
        check=False,
    )
    # THEN it ends like any interrupted command
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_every_module_of_the_package_is_a_registered_command() -> None:
    # GIVEN the modules of shopctl.cli
    modules = {path.stem for path in Path(commands.__file__).parent.glob("*.py")}
    # THEN each one is a command, apart from those that the commands share
    shared = {"__init__", "main", "options", "output", "passthrough"}
    assert set(main.cli.commands) == modules - shared


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["logs", ""], "[SERVICE]"),
        (["logs", "--service", " "], "--service"),
        (["logs", "--order="], "--order"),
        (["logs", "-n", ""], "--lines"),
        (["metrics", ""], "[NAME]"),
        (["metrics", "--since", ""], "--since"),
        (["up", "--only", ""], "--only"),
        (["up", "--only", ", ,"], "--only"),
        (["trace", "\t"], "ORDER_OR_TRACE_ID"),
        (["gameday", ""], "[NAME]"),
        (["alarms", "--stage", ""], "--stage"),
        (["replay", "--order", "ord_1", "--order", ""], "--order"),
        (["package", ""], "DIRECTORY"),
    ],
)
def test_empty_value_is_a_wrong_command_line_and_not_an_absent_one(
    arguments: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a value from a shell variable that is not set
    monkeypatch.setenv("SHOP_HOME", str(tmp_path))
    monkeypatch.setattr("shopctl.local.session.bring_up", lambda *_, **__: None)
    result = CliRunner().invoke(main.cli, arguments)
    # THEN the command does nothing, and names the option
    assert result.exit_code == 2
    assert named in result.stderr.splitlines()[-1]


def test_options_of_another_program_may_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    command = main.cli.commands["check"]
    monkeypatch.setattr(command, "callback", lambda arguments: given.extend(arguments))
    assert CliRunner().invoke(main.cli, ["check", "--name", ""]).exit_code == 0
    assert given == ["--name", ""]


def test_help_fits_each_command_on_one_line() -> None:
    output = CliRunner().invoke(main.cli, ["--help"], terminal_width=80).output
    lines = output.partition("Commands:\n")[2].splitlines()
    assert len(lines) == len(main.cli.commands)
    assert not [line for line in lines if line.endswith("...")]
