"""`./shop` on a machine that is not ready: a sentence, never a traceback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
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
        (OLD, "The shop needs Python 3.11 or newer, and a release for AWS needs 3.13."),
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
    assert "SHOP_PYTHON=python3.99 does not exist." in done.stderr


@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        # as the shim of pyenv does if its version is not selected
        (
            "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n",
            "SHOP_PYTHON=python3.13 does not work: pyenv: python3.13: command not found",
        ),
        (
            '#!/bin/sh\ncase "$*" in *%d.%d*) echo 3.9;; *) exit 1;; esac\n',
            "SHOP_PYTHON=python3.13 is Python 3.9. The shop needs 3.11 or newer",
        ),
    ],
)
def test_named_python_that_does_not_work_is_explained(
    clone: Path, python: str, sentence: str
) -> None:
    done = run(clone, python, SHOP_PYTHON="python3.13")
    assert done.returncode == 1
    assert sentence in done.stderr
    # AND the way to get the version that a release needs is named
    assert "uv python install 3.13" in done.stderr
    assert "SHOP_PYTHON=$(pyenv prefix 3.13)/bin/python" in done.stderr


def python(version: str) -> str:
    """Return a script in place of a Python, whose environments print the version it has."""
    return (
        "#!/bin/sh\n"
        'case "$*" in\n'
        f"*%d.%d*) echo {version} ;;\n"
        '"-m venv"*)\n'
        "    for directory; do :; done\n"
        '    rm -rf "$directory" && mkdir -p "$directory/bin"\n'
        '    cp "$0" "$directory/bin/python" && cp "$0" "$directory/bin/uv" ;;\n'
        f'"-m shopctl"*) echo "{version} in $0" ;;\n'
        "esac\n"
    )


@pytest.fixture
def named(clone: Path) -> Callable[..., str]:
    """Run the command with or without a version of Python named; return what it prints."""
    for name in ("python-a", "python-a-again", "python-b"):
        (clone / name).write_text(python(f"3.{ord(name[7])}"))
        (clone / name).chmod(0o755)

    def run_named(name: str = "") -> str:
        shutil.rmtree(clone / "bin", ignore_errors=True)
        done = run(clone, OLD, **({"SHOP_PYTHON": str(clone / name)} if name else {}))
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_named


def test_another_python_changes_no_environment_that_may_be_in_use(
    clone: Path, named: Callable[..., str]
) -> None:
    # GIVEN a command that runs in the environment of one version
    first = named("python-a")
    in_use = Path(first.split()[-1]).parent
    (in_use / "imported-later.py").touch()
    # WHEN another version is named
    second = named("python-b")
    # THEN the new command runs with it, and everything is still there for the first
    assert (first[:4], second[:4]) == ("3.97", "3.98")
    assert (in_use / "imported-later.py").exists()
    # AND each further command with a version uses its environment as it is
    assert named("python-a-again") == first
    assert (in_use / "imported-later.py").exists()
    assert named() == first
    assert named("python-b") == second
    assert named() == second
    # AND programs of the environment that was used last are found in .venv
    assert (clone / ".venv" / "bin").samefile(Path(second.split()[-1]).parent)


def test_changed_requirements_change_no_environment_that_may_be_in_use(
    clone: Path, named: Callable[..., str]
) -> None:
    # GIVEN a command that runs in an environment
    first = named("python-a")
    # WHEN the requirements change
    requirements = clone / "requirements"
    copied = {name: (requirements / name).read_bytes() for name in ("uv.txt", "tools.txt")}
    requirements.unlink()
    requirements.mkdir()
    for name, content in copied.items():
        (requirements / name).write_bytes(content + b"# changed\n")
    # THEN they are installed elsewhere
    assert named("python-a") != first
    assert Path(first.split()[-1]).exists()


def test_environment_of_an_interrupted_installation_is_not_used(
    clone: Path, named: Callable[..., str]
) -> None:
    # GIVEN an environment without what is written last
    first = Path(named("python-a").split()[-1])
    (first.parents[1] / "shop-requirements").unlink()
    first.write_text(OLD)
    # WHEN the command runs THEN it is installed again
    assert named("python-a").startswith("3.97")


def test_commands_started_at_once_install_once(clone: Path) -> None:
    # GIVEN a fresh clone, and a Python that takes its time to create an environment
    slow = python("3.97").replace(
        '"-m venv"*)\n', f'"-m venv"*)\n    echo venv >>"{clone}/installed"\n    sleep 1\n'
    )
    slow = slow.replace("esac\n", f'*fcntl*) exec {sys.executable} "$@" ;;\nesac\n')
    (clone / "python-a").write_text(slow)
    (clone / "python-a").chmod(0o755)
    # WHEN several commands start at once
    commands = [
        subprocess.Popen(
            ["/bin/sh", str(clone / "shop"), "status"],
            env={"PATH": "/usr/bin:/bin", "SHOP_PYTHON": str(clone / "python-a")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    # THEN each runs in the environment that one of them has installed
    ended = [command.communicate(timeout=60) for command in commands]
    assert [command.returncode for command in commands] == [0, 0, 0], ended
    assert len({output for output, _ in ended}) == 1
    assert (clone / "installed").read_text() == "venv\n"


def test_environment_of_an_older_checkout_is_replaced(
    clone: Path, named: Callable[..., str]
) -> None:
    # GIVEN an environment where the link is now
    (clone / ".venv" / "bin").mkdir(parents=True)
    # WHEN the command runs with a version named THEN the link is in its place
    named("python-a")
    assert (clone / ".venv").is_symlink()
    assert named().startswith("3.97")
