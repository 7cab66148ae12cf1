"""Copies of the repository that tests may change."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Self

from shopctl.checking.repository import Repository
from shopctl.project.finding import Finding
from support.paths import APPS, ROOT

# everything that the checks read
PARTS = (
    "apps",
    "libs",
    "docs",
    "infra",
    "web/docs",
    "web/fonts",
    "web/vendor",
    "README.md",
    "stages.toml",
)
IGNORED = shutil.ignore_patterns("__pycache__", ".*_cache", "deployments", "fonts")


def copy_runnable(root: Path, *, apps: Path = APPS) -> None:
    """Copy what `./shop` needs, so that a test can run the commands of a changed checkout.

    Virtual environments and installed packages are shared with this checkout.

    Parameters
    ----------
    root
        Directory of the copy; must not exist.
    apps
        Directory with the apps of the copy.
    """
    root.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__", "deployments", "deployed")
    shutil.copytree(apps, root / "apps", symlinks=True, ignore=ignore)
    for part in ("clients", "libs", "tools", "infra", "requirements"):
        shutil.copytree(ROOT / part, root / part, symlinks=True, ignore=ignore)
    for part in ("shop", "stages.toml"):
        shutil.copy(ROOT / part, root / part)
    for part in ("web", ".venv"):
        (root / part).symlink_to(ROOT / part)
    (root / ".shop").mkdir()
    for part in (".shop/venvs", ".shop/dependencies"):
        (ROOT / part).mkdir(parents=True, exist_ok=True)
        (root / part).symlink_to(ROOT / part)


def _copy(source: str | Path, target: str | Path) -> None:
    """Copy a file, with a time of modification that any later change replaces."""
    shutil.copyfile(source, target)
    os.utime(target, (0, 0))


class CheckoutCopy:
    """A copy of the repository whose files a test may change.

    Parameters
    ----------
    root
        Directory of the copy.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._unchanged: dict[Path, tuple[int, str]] = {}

    @classmethod
    def create(cls, root: Path) -> Self:
        """Copy the parts of the repository that the checks read into a directory."""
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(
                    ROOT / part,
                    root / part,
                    symlinks=True,
                    ignore=IGNORED,
                    copy_function=_copy,
                )
            else:
                _copy(ROOT / part, root / part)
        copied = cls(root)
        copied._unchanged = dict(copied._entries())
        return copied

    def restore(self) -> None:
        """Undo all changes of files, which is much faster than another copy."""
        entries = dict(self._entries())
        for path in sorted(entries.keys() - self._unchanged.keys(), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        for path, entry in self._unchanged.items():
            if entries.get(path) != entry:
                self._restore(path)

    def _restore(self, path: Path) -> None:
        original = ROOT / path.relative_to(self.root)
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir() and not original.is_symlink():
            return
        elif path.exists():
            path.rmdir()
        if original.is_symlink():
            path.symlink_to(original.readlink())
        elif original.is_dir():
            path.mkdir()
        else:
            _copy(original, path)

    def _entries(self) -> Iterator[tuple[Path, tuple[int, str]]]:
        """Yield everything in the copy, parents first, with what changes when it is written."""
        for folder, folders, files in os.walk(self.root):
            for name in (*folders, *files):
                path = Path(folder, name)
                if path.is_symlink():
                    yield path, (0, str(path.readlink()))
                else:
                    yield path, (0, "/") if path.is_dir() else (path.stat().st_mtime_ns, "")

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace the first occurrence of a text that the file must contain."""
        file = self.root / path
        text = file.read_text()
        assert old in text, f"{path} does not contain {old!r}"
        file.write_text(text.replace(old, new, 1))

    def append(self, path: str, text: str) -> int:
        """Append a text to a file and return the number of its first line."""
        file = self.root / path
        before = file.read_text()
        file.write_text(before + text)
        return before.count("\n") + 1

    def line_of(self, path: str, text: str) -> int:
        """Return the number of the first line that contains a text."""
        lines = (self.root / path).read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)

    def findings(self, rule: ModuleType) -> list[Finding]:
        """Return the findings of a rule, sorted."""
        found: Iterator[Finding] = rule.check(Repository(self.root))
        return sorted(found)

    def only(self, rule: ModuleType) -> Finding:
        """Return the finding of a rule that must have exactly one."""
        found = self.findings(rule)
        assert len(found) == 1, [str(finding) for finding in found]
        assert found[0].what.endswith((".", "…"))
        assert found[0].remedy.endswith(".")
        return found[0]
