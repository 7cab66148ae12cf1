"""Where things are: the checkout, its apps, and the directory that the shop keeps."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The directories of one checkout and of the shop that runs from it.

    Attributes
    ----------
    root
        The checkout.
    home
        Where the shop keeps its state, logs and builds.
    apps
        One directory per service.
    stages
        The file that lists the stages.
    """

    root: Path
    home: Path
    apps: Path
    stages: Path = Path("stages.toml")

    @classmethod
    def find(cls) -> "Layout":
        """Locate the checkout of this file; ``SHOP_HOME`` and so on override the rest."""
        root = Path(os.environ.get("SHOP_ROOT") or Path(__file__).resolve().parents[3])
        home = Path(os.environ.get("SHOP_HOME") or root / ".shop").absolute()
        apps = Path(os.environ.get("SHOP_APPS") or root / "apps").absolute()
        stages = Path(os.environ.get("SHOP_STAGES") or root / "stages.toml").absolute()
        return cls(root=root, home=home, apps=apps, stages=stages)

    @property
    def state(self) -> Path:
        """The file that lists the running processes."""
        return self.home / "state.json"

    @property
    def logs(self) -> Path:
        """One log file per process and per function."""
        return self.home / "logs"

    @property
    def mail(self) -> Path:
        """One file per e-mail that was sent."""
        return self.home / "mail"

    @property
    def build(self) -> Path:
        """What each service deploys."""
        return self.home / "build"

    @property
    def lock(self) -> Path:
        """The versions and hashes of the tools, and of everything that the apps ship."""
        return self.root / "requirements" / "tools.txt"

    @property
    def aws_python(self) -> Path:
        """The Python that runs the embedded AWS and the functions in it."""
        return self.python_of("aws")

    def python_of(self, name: str) -> Path:
        """Return the Python of the virtual environment with `requirements/<name>.txt`."""
        return self.root / ".shop" / "venvs" / name / "bin" / "python"

    @property
    def dependencies(self) -> Path:
        """Installed packages of the apps; shops beside each other share them."""
        return self.root / ".shop" / "dependencies"

    @property
    def infra(self) -> Path:
        """The templates of what no single service owns."""
        return self.apps.parent / "infra"

    @property
    def tools(self) -> Path:
        """The directory that the tools' packages are imported from."""
        return self.root / "tools"
