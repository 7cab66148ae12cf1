"""The payments service with Stripe's real client and the gateway simulator."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from chalicelib.payments.bootstrap import build
from gateway_simulator.client import ControlClient
from support.downstream import FakeDownstream
from support.gateway_dashboard import Dashboard
from support.paths import TOOLS
from support.payments import SECRET, archived


@pytest.fixture(scope="module")
def gateway_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state = tmp_path_factory.mktemp("gateway")
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway_simulator", "--port", "0", "--state", str(state)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(TOOLS), "PATH": ""},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    yield line.split(" on ")[1].split(",")[0]
    process.terminate()
    process.wait(timeout=10)
    process.stdout.close()


@pytest.fixture
def gateway(gateway_url: str) -> Iterator[ControlClient]:
    client = ControlClient(gateway_url)
    yield client
    client.clear_faults()


@pytest.fixture
def app(load_app: Callable[..., ModuleType], gateway_url: str, gateway: object) -> ModuleType:
    module = load_app("payments", STRIPE_API_BASE=gateway_url, STRIPE_WEBHOOK_SECRET=SECRET)
    module.file_manager = FakeDownstream(archiveDocument=archived)
    module.notifications = FakeDownstream(sendMessage=lambda _: None)
    module.components = build(
        module.settings, file_manager=module.file_manager, notifications=module.notifications
    )
    return module


@pytest.fixture
def api(app: ModuleType, api_of: Any) -> Any:
    return api_of(app)


@pytest.fixture
def dashboard(app: ModuleType, api: Any, gateway: ControlClient, gateway_url: str) -> Dashboard:
    return Dashboard(api, gateway, gateway_url)
