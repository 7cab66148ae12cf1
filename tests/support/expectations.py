"""What services expect of each other: the calls and events that the contract tests try.

A test names its expectation with a decorator. ``declared_calls`` and ``declared_events`` read the
decorators of all contract tests, so that a manifest without a test is found.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import TypeVar

import pytest
from chalice.test import Client
from urllib3 import HTTPHeaderDict

from chassis import client, transport
from chassis.client import ServiceClient
from chassis.retry import RetryPolicy
from support.http import WireAnswer
from support.paths import TESTS

WEBHOOK_SECRET = "whsec_of_the_tests"
_ORIGIN = "http://127.0.0.1:4566/restapis/toyshop-local-{}/api/_user_request_"

Test = TypeVar("Test", bound=Callable[..., None])


def expects(consumer: str, provider: str, *operations: str) -> Callable[[Test], Test]:
    """Mark a test of what a service expects of operations of another one."""
    return lambda test: test


def consumes(consumer: str, *event_types: str) -> Callable[[Test], Test]:
    """Mark a test that a service handles event types of others."""
    return lambda test: test


def declared_calls() -> set[tuple[str, str, str]]:
    """Return consumer, provider and operation of every test that is marked with ``expects``."""
    return {
        (consumer, provider, operation)
        for consumer, provider, *operations in _arguments("expects")
        for operation in operations
    }


def declared_events() -> set[tuple[str, str]]:
    """Return consumer and event type of every test that is marked with ``consumes``."""
    return {(consumer, kind) for consumer, *kinds in _arguments("consumes") for kind in kinds}


def _arguments(decorator: str) -> Iterator[list[str]]:
    for path in sorted((TESTS / "contract").glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for call in getattr(node, "decorator_list", []):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == decorator:
                    yield [ast.literal_eval(argument) for argument in call.args]


class Wire:
    """The network between services: passes the requests of a ``ServiceClient`` to its app."""

    def __init__(self, load_app: Callable[..., ModuleType]) -> None:
        self._load_app = load_app
        self._apps: dict[str, ModuleType] = {}
        self.statuses: list[int] = []

    def app(self, service: str) -> ModuleType:
        """Return the app of a service, loaded once."""
        if service not in self._apps:
            secret = {"STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET} if service == "payments" else {}
            self._apps[service] = self._load_app(service, **secret)
        return self._apps[service]

    def to(self, service: str) -> ServiceClient:
        """Return a client of a service."""
        self.app(service)
        url = _ORIGIN.format(service.replace("_", "-"))
        return ServiceClient(service, url, transport.signed_transport())

    def request(
        self, method: str, url: str, *, body: bytes, headers: Mapping[str, str], timeout: object
    ) -> WireAnswer:
        """Send a signed request, as ``urllib3.PoolManager.request`` does."""
        match = re.fullmatch(_ORIGIN.format("([a-z-]+)").replace(".", r"\.") + "(/.*)", url)
        assert match is not None, url
        assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
        app = self.app(match[1].replace("-", "_")).app
        answer = Client(app).http.request(method, match[2], headers=dict(headers), body=body)
        self.statuses.append(answer.status_code)
        return WireAnswer(answer.status_code, HTTPHeaderDict(answer.headers), answer.body)


@pytest.fixture
def wire(load_app: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Return the network between the real apps."""
    wire = Wire(load_app)
    monkeypatch.setattr(transport, "connection_pool", lambda: wire)
    monkeypatch.setattr(client, "RetryPolicy", lambda: RetryPolicy(base_delay=0.0))
    return wire
