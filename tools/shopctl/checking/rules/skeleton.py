"""The apps have one skeleton: who knows one finds everything in the others."""

from collections.abc import Iterator
from pathlib import Path

from shopctl.checking.repository import App, Repository
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
# made by tools, and not in version control
_IGNORED = ("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".DS_Store")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield files that are missing in an app, and those that no other app has."""
    for directory in sorted((repository.root / "apps").iterdir()):
        if directory.is_dir() and directory.name not in repository.apps:
            yield repository.finding(
                directory, 1, "This app has no service.toml.", "Write one, or delete the folder."
            )
    for app in repository.apps.values():
        for name in _wanted(app):
            if not (app.directory / name).is_file():
                yield repository.finding(
                    app.directory / name, 1, f"{app.name} lacks {name}.", "Write it."
                )
        yield from _links(repository, app)
        yield from _surplus(repository, app)


def _wanted(app: App) -> Iterator[str]:
    package = f"chalicelib/{app.name}"
    yield from _FILES
    yield f"{package}/bootstrap.py"
    if app.manifest.owns.tables:
        yield f"{package}/domain.py"
        yield f"{package}/store.py"
    if app.manifest.events.emits:
        yield f"{package}/events.py"


def _links(repository: Repository, app: App) -> Iterator[Finding]:
    for lib in _LIBS:
        link, target = app.directory / "vendor" / lib, f"../../../libs/{lib}/src/{lib}"
        if not link.is_symlink() or link.readlink() != Path(target):
            yield repository.finding(
                link, 1, f"{app.name} does not ship {lib}.", f"Link vendor/{lib} to {target}."
            )


def _surplus(repository: Repository, app: App) -> Iterator[Finding]:
    known = {*_FILES, *_FOLDERS, *_IGNORED}
    extra = [path for path in app.directory.iterdir() if path.name not in known]
    extra += [
        path
        for path in (app.directory / "chalicelib").glob("*")
        if path.name not in (app.name, *_IGNORED)
    ]
    for path in sorted(extra):
        yield repository.finding(
            path, 1, f"No other app has {path.name} here.", "Move it into the app's own package."
        )
