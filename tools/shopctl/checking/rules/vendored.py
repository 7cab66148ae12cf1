"""Third-party files of the web page are unmodified and have a license."""

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shopctl.checking.repository import Repository
from shopctl.project import yaml_lines
from shopctl.project.finding import Finding

_FOLDERS = ("vendor", "fonts")
_LIST = "vendor/vendor.toml"
_TEXTS = ("name", "version", "license")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield third-party files that differ from those of their package, and unlisted files."""
    web = repository.root / "web"
    list_file = web / _LIST
    try:
        packages = tomllib.loads(list_file.read_text(encoding="utf-8")).get("package", [])
    except (OSError, ValueError) as error:
        yield repository.finding(
            list_file, 1, f"The list of vendored files cannot be read: {error}.", "Correct it."
        )
        return
    listed = {_LIST}
    for package in packages:
        yield from _incomplete(repository, list_file, package)
        for name, digest in package.get("files", {}).items():
            listed.add(name)
            if _sha256(web / name) != digest:
                yield repository.finding(
                    list_file,
                    yaml_lines.line_containing(list_file, f'"{name}"'),
                    f"web/{name} is not the file of {package.get('name')} that is listed.",
                    "Copy it from the package again, or list its new version and SHA-256.",
                )
    for path in sorted(path for folder in _FOLDERS for path in (web / folder).rglob("*")):
        if path.is_file() and path.relative_to(web).as_posix() not in listed:
            yield repository.finding(
                path,
                1,
                f"The origin of web/{path.relative_to(web).as_posix()} is unknown.",
                f"List it in web/{_LIST} with its package, or move it out of this folder.",
            )


def _incomplete(
    repository: Repository, list_file: Path, package: dict[str, Any]
) -> Iterator[Finding]:
    missing = [name for name in _TEXTS if not package.get(name)]
    if not any(Path(name).name == "LICENSE" for name in package.get("files", {})):
        missing.append("LICENSE file")
    if missing:
        yield repository.finding(
            list_file,
            yaml_lines.line_containing(list_file, f'"{package.get("name")}"'),
            f"The package {package.get('name')} has no {missing[0]}.",
            "Add what its publisher says.",
        )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
