"""HTTP at the shop's public origin, as clients of all kinds use it."""

import json
import uuid

import pytest

from support.running_shop import PASSWORD, Shop

JSON = "application/json"
PROBLEM = "application/problem+json"
# the length is left out, and each request has ids of its own
DIFFERENT = {"content-length", "date", "x-correlation-id", "x-amzn-requestid", "x-amz-request-id"}


def test_bytes_of_a_body_reach_the_storefront_unchanged(shop: Shop) -> None:
    for content_type, encoding, status in (
        (JSON, "utf-8", 201),
        (JSON, "utf-8-sig", 201),
        (JSON, "iso-8859-1", 400),
        (f"{JSON}; charset=utf-8", "iso-8859-1", 400),
        (f"{JSON}; charset=iso-8859-1", "iso-8859-1", 415),
    ):
        new = {"email": f"{uuid.uuid4()}@example.com", "password": PASSWORD, "name": "José"}
        body = json.dumps(new, ensure_ascii=False).encode(encoding)
        answer = shop.api("POST", "/users", body, headers={"Content-Type": content_type})
        assert answer.status == status, answer.body
        if status == 201:
            assert answer.json["name"] == "José"


def test_repeated_parameter_is_refused(shop: Shop) -> None:
    answer = shop.api("GET", "/toys?limit=1&%6Cimit=1")
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (400, "/limit")


def test_head_answers_wherever_get_does(shop: Shop, alice: str) -> None:
    toy = shop.toys[0]["id"]
    for path, token, status in (
        ("/health", None, 200),
        ("/openapi.json", None, 200),
        ("/toys?limit=1", None, 200),
        (f"/toys/{toy}", None, 200),
        ("/orders", alice, 200),
        ("/orders", None, 401),
        ("/toys/nope", None, 404),
        ("/toys?limit=0", None, 400),
        ("/nothing", None, 404),
    ):
        get, head = (shop.api(method, path, token=token) for method in ("GET", "HEAD"))
        assert (get.status, head.status, head.body) == (status, status, b""), path
        kept = [
            {
                name.lower(): value
                for name, value in answer.headers.items()
                if name.lower() not in DIFFERENT
            }
            for answer in (get, head)
        ]
        assert kept[0] == kept[1], path


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/toys", "GET, HEAD, POST"),
        ("/toys/any", "GET, HEAD, PUT, PATCH, DELETE"),
        ("/orders/any/cancellation", "POST"),
        ("/users", "POST"),
    ],
)
def test_known_path_with_another_method_is_405(shop: Shop, path: str, allowed: str) -> None:
    methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "BREW"}
    for method in methods - set(allowed.split(", ")):
        answer = shop.api(method, path)
        assert (answer.status, answer.headers["Allow"]) == (405, allowed), method
        assert answer.headers["Content-Type"] == PROBLEM
        # AND an unknown path is unknown whatever the method
        unknown = shop.api(method, f"{path}/nothing/here")
        assert (unknown.status, unknown.headers["Content-Type"]) == (404, PROBLEM), method


def test_client_that_has_the_toy_gets_304(shop: Shop) -> None:
    path = f"/toys/{shop.toys[0]['id']}"
    etag = shop.api("GET", path).headers["ETag"]
    for method in ("GET", "HEAD"):
        for value in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            answer = shop.api(method, path, headers={"If-None-Match": value})
            assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
        assert shop.api(method, path, headers={"If-None-Match": '"x"'}).status == 200
