"""The storefront of a stage with an edge answers only requests that come through it."""

from collections.abc import Callable
from types import ModuleType

import pytest
from chalice.test import Client

from chassis.api import EDGE_HEADER
from contracts.problem import CONTENT_TYPE


@pytest.mark.parametrize("path", ["/health", "/toys", "/openapi.json"])
def test_request_without_the_key_is_refused(load_app: Callable[..., ModuleType], path: str) -> None:
    http = Client(load_app("storefront_api", EDGE_KEY="k3y").app).http
    for headers in ({}, {EDGE_HEADER: "another"}):
        answer = http.get(path, headers=headers)
        assert (answer.status_code, answer.headers["Content-Type"]) == (403, CONTENT_TYPE)


def test_request_with_the_key_is_served(load_app: Callable[..., ModuleType]) -> None:
    http = Client(load_app("storefront_api", EDGE_KEY="k3y").app).http
    assert http.get("/health", headers={EDGE_HEADER: "k3y"}).status_code == 200
