"""The generated files of the client, and whether the committed ones match the contract."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from shopctl.contracts.client import models, operations, synchronous
from shopctl.contracts.documents import Documents, Drift, first_difference

PACKAGE = "clients/python/src/toyshop_client"
ASYNCHRONOUS = ("_catalogue", "_orders", "_resources")
"""The modules with the asynchronous classes."""
_DOCUMENT = "openapi/storefront_api.json"


def generated(root: Path, documents: Documents) -> Mapping[str, str]:
    """Generate the files, by path relative to the checkout; none if it has no client."""
    if not (root / PACKAGE).exists():
        return {}
    document = documents[_DOCUMENT]
    modules = {
        name: (root / PACKAGE / f"{name}.py").read_text(encoding="utf-8") for name in ASYNCHRONOUS
    }
    return {
        f"{PACKAGE}/models.py": models.source(document),
        f"{PACKAGE}/_operations.py": operations.source(document),
        f"{PACKAGE}/_sync.py": synchronous.source(modules),
    }


def drifts(root: Path, documents: Documents) -> Iterator[Drift]:
    """Yield the committed files that differ from the generated ones."""
    for name, text in generated(root, documents).items():
        path = root / name
        if not path.exists():
            yield Drift(name, 1, "is missing")
        elif line := first_difference(path.read_text(encoding="utf-8"), text):
            yield Drift(name, line, "does not match the contract")


def write(root: Path, documents: Documents) -> None:
    """Write the files."""
    for name, text in generated(root, documents).items():
        (root / name).write_text(text, encoding="utf-8")
