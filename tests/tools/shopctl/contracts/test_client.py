"""The client's generated modules match the contract and cover it."""

import ast
import json
import shutil
from pathlib import Path

import pytest

from shopctl.contracts.check import check, release
from shopctl.contracts.client import models, operations
from shopctl.contracts.client.files import ASYNCHRONOUS, PACKAGE
from support.paths import DOCS, ROOT

DOCUMENT = json.loads((DOCS / "openapi/storefront_api.json").read_text())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a copy of what the client is generated from, and of the client."""
    for name in ("libs", "docs/openapi", PACKAGE):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "docs/asyncapi.json", tmp_path / "docs/asyncapi.json")
    for path in (ROOT / "apps").glob("*/service.toml"):
        (tmp_path / "apps" / path.parent.name).mkdir(parents=True)
        shutil.copy(path, tmp_path / "apps" / path.parent.name)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_outdated_module_is_reported_and_written(root: Path) -> None:
    package = root / PACKAGE
    # GIVEN a contract with a new field, an edited and a missing module, and a new method
    edit(
        root / "libs/contracts/src/contracts/storefront.py",
        "    receipt: bool\n",
        "    receipt: bool\n    gift: bool = False\n",
    )
    edit(package / "_resources.py", "    async def countries(", "    async def lands(")
    (package / "_operations.py").unlink()
    # WHEN the contracts are checked THEN each module is named with its first line that differs
    found = [finding for finding in check(root) if finding.path.is_relative_to(PACKAGE)]
    lines = (package / "models.py").read_text().splitlines()
    assert [(finding.path.name, finding.what.split(" ", 1)[1]) for finding in found] == [
        ("models.py", "does not match the contract."),
        ("_operations.py", "is missing."),
        ("_sync.py", "does not match the contract."),
    ]
    assert lines[found[0].line - 2] == "    receipt: bool"
    # AND --write updates them
    release(root)
    assert list(check(root)) == []
    assert "    gift: bool = False\n" in (package / "models.py").read_text()
    assert "    def lands(self)" in (package / "_sync.py").read_text()


def test_client_has_a_method_for_every_operation() -> None:
    tree = ast.parse(operations.source(DOCUMENT))
    generated = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    used = {
        node.attr
        for module in (*(f"{name}.py" for name in ASYNCHRONOUS), "_core.py")
        for node in ast.walk(ast.parse((ROOT / PACKAGE / module).read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "operations"
    }
    assert used == generated
    # the payment gateway calls the webhook
    every = [one["operationId"] for path in DOCUMENT["paths"].values() for one in path.values()]
    assert len(generated) == len(every) - 1


def test_responses_accept_unknown_values_and_requests_do_not() -> None:
    text = models.source(DOCUMENT)
    payment, image = (text.split(f"class {name}(")[1] for name in ("OrderPayment", "NewToyImage"))
    assert "\n    status: str\n" in payment
    assert '\n    content_type: Literal["image/gif", "image/jpeg", ' in image


def test_unrepeatable_operation_is_marked() -> None:
    text = operations.source(DOCUMENT)
    bodies = {part.split("(")[0]: part for part in text.split("\ndef ")[1:]}
    repeatable = {name for name, body in bodies.items() if "repeatable=True" in body}
    assert {"get_toy", "place_order", "pay_again", "cancel_order"} <= repeatable
    assert not {"sign_in", "create_toy", "replace_toy", "patch_toy", "delete_toy"} & repeatable
