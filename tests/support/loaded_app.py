"""Whole apps that run in the test's process, with moto as AWS."""

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from chalice.test import Client

from support.moto_aws import create_resources, create_resources_moto_lacks
from support.paths import APPS
from support.recorded_permissions import recorded

LoadApp = Callable[..., ModuleType]


@pytest.fixture
def load_app(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoadApp]:
    """Return a function that creates a service's resources and imports its app.

    Its environment is the stage ``local`` as it is committed, without the payment gateway, changed
    by keyword arguments. In the end, its functions must have called nothing that their policies
    do not allow.
    """
    loaded: list[str] = []

    def load(service: str, **environ: str) -> ModuleType:
        folder = APPS / service
        config = json.loads((folder / ".chalice/config.json").read_text())
        variables = config["stages"]["local"]["environment_variables"]
        if "STRIPE_API_BASE" in variables:
            # no gateway, rather than that of a shop which runs on this machine
            variables["STRIPE_API_BASE"] = "http://127.0.0.1:9"
        variables |= environ
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        create_resources(service)
        create_resources_moto_lacks(service, "local")
        name = f"{service}_app"
        spec = importlib.util.spec_from_file_location(name, folder / "app.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        loaded.append(service)
        return module

    with recorded(monkeypatch) as calls:
        yield load
    assert calls.beyond(loaded) == set(), "no policy allows this"


class Api:
    """Calls an app's API like an HTTP client.

    Parameters
    ----------
    app
        The Chalice app.
    """

    def __init__(self, app: Any) -> None:
        self._client = Client(app)

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        """Call the API and return Chalice's response; a body that is not bytes is sent as JSON."""
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        return self._client.http.request(method, path, headers=sent, body=body or b"")


@pytest.fixture
def api_of() -> Callable[[ModuleType], Api]:
    """Return a function that returns the API of a loaded app."""
    return lambda module: Api(module.app)
