"""The commands in the documents work when they are pasted unchanged."""

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from support.http import http
from support.paths import ROOT
from support.ports import free_port
from support.running_shop import Shop
from support.waiting import eventually

README = (ROOT / "README.md").read_text()


def blocks(text: str) -> list[str]:
    """Return the shell blocks of a Markdown text."""
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


def test_readme_commands_place_the_first_order(shop: Shop) -> None:
    section = README.split("## The first order")[1].split("\n## ")[0]
    commands = blocks(section)
    assert len(commands) == 3
    script = "set -eu\n" + "\n".join(commands)
    result = subprocess.run(
        ["sh", "-c", script.replace("http://127.0.0.1:8000", shop.origin)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    match = re.search(r'"id":"(ord_[^"]+)"', result.stdout)
    assert match, result.stdout
    shop.wait_for_emails(match[1], 1)
    assert shop.ledger_of(match[1]) == [("charge", "succeeded")]


def test_curl_command_printed_by_up_works(shop: Shop) -> None:
    (command,) = re.findall(r"^\s*(curl .*)$", shop.up_output, re.MULTILINE)
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert '"items":[{' in result.stdout


@pytest.mark.parametrize("app", sorted(path.parent.name for path in ROOT.glob("apps/*/app.py")))
def test_chalice_local_serves_each_app_against_the_running_shop(
    shop: Shop, app: str, tmp_path: Path
) -> None:
    # GIVEN the app's folder, whose stage `local` uses this shop's ports
    folder = tmp_path / "apps" / app
    shutil.copytree(ROOT / "apps" / app, folder, symlinks=True)
    (tmp_path / "libs").symlink_to(ROOT / "libs")
    config = folder / ".chalice" / "config.json"
    text = config.read_text()
    for usual, here in ((4566, shop.aws_port), (12111, shop.gateway_port), (8000, shop.port)):
        text = text.replace(f"127.0.0.1:{usual}", f"127.0.0.1:{here}")
    config.write_text(text)
    # WHEN it is served as described in the README
    port = free_port()
    process = subprocess.Popen(
        [str(ROOT / ".venv/bin/chalice"), "local", "--stage", "local", "--port", str(port)],
        cwd=folder,
        stdout=(log := (tmp_path / "log").open("w")),
        stderr=subprocess.STDOUT,
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    origin = f"http://127.0.0.1:{port}"

    def answers() -> int:
        assert process.poll() is None, (tmp_path / "log").read_text()
        try:
            return http("GET", f"{origin}/health").status
        except OSError:
            return 0

    # THEN it answers with the items of the shop's tables
    try:
        assert eventually(answers, 30) == 200
        if app == "orders":
            orders = http("GET", f"{origin}/orders?limit=100").json["items"]
            assert {order["id"] for order in orders} <= set(shop.items("orders"))
            assert orders
        if app == "storefront_api":
            assert http("GET", f"{origin}/toys?limit=1").json["items"]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=10)
        log.close()
