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


def run(clone: Path, python: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    commands = clone / "bin"
    commands.mkdir()
    for name in ("python3", "python3.13", "python3.12", "python3.11", "python"):
        (commands / name).write_text(python)
        (commands / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", str(clone / "shop"), "status"],
        env={"PATH": f"{commands}{os.pathsep}/usr/bin{os.pathsep}/bin", **variables},
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


def test_named_python_that_is_missing_is_not_replaced(clone: Path) -> None:
    # GIVEN a suitable python3 WHEN another is named that does not exist
    done = run(clone, CANNOT_INSTALL, SHOP_PYTHON="python3.99")
    # THEN the tools are not installed with python3
    assert done.returncode == 1
    assert "SHOP_PYTHON=python3.99 is not suitable." in done.stderr


@pytest.mark.parametrize(
    ("named", "installs"), [("", False), ("python-same", False), ("python-other", True)]
)
def test_tools_are_installed_again_only_for_another_python(
    clone: Path, named: str, installs: bool
) -> None:
    # GIVEN tools that are installed with one version of Python
    same = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
    other = (
        "#!/bin/sh\n"
        'case "$*" in *%d.%d*) echo 3.99; exit;; "-m venv"*) echo "installs" >&2; exit 1;; esac\n'
        f'exec {sys.executable} "$@"\n'
    )
    requirements = b"".join(
        (clone / "requirements" / f"{name}.txt").read_bytes() for name in ("uv", "tools")
    )
    stamp = subprocess.run(["cksum"], input=requirements, capture_output=True, check=True).stdout
    installed = clone / ".venv" / "bin"
    installed.mkdir(parents=True)
    (clone / ".venv" / "shop-requirements").write_bytes(stamp.strip())
    for path, text in (
        (installed / "python", same),
        (clone / "python-same", same),
        (clone / "python-other", other),
    ):
        path.write_text(text)
        path.chmod(0o755)
    # WHEN the command runs with none, the same, or another version named
    done = run(clone, OLD, **({"SHOP_PYTHON": str(clone / named)} if named else {}))
    # THEN it installs them again only for the other
    assert ("The tools cannot be installed: installs" in done.stderr) == installs
    assert ("No module named shopctl" in done.stderr) != installs
