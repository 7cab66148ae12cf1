"""The package builds, exports what its users see, and declares all of its dependencies."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import msgspec
from packaging.requirements import Requirement

import toyshop_client
from support.paths import ROOT
from toyshop_client import __version__, models

PROJECT = ROOT / "clients/python"


def test_wheel_and_source_distribution_are_complete(tmp_path: Path) -> None:
    # GIVEN a copy, since a build leaves files beside the sources
    copy = tmp_path / "client"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    # WHEN both are built with the setuptools of this environment
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    command = [uv, "build", "--offline", "--no-build-isolation", "--python", sys.executable]
    built = subprocess.run(
        [*command, "--out-dir", str(tmp_path / "dist"), str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    # THEN each has all modules and the mark of a typed package
    name = f"toyshop_client-{__version__}"
    modules = {path.name for path in (PROJECT / "src/toyshop_client").iterdir() if path.is_file()}
    wheel = tmp_path / "dist" / f"{name}-py3-none-any.whl"
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {f"toyshop_client/{module}" for module in modules} <= packed
    with tarfile.open(tmp_path / "dist" / f"{name}.tar.gz") as archive:
        names = set(archive.getnames())
    assert {f"{name}/README.md", f"{name}/src/toyshop_client/py.typed"} <= names
    # AND the wheel is importable without the repository
    done = subprocess.run(
        [sys.executable, "-c", "import toyshop_client; print(toyshop_client.__file__)"],
        env={**os.environ, "PYTHONPATH": str(wheel)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(wheel) in done.stdout


def test_only_two_packages_are_needed() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    needed = {Requirement(one).name for one in project["dependencies"]}
    assert needed == {"httpx", "msgspec"}


def test_types_in_exported_models_are_exported() -> None:
    exported = {getattr(toyshop_client, name) for name in toyshop_client.__all__}
    kinds = [kind for kind in vars(models).values() if is_model(kind)]
    used = {
        kind
        for owner in filter(is_model, exported)
        for field in msgspec.structs.fields(owner)
        for kind in kinds
        if re.search(rf"\b{kind.__name__}\b", str(field.type))
    }
    assert toyshop_client.Money in used
    assert used <= exported


def is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
