"""Copies of the repository that tests may change."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Self

from shopctl.checking.repository import Repository
from shopctl.project.finding import Finding
from support.paths import APPS, ROOT

# everything that the checks read
PARTS = ("apps", "libs", "docs", "infra", "README.md", "stages.toml")
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
    for part in ("libs", "tools", "infra", "requirements"):
        shutil.copytree(ROOT / part, root / part, symlinks=True, ignore=ignore)
    for part in ("shop", "stages.toml"):
        shutil.copy(ROOT / part, root / part)
    for part in ("web", ".venv"):
        (root / part).symlink_to(ROOT / part)
    (root / ".shop").mkdir()
    for part in (".shop/venvs", ".shop/dependencies"):
        (ROOT / part).mkdir(parents=True, exist_ok=True)
        (root / part).symlink_to(ROOT / part)


class CheckoutCopy:
    """A copy of the repository whose files a test may change.

    Parameters
    ----------
    root
        Directory of the copy.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

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
                    copy_function=shutil.copyfile,
                )
            else:
                shutil.copy(ROOT / part, root / part)
        return cls(root)

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
