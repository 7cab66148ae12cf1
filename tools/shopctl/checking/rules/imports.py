"""No app imports another app, libs import no app, and contracts import nothing but types.

import-linter can say this for packages, but the apps' entry points are six modules of one name,
and its findings have no line to jump to; the syntax trees are here anyway.
"""

import sys
from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.project.finding import Finding

_TOOLS = ("shopctl", "gateway_simulator", "tests")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield imports that cross a border."""
    for app in repository.apps.values():
        own = f"chalicelib.{app.name}"
        for module in app.modules:
            for item in module.imports:
                if item.is_in("chalicelib") and not item.is_in(own):
                    other = item.target.split(".")[1]
                    yield repository.finding(
                        module.path,
                        item.line,
                        f"{app.name} imports {item.target}, which belongs to {other}.",
                        f"Call the API of {other} or listen to its events instead.",
                    )
                elif any(item.is_in(tool) for tool in _TOOLS):
                    yield repository.finding(
                        module.path,
                        item.line,
                        f"{app.name} imports {item.target}, which no function ships.",
                        "Move what it needs into the app.",
                    )
    for module in (*repository.contracts, *repository.chassis):
        for item in module.imports:
            if item.is_in("chalicelib") or item.is_in("app"):
                yield repository.finding(
                    module.path,
                    item.line,
                    f"{module.name} imports {item.target}, a part of an app.",
                    "Hand it in from the app's bootstrap.",
                )
    for module in repository.contracts:
        for item in module.imports:
            root = item.target.split(".")[0]
            if root not in {"contracts", "msgspec", *sys.stdlib_module_names}:
                yield repository.finding(
                    module.path,
                    item.line,
                    f"{module.name} imports {item.target}; contracts are types alone.",
                    "Move what needs it to the chassis.",
                )
