"""The shop's own code, once per process of the tests: apps as Lambda loads them."""

import importlib.util
import json
import os
import re
import sys
import time
from functools import cache
from io import StringIO
from types import ModuleType
from typing import Any
from unittest import mock
from urllib.parse import unquote, urlsplit

import msgspec
import yaml

from chassis import client, log, transport
from chassis.breaker import Breaker
from chassis.retry import RetryPolicy
from contracts.payments import PaymentOutcome
from support.paths import ROOT

SERVICES = ("orders", "payments", "file_manager", "notifications", "toys", "storefront_api")

_CREDENTIALS = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "000000000000",
    "AWS_SECRET_ACCESS_KEY": "local",
}
BREAKERS: list[Breaker] = []
"""Of all neighbours; closed when a world begins."""

PERSON = {"sub": "cus_1", "groups": "staff"}
"""Who is signed in, as the storefront's authorizer says it; the private services do not look."""

_URL = re.compile(r"/restapis/toyshop-local-([a-z-]+)/api/_user_request_(/.*)")


@cache
def app_of(service: str) -> ModuleType:
    """Return a service's ``app.py``, loaded with the environment of the stage ``local``."""
    folder = ROOT / "apps" / service
    config = json.loads((folder / ".chalice/config.json").read_text())
    before = dict(os.environ)
    os.environ.update(config["stages"]["local"]["environment_variables"], LOG_LEVEL="ERROR")
    del os.environ["AWS_ENDPOINT_URL"]
    try:
        spec = importlib.util.spec_from_file_location(f"{service}_in_the_world", folder / "app.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        with (
            mock.patch("chalicelib.payments.bootstrap.print_receipt", quick_receipt),
            mock.patch.object(client, "Breaker", _breaker),
            mock.patch.object(client, "RetryPolicy", return_value=RetryPolicy(base_delay=0.0)),
            mock.patch.object(transport, "connection_pool", return_value=CONNECTIONS),
        ):
            spec.loader.exec_module(module)
    finally:
        os.environ.clear()
        os.environ.update(before)
    log.configure("world", "local", "ERROR", out=_Nowhere())
    # Clients are made, and calls signed, when they are first needed.
    os.environ.update(_CREDENTIALS)
    return module


def _breaker(neighbour: str) -> Breaker:
    breaker = Breaker(neighbour, clock=lambda: time.time())  # the world's time, not the machine's
    BREAKERS.append(breaker)
    return breaker


class Connections:
    """The HTTP connections of all apps; the present world carries out their requests."""

    present: transport.Http

    def request(self, *arguments: Any, **keywords: Any) -> transport.Response:
        """Send a request in the present world."""
        return self.present.request(*arguments, **keywords)


CONNECTIONS = Connections()


class _Nowhere(StringIO):
    def write(self, text: str) -> int:
        return len(text)


def quick_receipt(outcome: PaymentOutcome) -> bytes:
    """Print a receipt in no time (the real one takes longer than the rest of a story)."""
    return b"%PDF-1.7 " + msgspec.json.encode(outcome) + b" %%EOF"


@cache
def template_of(service: str, name: str) -> dict[str, Any]:
    """Return ``resources.yaml`` or ``delivery.yaml`` of a service."""
    template: dict[str, Any] = yaml.safe_load((ROOT / "apps" / service / name).read_text())
    return template


def place_of(url: str) -> tuple[str, str]:
    """Return the service and the path that a URL of the stage ``local`` means."""
    match = _URL.fullmatch(urlsplit(url).path)
    assert match is not None, url
    return match[1].replace("-", "_"), match[2]


def invoke(
    service: str, method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    """Have a service's API answer a request, as API Gateway does."""
    app = app_of(service).app
    resource, values = _resource(app, method, path)
    answer = app(
        {
            "requestContext": {
                "resourcePath": resource,
                "httpMethod": method,
                "authorizer": PERSON,
            },
            "multiValueQueryStringParameters": None,
            "pathParameters": values,
            "stageVariables": None,
            "headers": headers,
            "body": body.decode(),
            "isBase64Encoded": False,
        },
        None,
    )
    return answer["statusCode"], answer["headers"], (answer["body"] or "").encode()


def _resource(app: Any, method: str, path: str) -> tuple[str, dict[str, str]]:
    parts = path.split("/")
    for resource, methods in app.routes.items():
        template = resource.split("/")
        if method not in methods or len(template) != len(parts):
            continue
        pairs = list(zip(template, parts, strict=True))
        if all(name.startswith("{") or name == part for name, part in pairs):
            return resource, {
                name[1:-1]: unquote(part) for name, part in pairs if name.startswith("{")
            }
    raise AssertionError(f"no route {method} {path}")
