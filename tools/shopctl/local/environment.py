"""Prepares this machine: virtual environments, ports, environment variables."""

import errno
import hashlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping

from filelock import FileLock

from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE")


def variables(**more: str) -> dict[str, str]:
    """Return the environment of a local process, without the developer's own AWS or Stripe keys.

    Parameters
    ----------
    **more
        Further variables.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # return memory to the system after packages and images have been written
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": "131072",
        **more,
    }


def check_ports(ports: Mapping[str, int]) -> None:
    """Verify that the ports are free.

    Parameters
    ----------
    ports
        The ports, each by the option of `./shop up` that changes it.

    Raises
    ------
    ShopProblem
        If one is taken.
    """
    if len(set(ports.values())) < len(ports):
        raise ShopProblem(
            "Two of the shop's ports are the same.",
            f"Choose different ones with {', '.join(ports)}.",
        )
    for option, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                probe.listen()
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                raise ShopProblem(
                    f"Port {port} is used by another program.",
                    f"Stop that program, or choose another port: ./shop up {option} {port + 1}",
                ) from None


def prepare_aws(layout: Layout) -> bool:
    """Install the embedded AWS into a virtual environment of its own, if its pins have changed.

    Returns
    -------
    bool
        Whether anything had to be installed.

    Raises
    ------
    ShopProblem
        If the installation fails.
    """
    return prepare(layout, "aws", "The embedded AWS")


def prepare(layout: Layout, name: str, what: str) -> bool:
    """Install `requirements/<name>.txt` into a virtual environment, if the file has changed.

    Parameters
    ----------
    name
        The requirements file's and the environment's name.
    what
        What is being installed, as the subject of an error message.

    Returns
    -------
    bool
        Whether anything had to be installed.

    Raises
    ------
    ShopProblem
        If the installation fails.
    """
    requirements = layout.root / "requirements" / f"{name}.txt"
    python = layout.python_of(name)
    directory = python.parents[1]
    stamp = directory / "installed"
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    directory.parent.mkdir(parents=True, exist_ok=True)
    # two commands of one checkout may need the same environment at once
    with FileLock(directory.with_suffix(".lock")):
        # after an upgrade of Python the environment's link to it can be broken
        if python.exists() and stamp.exists() and stamp.read_text() == digest:
            return False
        shutil.rmtree(directory, ignore_errors=True)
        _uv(what, "venv", "--python", sys.executable, str(directory))
        install = ["pip", "install", "--require-hashes", "-r", str(requirements)]
        _uv(what, *install, "--python", str(python))
        stamp.write_text(digest)
        return True


def _uv(what: str, *arguments: str) -> None:
    from uv import find_uv_bin

    done = subprocess.run(
        [find_uv_bin(), "--quiet", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ShopProblem(
            f"{what} cannot be installed: {' '.join(done.stderr.split())[-400:]}",
            "Check the connection to the package index and run the command again.",
        )
