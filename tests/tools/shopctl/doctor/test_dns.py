"""Resolving the stage's domain, and asking what answers there."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from shopctl.doctor import infrastructure
from support.ports import free_port

DISTRIBUTION = "d111111abcdef8.cloudfront.net"


def test_names_and_addresses_are_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a resolver's answer: only the first entry has the canonical name
    kind = (socket.AF_INET, socket.SOCK_STREAM, 6)
    answer = [
        (*kind, f"{DISTRIBUTION}.", ("192.0.2.1", 443)),
        (*kind, "", ("192.0.2.2", 443)),
    ]

    def getaddrinfo(host: str, port: int, *, type: int, flags: int) -> Any:
        assert flags == socket.AI_CANONNAME
        return answer

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    names, addresses = infrastructure.resolve("shop.example.com")
    assert DISTRIBUTION in names
    assert addresses == {"192.0.2.1", "192.0.2.2"}


def test_name_without_addresses_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert infrastructure.resolve("shop.example.com") == (set(), set())


@contextmanager
def site(status: int, headers: dict[str, str]) -> Iterator[int]:
    """Serve one answer at every path but that of a redirect, and return the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            redirected = self.path == "/shop"
            self.send_response(200 if redirected else status)
            for name, value in ({"x-amz-cf-id": "a"} if redirected else headers).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("status", "headers", "answered"),
    [
        (200, {"x-amz-cf-id": "a"}, True),
        # another item of the checklist says that the services are down
        (503, {"x-amz-cf-id": "a"}, True),
        (200, {"Server": "else"}, False),
        # a redirect from another site to the shop is no DNS record
        (301, {"Location": "/shop"}, False),
    ],
)
def test_answer_of_cloudfront_is_recognized(
    monkeypatch: pytest.MonkeyPatch, status: int, headers: dict[str, str], answered: bool
) -> None:
    with site(status, headers) as port:
        monkeypatch.setattr(infrastructure, "HEALTH", f"http://127.0.0.1:{port}/{{}}")
        assert infrastructure.is_answered_by_cloudfront("shop.example.com") is answered


def test_site_without_a_certificate_is_not_cloudfront(monkeypatch: pytest.MonkeyPatch) -> None:
    with site(200, {"x-amz-cf-id": "a"}) as port:
        # it does not speak TLS
        monkeypatch.setattr(infrastructure, "HEALTH", f"https://127.0.0.1:{port}/{{}}")
        assert not infrastructure.is_answered_by_cloudfront("shop.example.com")


def test_nothing_that_listens_is_not_cloudfront(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infrastructure, "HEALTH", f"http://127.0.0.1:{free_port()}/{{}}")
    assert not infrastructure.is_answered_by_cloudfront("shop.example.com")
