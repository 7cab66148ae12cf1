"""`./shop` on a machine that is not ready: a sentence, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shopctl.project.layout import Layout

OLD = "#!/bin/sh\nexit 1\n"
WITHOUT_VENV = (
    "#!/bin/sh\n"
    'case "$*" in *venv*) echo "Traceback" >&2; exit 1;; esac\n'
    f'exec {sys.executable} "$@"\n'
)
CANNOT_INSTALL = (
    "#!/bin/sh\n"
    'case "$*" in "-m venv"*) echo "no network" >&2; exit 1;; esac\n'
    f'exec {sys.executable} "$@"\n'
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A checkout with just the script and its requirements."""
    root = Layout.find().root
    (tmp_path / "shop").write_bytes((root / "shop").read_bytes())
    (tmp_path / "requirements").symlink_to(root / "requirements")
    return tmp_path


def run(clone: Path, python: str) -> "subprocess.CompletedProcess[str]":
    commands = clone / "bin"
    commands.mkdir()
    for name in ("python3", "python3.13", "python3.12", "python3.11", "python"):
        (commands / name).write_text(python)
        (commands / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", str(clone / "shop"), "status"],
        env={"PATH": f"{commands}{os.pathsep}/usr/bin{os.pathsep}/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        (OLD, "The shop needs Python 3.11 or newer."),
        (WITHOUT_VENV, "lacks the module venv. On Debian and Ubuntu: apt-get install"),
        (CANNOT_INSTALL, "The tools cannot be installed: no network"),
    ],
)
def test_missing_prerequisite_is_named(clone: Path, python: str, sentence: str) -> None:
    done = run(clone, python)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
