"""Linters report nothing about the documents, and client generators accept them.

``./shop test -e documents`` installs the tools.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NODE = Path(__file__).with_name("node")
DOCS = Path(__file__).parents[2] / "docs"
STOREFRONT = DOCS / "openapi/storefront_api.json"
DOCUMENTS = [str(path) for path in (*sorted(DOCS.glob("openapi/*.json")), DOCS / "asyncapi.json")]
ENVIRON = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def output(*command: str | Path, folder: Path = NODE) -> str:
    """Run a command, which must succeed, and return all its output."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=ENVIRON,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def tool(name: str) -> Path:
    """Return a program of the packages from npm."""
    return NODE / "node_modules/.bin" / name


def test_spectral_reports_nothing() -> None:
    severity = ("--fail-severity", "hint")
    output(tool("spectral"), "lint", "--ruleset", ".spectral.yaml", *severity, *DOCUMENTS)


def test_redocly_reports_nothing() -> None:
    found = output(tool("redocly"), "lint", "--format", "json", *DOCUMENTS)
    assert '"problems": []' in found
    assert '"warnings": 0' in found


def test_client_of_the_storefront_is_generated_for_typescript(tmp_path: Path) -> None:
    types = tmp_path / "api.d.ts"
    found = output(tool("openapi-typescript"), STOREFRONT, "--output", types)
    assert "warn" not in found.lower(), found
    output(tool("tsc"), "--strict", "--noEmit", types)
    assert "patchToy" in types.read_text()


def test_client_of_the_storefront_is_generated_for_python(tmp_path: Path) -> None:
    # its own formatting of the client needs ruff on the path
    config = tmp_path / "config.yaml"
    config.write_text("post_hooks: []\n")
    command = (sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none")
    client = tmp_path / "client"
    found = output(
        *command, "--path", STOREFRONT, "--output-path", client, "--config", config, folder=tmp_path
    )
    assert "warning" not in found.lower(), found
    generated = {path.stem for path in client.glob("api/*/*.py")}
    assert {"patch_toy", "receive_payment_webhook", "place_order"} <= generated


@pytest.fixture
def spoiled(tmp_path: Path) -> Path:
    """A document in which one operation has no description."""
    path = tmp_path / "spoiled.json"
    text = STOREFRONT.read_text()
    assert '"tags": [\n          "Orders"\n        ],' in text
    path.write_text(text.replace('"tags": [\n          "Orders"\n        ],', ""))
    return path


def test_a_fault_is_reported(spoiled: Path) -> None:
    with pytest.raises(AssertionError, match="operation-tags"):
        output(tool("spectral"), "lint", "--ruleset", ".spectral.yaml", "-F", "hint", spoiled)
