"""Installs what `./shop` needs, when several processes of the tests start it at once."""

import os
import subprocess
import tempfile
from pathlib import Path

from filelock import FileLock

from support.paths import ROOT, TOOLS

PREPARE_AWS = """
from shopctl.local import environment
from shopctl.project.layout import Layout
environment.prepare_aws(Layout.find())
"""


def install_tools() -> None:
    """Create the virtual environments of the tools and of the embedded AWS, if they are absent.

    They are created with the tools' Python, as the tests' environments have no installer.
    """
    with FileLock(Path(tempfile.gettempdir(), "toyshop-tests-installation.lock")):
        subprocess.run([str(ROOT / "shop"), "--help"], check=True, capture_output=True)
        python = str(ROOT / ".venv" / "bin" / "python")
        environment = {**os.environ, "PYTHONPATH": str(TOOLS)}
        subprocess.run([python, "-c", PREPARE_AWS], check=True, env=environment)
