"""Resolving the stage's domain."""

import socket
from typing import Any

import pytest

from shopctl.doctor import infrastructure

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
