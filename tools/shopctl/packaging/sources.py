"""The files that a service's package is built from."""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.services import Service

_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", "deployments", "deployed", "node_modules")


def digest(service: Service, layout: Layout) -> str:
    """Return the hash of everything that a service's code is built from; the same everywhere."""
    found = hashlib.sha256()
    python = ".".join(map(str, sys.version_info[:3]))
    found.update(repr([python, version("chalice"), sorted(service.manifest.aws)]).encode())
    found.update(layout.lock.read_bytes())
    for name, path in sorted([*_files(service.directory), *_files(Path(__file__).parent)]):
        found.update(f"{name}\0{path.stat().st_size}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def copy(app: Path, project: Path, rendered: Mapping[str, str]) -> None:
    """Copy an app.

    Parameters
    ----------
    rendered
        Files of `.chalice` by name, which replace those in the checkout.
    """
    shutil.copytree(app, project, ignore=_IGNORED)
    for name, content in rendered.items():
        (project / ".chalice" / name).write_text(content)


def check_links(service: Service) -> None:
    """Check that every link in an app's `vendor` has a target.

    Raises
    ------
    ShopProblem
        If one does not.
    """
    for link in (service.directory / "vendor").glob("*"):
        if not link.exists():
            raise ShopProblem(
                f"vendor/{link.name} of {service.name} is a broken link.",
                f"Link it to libs/{link.name}/src/{link.name}.",
            )


def _files(directory: Path) -> Iterator[tuple[str, Path]]:
    for root, folders, files in os.walk(directory, followlinks=True):
        ignored = _IGNORED(root, [*folders, *files])
        folders[:] = sorted(set(folders) - ignored)
        for name in set(files) - ignored:
            path = Path(root, name)
            yield path.relative_to(directory).as_posix(), path
