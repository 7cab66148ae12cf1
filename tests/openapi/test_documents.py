"""Every app behaves as its OpenAPI document says, for generated valid and invalid requests."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from chalicelib.storefront_api.bootstrap import build
from contracts.storefront import NewSession
from shopctl.project import services
from support.moto_aws import client_of
from support.openapi.wsgi import served
from support.paths import APPS, ROOT, TESTS
from support.storefront import PASSWORD, PublishedKeys

CONFIG = Path(__file__).parent / "schemathesis.toml"
SIGNED = "signed by an allowed role"
# each after the services that it calls
PRIVATE = [service.name for service in services.load(APPS) if not service.is_public]


def findings(service: str, url: str, authorization: str) -> str:
    """Run schemathesis on a service; return its report if an answer violates the document."""
    result = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"),
            *("--header", f"Authorization: {authorization}"),
            *(str(ROOT / f"docs/openapi/{service}.json"), "--url", url),
        ],
        capture_output=True,
        text=True,
        timeout=900,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        check=False,
    )
    return "" if result.returncode == 0 else result.stdout + result.stderr


@pytest.fixture
def serve(load_app: Callable[..., ModuleType]) -> Iterator[Callable[..., str]]:
    """Return a function that serves a private service and returns its URL."""
    with ExitStack() as running:

        def start(service: str, **environ: str) -> str:
            return running.enter_context(served(load_app(service, **environ).app, SIGNED))

        yield start


@pytest.mark.parametrize("service", PRIVATE)
def test_private_api_behaves_as_documented(serve: Any, service: str) -> None:
    found = findings(service, serve(service), SIGNED)
    assert not found, found


def test_public_api_behaves_as_documented(load_app: Callable[..., ModuleType]) -> None:
    with ExitStack() as running:
        # GIVEN the storefront with all services behind it, and a staff member
        urls: dict[str, str] = {}
        for service in PRIVATE:
            module = load_app(service, **urls)
            urls[f"{service.upper()}_URL"] = running.enter_context(served(module.app))
        module = load_app("storefront_api", **urls)
        token = staff_of(module)
        found = findings(
            "storefront_api", running.enter_context(served(module.app)), f"Bearer {token}"
        )
    assert not found, found


def staff_of(module: ModuleType) -> str:
    """Make the storefront use the user pool of this test; return the token of a staff member."""
    cognito = client_of("cognito-idp")
    pool_id = cognito.list_user_pools(MaxResults=1)["UserPools"][0]["Id"]
    (client,) = cognito.list_user_pool_clients(UserPoolId=pool_id)["UserPoolClients"]
    settings = msgspec.structs.replace(
        module.settings,
        user_pool_id=pool_id,
        user_pool_client_id=client["ClientId"],
        token_issuer=f"https://cognito-idp.us-east-1.amazonaws.com/{pool_id}",
    )
    shop = build(settings, keys=PublishedKeys())
    module.components = module.app.components = shop  # type: ignore[attr-defined]
    new = {"email": "staff@example.com", "password": PASSWORD, "name": "Staff"}
    shop.users.sign_up(new)
    cognito.admin_add_user_to_group(UserPoolId=pool_id, Username=new["email"], GroupName="staff")
    del new["name"]
    return shop.users.sign_in(NewSession(**new)).access_token
