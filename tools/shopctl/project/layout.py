"""The directories and files of a checkout and of the shop that runs from it."""

import os
from dataclasses import dataclass
from os.path import lexists
from pathlib import Path

from shopctl.project.errors import ShopProblem


@dataclass(frozen=True)
class Layout:
    """The directories and files of one checkout and of the shop that runs from it.

    Attributes
    ----------
    root
        The checkout.
    home
        Directory of the shop's state, logs and builds.
    """

    root: Path
    home: Path

    @classmethod
    def find(cls) -> "Layout":
        """Return the layout of the checkout that this file is in.

        The environment variable ``SHOP_HOME`` overrides the shop's home, `.shop` by default.

        Raises
        ------
        ShopProblem
            If the home is a file, or is below one.
        """
        root = Path(__file__).resolve().parents[3]
        layout = cls(root, Path(os.environ.get("SHOP_HOME") or root / ".shop").absolute())
        # not Path.exists, which fails where permissions are missing
        existing = next(path for path in (layout.home, *layout.home.parents) if lexists(path))
        if not existing.is_dir():
            raise layout.unusable_home(f"{existing} is not a directory")
        return layout

    def unusable_home(self, reason: str) -> ShopProblem:
        """Return the problem to raise if the home cannot be created or written."""
        return ShopProblem(
            f"SHOP_HOME={self.home} must be a directory that can be created and written: {reason}.",
            "Set SHOP_HOME to another directory, or unset it to use .shop in the checkout."
            if os.environ.get("SHOP_HOME")
            else "Set SHOP_HOME to another directory.",
        )

    @property
    def apps(self) -> Path:
        """One directory per service."""
        return self.root / "apps"

    @property
    def stages(self) -> Path:
        """The file with the stages."""
        return self.root / "stages.toml"

    @property
    def state(self) -> Path:
        """The file with the running processes."""
        return self.home / "state.json"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.home / "logs"

    @property
    def telemetry(self) -> Path:
        """The database of spans, functions' log lines and metric values."""
        return self.home / "telemetry.db"

    @property
    def mail(self) -> Path:
        """One file per email that was sent."""
        return self.home / "mail"

    @property
    def backups(self) -> Path:
        """One directory per stage, and in it one per backup."""
        return self.home / "backups"

    @property
    def gameday_backup(self) -> Path:
        """The last backup of the service that loses data on a game day."""
        return self.home / "gameday-backup"

    @property
    def build(self) -> Path:
        """Packages by stage, service and content, shared by all shops of the checkout."""
        return self.root / ".shop" / "build"

    @property
    def lock(self) -> Path:
        """Versions and hashes of the tools and of everything that the apps ship."""
        return self.root / "requirements" / "tools.txt"

    @property
    def aws_python(self) -> Path:
        """The Python of the embedded AWS and of the functions in it."""
        return self.python_of("aws")

    def python_of(self, name: str) -> Path:
        """Return the Python of the virtual environment with `requirements/<name>.txt`."""
        return self.root / ".shop" / "venvs" / name / "bin" / "python"

    @property
    def dependencies(self) -> Path:
        """Installed packages of the apps, shared by all shops of the checkout."""
        return self.root / ".shop" / "dependencies"

    @property
    def infra(self) -> Path:
        """Templates of the infrastructure that belongs to no service."""
        return self.root / "infra"

    @property
    def tools(self) -> Path:
        """The directory that the tools' packages are imported from."""
        return self.root / "tools"
