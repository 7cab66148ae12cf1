"""The code of every service, built once for all stages: a directory with one zip per service.

Stages differ only in the templates, which contain the stage's settings and are made during a
deploy. The zips contain no settings, so that staging and prod run the same bytes.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shopctl.packaging import sources
from shopctl.packaging.package import build
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.services import Service

_INDEX = "packages.json"
PYTHON = ".".join(map(str, sys.version_info[:2]))


class Zip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hashes of a service's zip and of the files that it was built from."""

    sha256: str
    sources: str


class Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The zips of a directory by service, and the Python version that they were built for."""

    python: str
    packages: dict[str, Zip]


@dataclass(frozen=True)
class Prebuilt:
    """The zips of services, verified to be built from this checkout."""

    paths: Mapping[str, Path]

    def code(self, service: Service) -> Path:
        """Return the path of a service's zip."""
        return self.paths[service.name]


def write(services: Sequence[Service], layout: Layout, directory: Path) -> dict[str, str]:
    """Build the code of services for AWS.

    Parameters
    ----------
    directory
        Directory to write the zips to; those of the same services are replaced.

    Returns
    -------
    dict
        Hash of each service's code.

    Raises
    ------
    ShopProblem
        If a service cannot be packaged.
    """
    directory.mkdir(parents=True, exist_ok=True)
    packages = {}
    for service in services:
        # the stage is irrelevant: its settings are only in the template
        made = build(service, "local", layout, for_lambda=True)
        shutil.copyfile(made.archive, directory / f"{service.name}.zip")
        sha256 = hashlib.sha256(made.archive.read_bytes()).hexdigest()
        packages[service.name] = Zip(sha256, sources.digest(service, layout))
    index = msgspec.to_builtins(Index(PYTHON, packages))
    (directory / _INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    return {name: zip_.sha256 for name, zip_ in packages.items()}


def run_with(python: str) -> str:
    """Return how to run a command with another version of Python, which may not be installed."""
    return (
        f"Run the command with SHOP_PYTHON=python{python}. If there is none, install it with"
        f" .venv/bin/uv python install {python} (or with pyenv, or the system's packages), and"
        f" use SHOP_PYTHON=$(.venv/bin/uv python find {python})."
    )


def read(services: Sequence[Service], layout: Layout, directory: Path) -> Prebuilt:
    """Read the code of services after verifying that it was built from this checkout.

    Raises
    ------
    ShopProblem
        If a zip is missing, damaged, built from other sources or for another Python version.
    """
    remedy = f"Build it again from this checkout: ./shop package {directory}"
    try:
        index = msgspec.json.decode((directory / _INDEX).read_bytes(), type=Index)
    except OSError:
        raise ShopProblem(f"There are no packages in {directory}.", remedy) from None
    except msgspec.DecodeError as error:
        what = f"{directory / _INDEX} is invalid: {error}."
        raise ShopProblem(what, remedy) from None
    if index.python != PYTHON:
        raise ShopProblem(
            f"The packages in {directory} are for Python {index.python}, and this is {PYTHON}.",
            run_with(index.python),
        )
    paths = {}
    for service in services:
        path = directory / f"{service.name}.zip"
        found = index.packages.get(service.name)
        if found is None or not path.exists():
            raise ShopProblem(f"{directory} has no package of {service.name}.", remedy)
        if hashlib.sha256(path.read_bytes()).hexdigest() != found.sha256:
            raise ShopProblem(f"{path} was changed after it was built.", remedy)
        if sources.digest(service, layout) != found.sources:
            raise ShopProblem(f"{path} was built from other sources than these.", remedy)
        paths[service.name] = path
    return Prebuilt(paths)
