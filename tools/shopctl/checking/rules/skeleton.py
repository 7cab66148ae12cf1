"""All apps have the same files and folders."""

from collections.abc import Iterator
from pathlib import Path

from shopctl.checking.repository import Repository
from shopctl.checking.service_source import ServiceSource
from shopctl.project.finding import Finding

_FILES = (
    "app.py",
    "delivery.yaml",
    "README.md",
    "requirements.txt",
    "resources.yaml",
    "service.toml",
    ".chalice/config.json",
)
_FOLDERS = (".chalice", "chalicelib", "vendor")
_LIBS = ("chassis", "contracts")
# created by tools and not under version control
_IGNORED = ("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".DS_Store")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield files that an app lacks, and files that no other app has."""
    for directory in sorted(repository.apps.iterdir()):
        if directory.is_dir() and directory.name not in repository.services:
            yield repository.finding(
                directory, 1, "This app has no service.toml.", "Create it, or delete the folder."
            )
    for service in repository.services.values():
        for name in _required(service):
            if not (service.directory / name).is_file():
                yield repository.finding(
                    service.directory / name, 1, f"{service.name} lacks {name}.", "Create it."
                )
        yield from _links(repository, service)
        yield from _unexpected(repository, service)


def _required(service: ServiceSource) -> Iterator[str]:
    package = f"chalicelib/{service.name}"
    yield from _FILES
    yield f"{package}/bootstrap.py"
    if service.manifest.owns.tables:
        yield f"{package}/domain.py"
        yield f"{package}/store.py"
    if service.manifest.events.emits:
        yield f"{package}/events.py"


def _links(repository: Repository, service: ServiceSource) -> Iterator[Finding]:
    for lib in _LIBS:
        link, target = service.directory / "vendor" / lib, f"../../../libs/{lib}/src/{lib}"
        if not link.is_symlink() or link.readlink() != Path(target):
            yield repository.finding(
                link,
                1,
                f"The package of {service.name} does not contain {lib}.",
                f"Link vendor/{lib} to {target}.",
            )


def _unexpected(repository: Repository, service: ServiceSource) -> Iterator[Finding]:
    known = {*_FILES, *_FOLDERS, *_IGNORED}
    extra = [path for path in service.directory.iterdir() if path.name not in known]
    extra += [
        path
        for path in (service.directory / "chalicelib").glob("*")
        if path.name not in (service.name, *_IGNORED)
    ]
    for path in sorted(extra):
        yield repository.finding(
            path, 1, f"No other app has {path.name} here.", "Move it into the app's own package."
        )
