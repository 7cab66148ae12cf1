"""HTTP at the shop's public origin, as clients of all kinds use it."""

import json
import uuid

from support.running_shop import PASSWORD, Shop

JSON = "application/json"


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
