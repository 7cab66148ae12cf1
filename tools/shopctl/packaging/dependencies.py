"""Installs the packages of a requirements file once, whatever number of apps ships them."""

import filecmp
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from shopctl.packaging import pruning
from shopctl.project.errors import ShopProblem

# written by the installer, read by nothing at run time
_INSTALLER_NOTES = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
_LEFTOVERS = ("bin", ".lock", *(f"*.dist-info/{name}" for name in _INSTALLER_NOTES))
_lock = threading.Lock()
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# the platform of the AWS Lambda runtime
_LAMBDA_PLATFORM = ("--python-platform", "x86_64-manylinux_2_28", "--only-binary", ":all:")


def install(requirements: Path, store: Path, *, lock: Path, for_lambda: bool) -> Path:
    """Return a directory with the packages of a requirements file, compiled.

    Parameters
    ----------
    requirements
        Requirements file; an empty one gives an empty directory.
    store
        Directory of the installed trees, named by the hash of the files and the Python version.
    lock
        Versions and hashes of all packages, including indirect dependencies, so that every
        installation is the same.
    for_lambda
        Install for AWS's platform instead of this machine's.

    Raises
    ------
    ShopProblem
        If a package cannot be installed.
    """
    text = requirements.read_text() if requirements.exists() else ""
    target = "lambda" if for_lambda else f"{sys.platform}-{platform.machine()}"
    facts = f"{text}\0{lock.read_text()}\0{sys.version}\0{target}"
    key = hashlib.sha256(facts.encode()).hexdigest()[:16]
    tree = store / key
    if tree.exists():
        return tree
    with _lock:
        if not tree.exists():
            _make(requirements, text, tree, lock, for_lambda=for_lambda)
    return tree


def _make(requirements: Path, text: str, tree: Path, lock: Path, *, for_lambda: bool) -> None:
    unfinished = tree.with_suffix(f".{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    if text.strip():
        options = ("-c", str(lock), *(_LAMBDA_PLATFORM if for_lambda else ()))
        _install(requirements, unfinished, options)
        _check(text, unfinished, requirements)
    for pattern in _LEFTOVERS:
        for path in unfinished.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    pruning.delete_unused(unfinished)
    compiled_before = () if for_lambda else _finished(tree.parent)
    compile_tree(unfinished, reproducible=for_lambda, like=compiled_before)
    try:
        unfinished.rename(tree)
    except OSError:
        # another process has installed the same tree meanwhile
        shutil.rmtree(unfinished)


def _finished(store: Path) -> list[Path]:
    """Return the trees of a store that no process is still making."""
    return [path for path in store.iterdir() if path.is_dir() and not path.suffix]


def compile_tree(tree: Path, *, reproducible: bool, like: Sequence[Path] = ()) -> None:
    """Add byte-code that Python uses without checking the time of its source.

    Parameters
    ----------
    reproducible
        Produce the same bytes every time, which takes a single process.
    like
        Directories that are compiled already, from which the byte-code of equal files is taken.
    """
    sources = [path for path in tree.rglob("*.py") if not _reuse(path, tree, like)]
    jobs = "1" if reproducible else "2"
    command = [sys.executable, "-m", "compileall", "-q", "-j", jobs, "-o", "0", "-s", str(tree)]
    command += ["-p", "/var/task", "--invalidation-mode", "unchecked-hash", "-i", "-"]
    # the caller's settings, such as PYTHONPYCACHEPREFIX, must not change what is built
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = {**kept, "PYTHONHASHSEED": "0"}
    # packages may contain files for other Python versions, which are never imported
    names = "\n".join(sorted(map(str, sources))).encode()
    subprocess.run(command, check=False, input=names, capture_output=True, env=environment)


def _reuse(source: Path, tree: Path, like: Sequence[Path]) -> bool:
    """Take the byte-code of a file from a directory that has the same one.

    Byte-code depends on the name of its source in the tree, its content and the Python version.
    """
    # beside the source, whatever PYTHONPYCACHEPREFIX says
    target = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
    for other in like:
        same = other / source.relative_to(tree)
        compiled = other / target.relative_to(tree)
        if compiled.exists() and same.exists() and filecmp.cmp(source, same, shallow=False):
            target.parent.mkdir(exist_ok=True)
            target.hardlink_to(compiled)
            return True
    return False


def _install(requirements: Path, tree: Path, options: tuple[str, ...]) -> None:
    # the tests and checks import this module in environments without uv
    from uv import find_uv_bin

    command = [find_uv_bin(), "pip", "install", "--quiet", "--target", str(tree)]
    command += ["--python", sys.executable, *options, "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.split())[-400:]
        raise ShopProblem(
            f"The packages of {requirements} cannot be installed: {reason}",
            "Check the connection to the package index and the names in that file.",
        )


def _check(text: str, tree: Path, requirements: Path) -> None:
    installed = {
        _normal(path.name.rsplit("-", 1)[0])
        for path in (info.with_suffix("") for info in tree.glob("*.dist-info"))
    }
    # a requirement with an environment marker may be absent
    lines = [line for line in text.splitlines() if ";" not in line]
    named = {_normal(found.group()) for line in lines if (found := _NAME.match(line))}
    missing = sorted(named - installed)
    if missing:
        raise ShopProblem(
            f"{', '.join(missing)} of {requirements} was not installed.",
            "Delete .shop/dependencies and run the command again.",
        )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
