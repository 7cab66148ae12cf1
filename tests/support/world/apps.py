"""Loads the shop's apps as Lambda does, once per test process, and invokes their APIs."""

import importlib.util
import json
import os
import re
import sys
import time
from functools import cache
from io import StringIO
from types import ModuleType
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import msgspec
import yaml

from chalicelib.payments.receipts import Seller
from chassis import client, log, transport
from chassis.breaker import Breaker
from chassis.retry import RetryPolicy
from contracts.payments import PaymentOutcome
from support.paths import ROOT

SERVICES = ("orders", "payments", "file_manager", "notifications", "toys", "storefront_api")

CREDENTIALS = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "000000000000",
    "AWS_SECRET_ACCESS_KEY": "local",
}
"""What calls are signed with; in the environment of each world."""
BREAKERS: list[Breaker] = []
"""The circuit breakers of all apps; they are closed when a world is entered."""

SIGNED_IN_USER = {"sub": "cus_1", "groups": "staff"}
"""What the storefront's authorizer returns; the private services ignore it."""

_URL = re.compile(r"/restapis/toyshop-local-([a-z-]+)/api/_user_request_(/.*)")


class Answer(NamedTuple):
    """The answer of a service's API."""

    status: int
    headers: dict[str, str]
    data: bytes


@cache
def load_app(service: str) -> ModuleType:
    """Return a service's ``app.py``, loaded with the environment of stage ``local``."""
    folder = ROOT / "apps" / service
    config = json.loads((folder / ".chalice/config.json").read_text())
    before = dict(os.environ)
    os.environ.update(config["stages"]["local"]["environment_variables"], LOG_LEVEL="ERROR")
    del os.environ["AWS_ENDPOINT_URL"]
    try:
        spec = importlib.util.spec_from_file_location(
            f"{service}_in_simulated_world", folder / "app.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        with (
            mock.patch("chalicelib.payments.bootstrap.render_receipt", stub_document),
            mock.patch("chalicelib.payments.bootstrap.render_credit_note", stub_document),
            mock.patch.object(client, "Breaker", _breaker),
            mock.patch.object(client, "RetryPolicy", return_value=RetryPolicy(base_delay=0.0)),
            mock.patch.object(transport, "connection_pool", return_value=CONNECTIONS),
        ):
            spec.loader.exec_module(module)
    finally:
        os.environ.clear()
        os.environ.update(before)
    log.configure("world", "local", "ERROR", out=_NullWriter())
    return module


def _breaker(downstream: str) -> Breaker:
    # a lambda, because time-machine replaces time.time
    breaker = Breaker(downstream, clock=lambda: time.time())
    BREAKERS.append(breaker)
    return breaker


class Connections:
    """The HTTP connections of all apps, forwarded to the connections of the current world."""

    current: transport.Http

    def request(self, *arguments: Any, **keywords: Any) -> transport.Response:
        """Send a request in the current world."""
        return self.current.request(*arguments, **keywords)


CONNECTIONS = Connections()


class _NullWriter(StringIO):
    def write(self, text: str) -> int:
        return len(text)


def stub_document(outcome: PaymentOutcome, number: str = "", *, seller: Seller) -> bytes:
    """Return a stub of a receipt or credit note; a real one takes longer than many scenarios."""
    return b"%PDF-1.7 " + msgspec.json.encode(outcome) + b" %%EOF"


@cache
def read_template(service: str, name: str) -> dict[str, Any]:
    """Read ``resources.yaml`` or ``delivery.yaml`` of a service."""
    template: dict[str, Any] = yaml.safe_load((ROOT / "apps" / service / name).read_text())
    return template


def parse_url(url: str) -> tuple[str, str]:
    """Return the service, and the path with the query, of an API's URL in stage ``local``."""
    parts = urlsplit(url)
    match = _URL.fullmatch(parts.path)
    assert match is not None, url
    return match[1].replace("-", "_"), urlunsplit(("", "", match[2], parts.query, ""))


def invoke_api(
    service: str, method: str, path: str, body: bytes, headers: dict[str, str]
) -> Answer:
    """Invoke a service's API as API Gateway does."""
    app = load_app(service).app
    parts = urlsplit(path)
    resource, values = _match_route(app, method, parts.path)
    response = app(
        {
            "requestContext": {
                "resourcePath": resource,
                "httpMethod": method,
                "authorizer": SIGNED_IN_USER,
            },
            "multiValueQueryStringParameters": parse_qs(parts.query) or None,
            "pathParameters": values,
            "stageVariables": None,
            "headers": headers,
            "body": body.decode(),
            "isBase64Encoded": False,
        },
        None,
    )
    return Answer(response["statusCode"], response["headers"], (response["body"] or "").encode())


def _match_route(app: Any, method: str, path: str) -> tuple[str, dict[str, str]]:
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
