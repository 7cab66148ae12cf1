"""Generates the OpenAPI and AsyncAPI documents of a checkout.

``documents`` runs this module as a process of its own, so that it imports the contracts of the
given checkout and not those that the tools have already imported.
"""

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from chassis.openapi import document
from contracts.health import HEALTH
from contracts.reference import PRIVATE_SERVER, Reference, undescribed
from shopctl.contracts import asyncapi
from shopctl.project import manifest
from shopctl.project.errors import ShopProblem
from shopctl.project.manifest import Manifest

# the stage of API Gateway, which is part of every API's path
SERVER = "/api"


def generate(apps: Path) -> dict[str, dict[str, Any]]:
    """Generate all documents, by path below ``docs``.

    Parameters
    ----------
    apps
        The directory of the apps, whose manifests declare APIs, emitted and consumed events.

    Raises
    ------
    ShopProblem
        If a manifest cannot be read.
    """
    manifests = [manifest.read(path) for path in sorted(apps.glob("*/service.toml"))]
    documents = {
        f"openapi/{service.name}.json": _openapi(service) for service in manifests if service.api
    }
    return documents | {"asyncapi.json": asyncapi.document(manifests)}


def _openapi(service: Manifest) -> dict[str, Any]:
    contract = importlib.import_module(service.api)
    operations = contract.OPERATIONS
    if service.visibility == "private":
        operations = (*operations, HEALTH)
    module = f"contracts.reference.{service.api.rpartition('.')[2]}"
    if importlib.util.find_spec(module):
        found: Reference = importlib.import_module(module).REFERENCE
    else:
        title = f"Toy shop: {service.name}"
        found = undescribed(title, f"{service.purpose}.", PRIVATE_SERVER, operations)
    return document(found, operations, server=SERVER)


if __name__ == "__main__":
    try:
        json.dump(generate(Path(sys.argv[1])), sys.stdout)
    except ShopProblem as problem:
        sys.exit(problem.what)
