"""The whole orders service: its API, its table and its stream."""

import json
from collections.abc import Callable
from datetime import datetime
from itertools import chain
from types import ModuleType
from typing import Any

import pytest
import time_machine
from msgspec.structs import replace

from chalicelib.orders.store import OrderStore
from contracts.problem import KEY_REUSED, TYPES
from support.log_lines import Logged
from support.moto_aws import StreamOf, TopicSpy, client_of, let_reads_catch_up, parked
from support.races import BeforeWrite

ADDRESS = {
    "name": "Alice",
    "line1": "1 Toy St",
    "city": "Sydney",
    "postal_code": "2000",
    "country": "AU",
}


def request_of(**changes: Any) -> dict[str, Any]:
    return {
        "customer_id": "cus_alice",
        "idempotency_key": "key-1",
        "fingerprint": "a" * 64,
        "contact": {"email": "alice@example.com", "name": "Alice"},
        "lines": [
            {
                "toy_id": "toy_1",
                "name": "Kite",
                "quantity": 2,
                "unit_price": {"amount": 1250, "currency": "AUD"},
            }
        ],
        "shipping_address": ADDRESS,
        "payment_method": "pm_card_visa",
        **changes,
    }


@pytest.fixture
def app(load_app: Callable[..., ModuleType]) -> ModuleType:
    return load_app("orders")


@pytest.fixture
def api(app: ModuleType, api_of: Any) -> Any:
    return api_of(app)


def placed(api: Any, **changes: Any) -> dict[str, Any]:
    answer = api.call("POST", "/orders", request_of(**changes))
    assert answer.status_code == 201, answer.body
    order: dict[str, Any] = answer.json_body
    return order


def problem_pointers(answer: Any) -> list[str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json_body
    assert problem["status"] == answer.status_code
    assert problem["type"] in (TYPES[answer.status_code], KEY_REUSED)
    return [error["pointer"] for error in problem.get("errors", [])]


def test_place_returns_the_order_with_totals_that_get_returns(api: Any) -> None:
    order = placed(api)
    assert order["total"] == {"amount": 2500, "currency": "AUD"}
    assert order["lines"][0]["line_total"] == {"amount": 2500, "currency": "AUD"}
    read = api.call("GET", f"/orders/{order['id']}")
    assert read.json_body == order
    assert read.headers["ETag"] == '"1"'


def test_order_and_its_value_are_counted_once(api: Any, capsys: pytest.CaptureFixture[str]) -> None:
    order = placed(api)
    api.call("POST", "/orders", request_of())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counted = [line for line in lines if "toyshop.orders.placed" in line]
    assert [line["toyshop.orders.placed"] for line in counted] == [1]
    (value,) = [line for line in lines if "toyshop.orders.value" in line]
    assert value["toyshop.orders.value"] == order["total"]["amount"]
    assert value["currency"] == order["total"]["currency"]


def test_same_key_and_request_return_the_same_order(api: Any) -> None:
    first = placed(api)
    again = api.call("POST", "/orders", request_of())
    assert (again.status_code, again.json_body) == (200, first)
    let_reads_catch_up()
    assert len(api.call("GET", "/orders").json_body["items"]) == 1


def test_same_key_with_another_request_is_422(api: Any) -> None:
    first = placed(api)
    other = api.call("POST", "/orders", request_of(fingerprint="b" * 64))
    assert other.status_code == 422
    assert api.call("GET", f"/orders/{first['id']}").json_body == first


def test_keys_of_different_customers_do_not_collide(api: Any) -> None:
    # The parts are length-prefixed, so moving a letter between them changes the id.
    one = placed(api, customer_id="ab", idempotency_key="c")
    two = placed(api, customer_id="a", idempotency_key="bc")
    assert one["id"] != two["id"]


def test_find_replay_returns_the_order_of_the_key(api: Any) -> None:
    order = placed(api)
    lookup = {"customer_id": "cus_alice", "idempotency_key": "key-1", "fingerprint": "a" * 64}
    assert api.call("POST", "/orders/replay", lookup).json_body == order
    assert api.call("POST", "/orders/replay", lookup | {"fingerprint": "c" * 64}).status_code == 422
    assert api.call("POST", "/orders/replay", lookup | {"idempotency_key": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"lines": []}, "/lines"),
        ({"discount": 5}, "/discount"),
        ({"payment_method": "4242424242424242"}, "/payment_method"),
        ({"shipping_address": ADDRESS | {"country": "Australia"}}, "/shipping_address/country"),
        ({"shipping_address": ADDRESS | {"country": "XX"}}, "/shipping_address/country"),
        ({"shipping_address": ADDRESS | {"name": "  "}}, "/shipping_address/name"),
        ({"shipping_address": ADDRESS | {"line1": "a\nBcc: x"}}, "/shipping_address/line1"),
    ],
)
def test_invalid_field_is_named_and_nothing_is_stored(
    api: Any, changes: dict[str, Any], pointer: str
) -> None:
    answer = api.call("POST", "/orders", request_of(**changes))
    assert answer.status_code == 422
    assert problem_pointers(answer) == [pointer]
    assert api.call("GET", "/orders").json_body["items"] == []


@pytest.mark.parametrize(
    ("address", "stored"),
    [
        ({"city": "Central", "country": "HK"}, {"postal_code": "", "region": ""}),
        ({"city": "Dubai", "postal_code": "", "country": "AE"}, {"postal_code": ""}),
        (
            {"region": "Dubai", "postal_code": "  ", "country": "AE"},
            {"postal_code": "", "city": ""},
        ),
        ({"postal_code": " 546080 ", "country": "sg"}, {"postal_code": "546080", "country": "SG"}),
    ],
    ids=str,
)
def test_address_has_only_what_its_country_needs(
    api: Any, address: dict[str, str], stored: dict[str, str]
) -> None:
    order = placed(api, shipping_address={"name": "Li", "line1": "1 Toy Street", **address})
    assert order["shipping_address"].items() >= stored.items()
    assert api.call("GET", f"/orders/{order['id']}").json_body == order


def test_missing_parts_of_an_address_are_named_as_in_its_country(api: Any) -> None:
    address = {"name": "Li", "line1": "1 Toy Street", "city": "Boston", "country": "US"}
    answer = api.call("POST", "/orders", request_of(shipping_address=address))
    assert answer.status_code == 422
    assert answer.json_body["errors"] == [
        {"pointer": "/shipping_address/region", "detail": "State is required", "code": "required"},
        {
            "pointer": "/shipping_address/postal_code",
            "detail": "ZIP code is required",
            "code": "required",
        },
    ]
    detail = "Please check the shipping address. State is required. ZIP code is required."
    assert answer.json_body["detail"] == detail
    # the key is still free
    placed(api, shipping_address=address | {"region": "MA", "postal_code": "02108"})


class TestCountries:
    @pytest.fixture
    def api(self, load_app: Callable[..., ModuleType], api_of: Any) -> Any:
        return api_of(load_app("orders", SHIPS_TO="AU HK"))

    def test_countries_are_listed_with_the_names_of_their_fields(self, api: Any) -> None:
        answer = api.call("GET", "/countries")
        assert answer.status_code == 200
        australia, hong_kong = answer.json_body["items"]
        assert (australia["code"], hong_kong["name"]) == ("AU", "Hong Kong")
        assert australia["fields"] == [
            {"name": "city", "label": "Suburb or city", "required": True},
            {"name": "region", "label": "State", "required": False},
            {"name": "postal_code", "label": "Postcode", "required": True},
        ]
        assert "postal_code" not in [field["name"] for field in hong_kong["fields"]]

    def test_order_to_another_country_is_refused_in_words(self, api: Any) -> None:
        order = placed(api)
        address = ADDRESS | {"country": "NZ"}
        etag = {"If-Match": '"1"'}
        for answer in (
            api.call(
                "POST", "/orders", request_of(idempotency_key="key-2", shipping_address=address)
            ),
            api.call("PATCH", f"/orders/{order['id']}", {"shipping_address": address}, etag),
        ):
            assert answer.status_code == 422
            assert answer.json_body["errors"] == [
                {
                    "pointer": "/shipping_address/country",
                    "detail": "We do not ship to New Zealand",
                    "code": "not_allowed",
                }
            ]


@pytest.mark.parametrize("quantity", [0, -1, 10_001, 1.5, "2"])
def test_invalid_quantity_is_named(api: Any, quantity: Any) -> None:
    line = request_of()["lines"][0] | {"quantity": quantity}
    answer = api.call("POST", "/orders", request_of(lines=[line]))
    assert answer.status_code == 422
    assert problem_pointers(answer) == ["/lines/0/quantity"]


def test_mixed_currencies_are_rejected(api: Any) -> None:
    line = request_of()["lines"][0]
    other = line | {"unit_price": {"amount": 1, "currency": "EUR"}}
    answer = api.call("POST", "/orders", request_of(lines=[line, other]))
    assert answer.status_code == 422
    (error,) = answer.json_body["errors"]
    assert (error["pointer"], error["code"]) == ("/lines/1", "not_allowed")
    assert "same currency" in answer.json_body["detail"]


def test_total_that_cannot_be_charged_is_rejected(api: Any) -> None:
    line = request_of()["lines"][0]
    free = line | {"unit_price": {"amount": 0, "currency": "AUD"}}
    dear = line | {"quantity": 10_000, "unit_price": {"amount": 10_000, "currency": "AUD"}}
    above = line | {"quantity": 2, "unit_price": {"amount": 50_000_000, "currency": "AUD"}}
    small = line | {"quantity": 7, "unit_price": {"amount": 7, "currency": "AUD"}}
    for lines in ([free], [small], [dear], [above]):
        answer = api.call("POST", "/orders", request_of(lines=lines))
        assert (answer.status_code, problem_pointers(answer)) == (422, ["/lines"])


@pytest.mark.parametrize("total", [50, 99_999_999])
def test_smallest_and_largest_total_are_accepted(api: Any, total: int) -> None:
    price = {"amount": total, "currency": "AUD"}
    line = request_of()["lines"][0] | {"quantity": 1, "unit_price": price}
    assert placed(api, lines=[line])["total"] == price


def test_quantities_of_equal_lines_are_added_up_and_limited(api: Any) -> None:
    line = request_of()["lines"][0] | {"unit_price": {"amount": 50, "currency": "AUD"}}
    other = line | {"toy_id": "toy_2"}
    lines = [line | {"quantity": 9_999}, other, line | {"quantity": 1}]
    order = placed(api, lines=lines)
    assert [(line["toy_id"], line["quantity"]) for line in order["lines"]] == [
        ("toy_1", 10_000),
        ("toy_2", 2),
    ]
    lines[2]["quantity"] = 2
    answer = api.call("POST", "/orders", request_of(lines=lines, idempotency_key="key-2"))
    assert answer.status_code == 422
    (error,) = answer.json_body["errors"]
    assert (error["pointer"], error["code"]) == ("/lines/2/quantity", "too_large")
    assert error["detail"] == "An order can have at most 10,000 of one toy"


class TestExpectedTotal:
    TOTAL: dict[str, Any] = {"amount": 2500, "currency": "AUD"}

    @pytest.mark.parametrize(
        "expected",
        [
            {"amount": 2499, "currency": "AUD"},
            {"amount": 2501, "currency": "AUD"},
            {"amount": 0, "currency": "AUD"},
            {"amount": 2**53 - 1, "currency": "AUD"},
            {"amount": 2500, "currency": "USD"},
        ],
    )
    def test_other_total_is_answered_with_the_order_that_it_would_be(
        self, api: Any, expected: dict[str, Any]
    ) -> None:
        lines = [line | {"quantity": 1} for line in request_of()["lines"] * 2]
        body = request_of(lines=lines, expected_total=expected)
        answer = api.call("POST", "/orders", body)
        assert answer.status_code == 409
        problem = answer.json_body
        assert problem["type"].endswith("price-changed")
        assert (problem["status"], problem["title"]) == (409, "The price has changed")
        assert problem["total"] == self.TOTAL
        assert problem["lines"] == [
            request_of()["lines"][0] | {"quantity": 2, "line_total": self.TOTAL}
        ]
        assert "AUD 25.00" in problem["detail"]
        # nothing is placed, and the key can be used for the order with the current total
        assert api.call("GET", "/orders").json_body["items"] == []
        order = placed(api, lines=lines, fingerprint="b" * 64, expected_total=problem["total"])
        assert order["total"] == self.TOTAL

    def test_used_key_returns_its_order_although_the_price_has_changed(self, api: Any) -> None:
        body = request_of(expected_total=self.TOTAL)
        order = placed(api, **body)
        for amount in (1300, 0, 99_999_999):
            line = body["lines"][0] | {"unit_price": {"amount": amount, "currency": "AUD"}}
            again = api.call("POST", "/orders", body | {"lines": [line]})
            assert (again.status_code, again.json_body) == (200, order)
            other = api.call("POST", "/orders", body | {"lines": [line], "fingerprint": "b" * 64})
            assert other.status_code == 422

    def test_order_that_cannot_be_paid_is_shown_first_if_its_price_has_changed(
        self, api: Any
    ) -> None:
        line = request_of()["lines"][0] | {"unit_price": {"amount": 1, "currency": "AUD"}}
        body = request_of(lines=[line], expected_total=self.TOTAL)
        problem = api.call("POST", "/orders", body).json_body
        assert (problem["status"], problem["total"]["amount"]) == (409, 2)
        answer = api.call("POST", "/orders", body | {"expected_total": problem["total"]})
        assert (answer.status_code, problem_pointers(answer)) == (422, ["/lines"])

    @pytest.mark.parametrize(
        ("expected", "pointer"),
        [
            ({"amount": -1, "currency": "AUD"}, "/amount"),
            ({"amount": 25.5, "currency": "AUD"}, "/amount"),
            ({"amount": 2500, "currency": "aud"}, "/currency"),
            ({"amount": 2500}, "/currency"),
            ({"amount": 2500, "currency": "AUD", "tax": 1}, "/tax"),
            (2500, ""),
            (None, ""),
        ],
    )
    def test_invalid_expected_total_is_named(self, api: Any, expected: Any, pointer: str) -> None:
        answer = api.call("POST", "/orders", request_of(expected_total=expected))
        assert answer.status_code == 422
        assert problem_pointers(answer) == [f"/expected_total{pointer}"]


def test_body_that_is_not_a_json_object_is_rejected(api: Any) -> None:
    assert api.call("POST", "/orders", b"{").status_code == 415  # no Content-Type
    json_type = {"Content-Type": "application/json"}
    assert api.call("POST", "/orders", b"{", json_type).status_code == 400
    # Invalid JSON is reported before any other error.
    assert api.call("POST", "/orders", b'{"nonsense": 1,}', json_type).status_code == 400
    assert api.call("POST", "/orders", b"[]", json_type).status_code == 422
    assert api.call("POST", "/orders", b"", json_type).status_code == 400
    assert api.call("POST", "/orders", b"x" * 300_000, json_type).status_code == 413
    assert api.call("POST", "/orders", b"<a/>", {"Content-Type": "text/xml"}).status_code == 415


def test_pages_list_each_order_once_newest_first(api: Any) -> None:
    ids = [placed(api, idempotency_key=f"key-{number}")["id"] for number in range(7)]
    placed(api, customer_id="cus_bob")
    let_reads_catch_up()
    seen, path = [], "/orders?customer_id=cus_alice&limit=3"
    cursor = ""
    while True:
        page = api.call("GET", path + cursor).json_body
        assert len(page["items"]) <= 3
        seen += [order["id"] for order in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ids[::-1]
    assert len(api.call("GET", "/orders?limit=100").json_body["items"]) == 8


def test_cursor_of_another_list_is_rejected(api: Any) -> None:
    for number in range(3):
        placed(api, idempotency_key=f"key-{number}")
    cursor = api.call("GET", "/orders?customer_id=cus_alice&limit=1").json_body["next_cursor"]
    flipped = ("A" if cursor[5] != "A" else "B").join([cursor[:5], cursor[6:]])
    for query in (
        f"customer_id=cus_bob&cursor={cursor}",
        f"cursor={cursor}",
        f"customer_id=cus_alice&cursor={flipped}",
        "customer_id=cus_alice&cursor=nonsense",
        "customer_id=cus_alice&cursor=%00",
    ):
        answer = api.call("GET", f"/orders?{query}")
        assert (answer.status_code, problem_pointers(answer)) == (400, ["/cursor"]), query


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "color=red", "customer_id="])
def test_invalid_query_parameter_is_named(api: Any, query: str) -> None:
    answer = api.call("GET", f"/orders?{query}")
    assert answer.status_code == 400
    assert problem_pointers(answer) == ["/" + query.split("=")[0]]


def patch(api: Any, order_id: str, body: Any, etag: str | None) -> Any:
    headers = {"If-Match": etag} if etag else {}
    return api.call("PATCH", f"/orders/{order_id}", body, headers)


def test_change_requires_the_current_version_in_if_match(api: Any) -> None:
    order = placed(api)
    change = {"shipping_address": {"city": "Perth"}}
    assert patch(api, order["id"], change, None).status_code == 428
    assert patch(api, order["id"], change, '"2"').status_code == 412
    assert patch(api, order["id"], change, "three").status_code == 400
    answer = patch(api, order["id"], change, '"1"')
    assert answer.status_code == 200
    assert answer.json_body["shipping_address"] == order["shipping_address"] | {"city": "Perth"}
    assert answer.headers["ETag"] == '"2"'
    assert patch(api, "ord_none", change, '"1"').status_code == 404


def test_part_of_an_old_address_that_would_be_refused_today_may_stay(api: Any) -> None:
    order = placed(api)
    store = OrderStore("toyshop-local-orders")
    stored = store.get(order["id"])
    assert stored is not None
    # GIVEN an address that was accepted before postal codes were checked
    old = replace(stored.order.shipping_address, postal_code="unknown")
    assert store.replace(replace(stored.order, shipping_address=old, version=2), stored.fingerprint)
    # THEN another part of it may change, but not to an address that is wrong elsewhere
    answer = patch(api, order["id"], {"shipping_address": {"city": "Perth"}}, '"2"')
    assert answer.status_code == 200
    assert answer.json_body["shipping_address"]["postal_code"] == "unknown"
    refused = patch(api, order["id"], {"shipping_address": {"postal_code": "none"}}, '"3"')
    assert problem_pointers(refused) == ["/shipping_address/postal_code"]


PERTH = {"shipping_address": {"city": "Perth"}}
HOBART = {"shipping_address": {"city": "Hobart"}}


def cancel(api: Any, order_id: str) -> dict[str, Any]:
    answer = api.call("POST", f"/orders/{order_id}/cancellation")
    assert answer.status_code == 202
    order: dict[str, Any] = answer.json_body
    return order


class TestRaces:
    """Two writers of one order: each learns what became of its own change."""

    def test_address_change_during_a_cancellation_is_kept_and_the_order_is_cancelled(
        self, app: ModuleType, api: Any, api_of: Any, before_write: BeforeWrite
    ) -> None:
        stream, spy = StreamOf("toyshop-local-orders"), TopicSpy(app.settings.topic_arn)
        order = placed(api)
        emitted(app, stream, spy)
        changed: list[Any] = []

        def change() -> None:
            changed.append(patch(api_of(app), order["id"], PERTH, '"1"'))
            assert [event["type"] for event in emitted(app, stream, spy)] == [
                "shop.order.changed.v1"
            ]

        before_write(change)
        # THEN both requests succeed, and both changes are stored
        cancelled = cancel(api, order["id"])
        assert changed[0].status_code == 200
        assert (cancelled["status"], cancelled["version"]) == ("cancelled", 3)
        assert cancelled["shipping_address"]["city"] == "Perth"
        assert api.call("GET", f"/orders/{order['id']}").json_body == cancelled
        # AND the cancellation is emitted, so that the order is refunded
        (_, event) = emitted(app, stream, spy)
        assert event["type"] == "shop.order.cancelled.v1"
        assert event["data"] == cancelled

    def test_cancellation_during_an_address_change_wins_and_the_change_is_412(
        self, app: ModuleType, api: Any, api_of: Any, before_write: BeforeWrite
    ) -> None:
        order = placed(api)
        answers: list[Any] = []
        before_write(lambda: answers.append(cancel(api_of(app), order["id"])))
        answer = patch(api, order["id"], PERTH, '"1"')
        assert answer.status_code == 412
        assert '"2"' in answer.json_body["detail"]
        # THEN the order is stored as the answer of the cancellation says
        assert answers[0]["status"] == "cancelled"
        assert api.call("GET", f"/orders/{order['id']}").json_body == answers[0]

    def test_one_of_two_address_changes_at_the_same_time_is_412(
        self, app: ModuleType, api: Any, api_of: Any, before_write: BeforeWrite
    ) -> None:
        order = placed(api)
        answers: list[Any] = []
        before_write(lambda: answers.append(patch(api_of(app), order["id"], PERTH, '"1"')))
        late = patch(api, order["id"], HOBART, '"1"')
        assert (answers[0].status_code, late.status_code) == (200, 412)
        assert '"2"' in late.json_body["detail"]
        stored = api.call("GET", f"/orders/{order['id']}")
        assert (stored.json_body, stored.headers["ETag"]) == (answers[0].json_body, '"2"')

    def test_two_cancellations_at_the_same_time_cancel_once(
        self, app: ModuleType, api: Any, api_of: Any, before_write: BeforeWrite
    ) -> None:
        order = placed(api)
        answers: list[Any] = []
        before_write(lambda: answers.append(cancel(api_of(app), order["id"])))
        assert cancel(api, order["id"]) == answers[0]
        assert answers[0]["version"] == 2

    @pytest.mark.parametrize(("fingerprint", "status"), [("a" * 64, 200), ("b" * 64, 422)])
    def test_order_placed_twice_at_the_same_time_exists_once(
        self, app: ModuleType, api: Any, api_of: Any, before_write: BeforeWrite,
        fingerprint: str, status: int,
    ) -> None:  # fmt: skip
        first: list[Any] = []
        before_write(lambda: first.append(placed(api_of(app))))
        answer = api.call("POST", "/orders", request_of(fingerprint=fingerprint))
        assert answer.status_code == status
        if status == 200:
            assert answer.json_body == first[0]
        let_reads_catch_up()
        assert api.call("GET", "/orders").json_body["items"] == first

    def test_order_cancelled_while_it_is_reemitted_stays_cancelled(
        self, app: ModuleType, api: Any, api_of: Any, before_write: BeforeWrite
    ) -> None:
        order = placed(api)
        before_write(lambda: cancel(api_of(app), order["id"]))
        reemit(api, order["id"])
        stored = api.call("GET", f"/orders/{order['id']}").json_body
        assert (stored["status"], stored["version"]) == ("cancelled", 2)

    def test_order_reemitted_while_it_is_cancelled_is_cancelled(
        self, app: ModuleType, api: Any, api_of: Any, before_write: BeforeWrite
    ) -> None:
        order = placed(api)
        before_write(lambda: reemit(api_of(app), order["id"]))
        cancelled = cancel(api, order["id"])
        assert (cancelled["status"], cancelled["version"]) == ("cancelled", 2)


def test_patch_of_anything_but_the_address_is_rejected(api: Any) -> None:
    order = placed(api)
    answer = patch(api, order["id"], {"total": {"amount": 1}}, '"1"')
    assert (answer.status_code, problem_pointers(answer)) == (422, ["/total"])
    answer = patch(api, order["id"], {"shipping_address": {"city": None}}, '"1"')
    assert (answer.status_code, problem_pointers(answer)) == (422, ["/shipping_address/city"])
    assert api.call("GET", f"/orders/{order['id']}").json_body == order


def test_cancelled_order_cannot_be_changed(api: Any) -> None:
    order = placed(api)
    first = api.call("POST", f"/orders/{order['id']}/cancellation")
    again = api.call("POST", f"/orders/{order['id']}/cancellation", {})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json_body == again.json_body
    assert (first.json_body["status"], first.json_body["version"]) == ("cancelled", 2)
    for etag in ('"2"', '"1"'):  # 409 takes precedence over 412
        answer = patch(api, order["id"], {"shipping_address": {"city": "Perth"}}, etag)
        assert answer.status_code == 409
    bad = api.call("POST", f"/orders/{order['id']}/cancellation", {"why": "x"})
    assert (bad.status_code, problem_pointers(bad)) == (422, ["/why"])


@pytest.mark.parametrize("order_id", ["ord_none", "ord%2Fx", "ord'%22", "..", "%00"])
def test_unknown_or_malformed_order_id_is_404(api: Any, order_id: str) -> None:
    answer = api.call("GET", f"/orders/{order_id}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_relay_publishes_each_change_with_a_stable_id(app: ModuleType, api: Any) -> None:
    # GIVEN an order that was placed, changed and cancelled
    stream, spy = StreamOf("toyshop-local-orders"), TopicSpy(app.settings.topic_arn)
    order = placed(api)
    batches = [stream.records()]
    patch(api, order["id"], {"shipping_address": {"city": "Perth"}}, '"1"')
    batches.append(stream.records())
    api.call("POST", f"/orders/{order['id']}/cancellation")
    batches.append(stream.records())
    # WHEN its stream is delivered twice
    for batch in batches:
        assert app.on_dynamodb_record(batch, None) == {"batchItemFailures": []}
    first = spy.events()
    for batch in batches:
        app.on_dynamodb_record(batch, None)
    # THEN each change is published, and the copies have the same ids
    assert [event["id"] for event in first] == [
        f"{order['id']}.1.shop.order.placed.v1",
        f"{order['id']}.2.shop.order.changed.v1",
        f"{order['id']}.3.shop.order.changed.v1",
        f"{order['id']}.3.shop.order.cancelled.v1",
    ]
    same = [{**event, "traceparent": ""} for event in first]
    assert [{**event, "traceparent": ""} for event in spy.events()] == same
    assert first[0]["data"] == order
    assert first[0]["source"] == "/orders"
    assert first[0]["subject"] == order["id"]
    assert first[0]["specversion"] == "1.0"
    assert first[0]["traceparent"].startswith("00-")


def test_record_without_a_trace_emits_an_event_of_a_new_trace(app: ModuleType, api: Any) -> None:
    stream, spy = StreamOf("toyshop-local-orders"), TopicSpy(app.settings.topic_arn)
    order = placed(api)
    client_of("dynamodb").update_item(
        TableName="toyshop-local-orders",
        Key={"id": {"S": order["id"]}},
        UpdateExpression="REMOVE traceparent",
    )
    (event,) = emitted(app, stream, spy)
    assert event["data"] == order
    assert len(event["traceparent"]) == 55


def test_deleting_a_record_emits_no_event(app: ModuleType, api: Any) -> None:
    stream, spy = StreamOf("toyshop-local-orders"), TopicSpy(app.settings.topic_arn)
    order = placed(api)
    app.on_dynamodb_record(stream.records(), None)
    key = {"id": {"S": order["id"]}}
    client_of("dynamodb").delete_item(TableName="toyshop-local-orders", Key=key)
    app.on_dynamodb_record(stream.records(), None)
    assert [event["type"] for event in spy.events()] == ["shop.order.placed.v1"]


def emitted(app: ModuleType, stream: StreamOf, spy: TopicSpy) -> list[dict[str, Any]]:
    assert app.on_dynamodb_record(stream.records(), None) == {"batchItemFailures": []}
    return spy.events()


def reemit(api: Any, order_id: str) -> None:
    answer = api.call("POST", f"/orders/{order_id}/events")
    assert (answer.status_code, answer.body) == (202, b"")


def test_reemit_repeats_the_placed_event_with_its_id(app: ModuleType, api: Any) -> None:
    # GIVEN an order that has changed since its placed event
    stream, spy = StreamOf("toyshop-local-orders"), TopicSpy(app.settings.topic_arn)
    order = placed(api)
    (first,) = emitted(app, stream, spy)
    patch(api, order["id"], {"shipping_address": {"city": "Perth"}}, '"1"')
    emitted(app, stream, spy)
    stored = api.call("GET", f"/orders/{order['id']}")
    # WHEN it is re-emitted twice
    for _ in range(2):
        reemit(api, order["id"])
        (again,) = emitted(app, stream, spy)
        # THEN it has its original id and time and the current data; the order is unchanged
        assert (again["id"], again["time"]) == (first["id"], first["time"])
        assert again["data"] == stored.json_body
    after = api.call("GET", f"/orders/{order['id']}")
    assert (after.json_body, after.headers["ETag"]) == (stored.json_body, '"2"')
    # AND a later change emits its event as usual
    patch(api, order["id"], {"shipping_address": {"city": "Hobart"}}, '"2"')
    assert [event["type"] for event in emitted(app, stream, spy)] == ["shop.order.changed.v1"]


def test_reemit_of_a_cancelled_order_repeats_the_cancelled_event(app: ModuleType, api: Any) -> None:
    stream, spy = StreamOf("toyshop-local-orders"), TopicSpy(app.settings.topic_arn)
    order = placed(api)
    emitted(app, stream, spy)
    api.call("POST", f"/orders/{order['id']}/cancellation")
    (_, cancelled) = emitted(app, stream, spy)
    reemit(api, order["id"])
    (again,) = emitted(app, stream, spy)
    assert again["type"] == "shop.order.cancelled.v1"
    assert again | {"traceparent": ""} == cancelled | {"traceparent": ""}


def test_reemit_of_an_unknown_order_is_404_and_creates_nothing(api: Any) -> None:
    assert api.call("POST", "/orders/ord_none/events").status_code == 404
    assert (
        client_of("dynamodb").scan(TableName="toyshop-local-orders", ConsistentRead=True)["Items"]
        == []
    )


def test_list_is_bounded_by_since_and_until(api: Any) -> None:
    orders = [placed(api, idempotency_key=f"key-{number}") for number in range(4)]
    let_reads_catch_up()
    times = [order["placed_at"] for order in orders]

    def listed(**query: str) -> list[str]:
        keys = "&".join(f"{name}={value}" for name, value in query.items())
        found, cursor = [], ""
        while cursor is not None:
            page = api.call("GET", f"/orders?limit=1&{keys}{cursor}").json_body
            found += [order["id"] for order in page["items"]]
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        return found

    ids = [order["id"] for order in reversed(orders)]
    assert listed(since=times[1]) == ids[:3]
    assert listed(until=times[2]) == ids[2:]
    assert listed(since=times[1], until=times[3]) == ids[1:3]
    assert listed(since=times[1], until=times[3], customer_id="cus_alice") == ids[1:3]
    assert listed(since=times[1], until=times[1]) == []
    answer = api.call("GET", f"/orders?since={times[2]}&until={times[1]}")
    assert answer.status_code == 400
    assert answer.json_body["detail"] == "The parameter since must not be after until."


def store_as_earlier_release(order: dict[str, Any]) -> None:
    """Store an order in the form of releases before the compact one."""
    dynamodb, table, key = client_of("dynamodb"), "toyshop-local-orders", {"id": {"S": order["id"]}}
    item = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    del item["month"], item["document"]
    for name in ("lines", "total", "shipping_address", "contact"):
        item[name] = {"S": json.dumps(order[name])}
    item |= {"payment_method": {"S": order["payment_method"]}, "listing": {"S": "order"}}
    dynamodb.put_item(TableName=table, Item=item)


def test_record_of_an_earlier_release_is_read_changed_and_emitted_alike(
    app: ModuleType, api: Any
) -> None:
    stream, spy = StreamOf("toyshop-local-orders"), TopicSpy(app.settings.topic_arn)
    new = placed(api)
    app.on_dynamodb_record(stream.records(), None)
    (event,) = spy.events()
    # GIVEN an order as an earlier release has stored it
    store_as_earlier_release(new)
    stream.records()
    assert api.call("GET", f"/orders/{new['id']}").json_body == new
    # WHEN its event is re-emitted
    reemit(api, new["id"])
    app.on_dynamodb_record(stream.records(), None)
    # THEN it is the same
    (again,) = spy.events()
    assert again | {"traceparent": ""} == event | {"traceparent": ""}
    # AND a change stores the new form
    assert api.call("POST", f"/orders/{new['id']}/cancellation").json_body["lines"] == new["lines"]
    key = {"id": {"S": new["id"]}}
    item = client_of("dynamodb").get_item(
        TableName="toyshop-local-orders", Key=key, ConsistentRead=True
    )["Item"]
    assert {"month", "document"} <= item.keys()
    assert not {"lines", "total", "shipping_address", "contact", "listing"} & item.keys()


@pytest.fixture
def many(api: Any) -> list[dict[str, Any]]:
    """Place orders of two customers in three of four months, two of them at the same moment."""
    orders = []
    with time_machine.travel("2026-11-30T23:59:59.5Z", tick=False) as clock:
        for number in range(40):
            if number % 2:
                clock.shift(9)
            if number == 8:
                clock.move_to(datetime.fromisoformat("2026-12-31T23:59:50Z"))
            if number == 20:
                clock.move_to(datetime.fromisoformat("2027-02-28T23:59:00Z"))
            customer = f"cus_{number % 3}"
            orders.append(placed(api, idempotency_key=f"key-{number}", customer_id=customer))
    let_reads_catch_up()
    return sorted(orders, key=lambda order: (order["placed_at"], order["id"]), reverse=True)


def pages(api: Any, limit: int, **query: str) -> list[list[str]]:
    """Return the ids on each page of a list."""
    found: list[list[str]] = []
    cursor = ""
    while True:
        path = f"/orders?limit={limit}&" + "&".join(f"{n}={v}" for n, v in query.items()) + cursor
        page = api.call("GET", path).json_body
        found.append([order["id"] for order in page["items"]])
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.parametrize("limit", [1, 7, 20, 39, 40, 41, 100])
def test_list_of_all_orders_is_newest_first_over_months_and_shards(
    api: Any, many: list[dict[str, Any]], limit: int
) -> None:
    ids = [order["id"] for order in many]
    with time_machine.travel("2027-03-31T12:00:00Z"):
        found = pages(api, limit)
        assert found == [ids[start : start + limit] for start in range(0, len(ids), limit)]
        mine = [order["id"] for order in many if order["customer_id"] == "cus_1"]
        assert [*chain(*pages(api, limit, customer_id="cus_1"))] == mine


def test_bounds_of_the_list_of_all_orders_hold_over_months(
    api: Any, many: list[dict[str, Any]]
) -> None:
    times = sorted({order["placed_at"] for order in many})
    with time_machine.travel("2027-03-31T12:00:00Z"):
        for since in ["2020-01-01T00:00:00Z", *times[::5]]:
            for until in [*times[::4], "2030-01-01T00:00:00Z"]:
                if since > until:
                    continue
                expected = [o["id"] for o in many if since <= o["placed_at"] < until]
                assert [*chain(*pages(api, 9, since=since, until=until))] == expected


@pytest.mark.parametrize("most", [3, 1000])
@pytest.mark.parametrize("limit", [1, 4, 100])
def test_list_of_a_status_has_each_of_its_orders_once_and_reads_a_bounded_number(
    api: Any, many: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, most: int, limit: int
) -> None:
    monkeypatch.setattr("chalicelib.orders.store.MOST_READ", most)
    cancelled = [order["id"] for order in many[::9]]
    for order_id in cancelled:
        api.call("POST", f"/orders/{order_id}/cancellation", {})
    let_reads_catch_up()
    mine = [o["id"] for o in many if o["id"] in cancelled and o["customer_id"] == "cus_1"]
    with time_machine.travel("2027-03-31T12:00:00Z"):
        found = pages(api, limit, status="cancelled")
        assert [*chain(*found)] == cancelled
        assert len(found) >= len(many) // most
        assert [*chain(*pages(api, limit, status="cancelled", customer_id="cus_1"))] == mine
        others = [order["id"] for order in many if order["id"] not in cancelled]
        assert [*chain(*pages(api, limit, status="placed"))] == others


def test_pages_of_a_status_are_full_while_few_orders_have_to_be_read(
    api: Any, many: list[dict[str, Any]]
) -> None:
    with time_machine.travel("2027-03-31T12:00:00Z"):
        *full, last = pages(api, 5, status="placed")
    assert {len(page) for page in full} == {5}
    assert 0 < len(last) <= 5
    assert len(full) == (len(many) - 1) // 5


def test_cursor_belongs_to_its_status(api: Any, many: list[dict[str, Any]]) -> None:
    with time_machine.travel("2027-03-31T12:00:00Z"):
        cursor = api.call("GET", "/orders?limit=2&status=placed").json_body["next_cursor"]
        for other in ("", "&status=cancelled"):
            assert api.call("GET", f"/orders?cursor={cursor}{other}").status_code == 400


def test_orders_placed_while_the_list_is_read_move_nothing(
    api: Any, many: list[dict[str, Any]]
) -> None:
    with time_machine.travel("2027-03-31T12:00:00Z"):
        first = api.call("GET", "/orders?limit=5").json_body
        placed(api, idempotency_key="later")
        let_reads_catch_up()
        rest = api.call("GET", f"/orders?limit=100&cursor={first['next_cursor']}").json_body
    found = [order["id"] for order in first["items"] + rest["items"]]
    assert found == [order["id"] for order in many]


def test_cursor_of_an_earlier_release_continues_the_list(
    app: ModuleType, api: Any, many: list[dict[str, Any]]
) -> None:
    table = client_of("dynamodb")
    with time_machine.travel("2027-03-31T12:00:00Z"):
        for customer in (None, "cus_1"):
            listed = [order for order in many if customer in (None, order["customer_id"])]
            key = {"id": {"S": listed[4]["id"]}}
            item = table.get_item(TableName="toyshop-local-orders", Key=key, ConsistentRead=True)[
                "Item"
            ]
            # the last key of the index that the earlier release has read
            of_list = {"customer_id": {"S": customer}} if customer else {"listing": {"S": "order"}}
            position = {**key, **of_list, "placed": item["placed"]}
            scope = {"list": "orders", "customer_id": customer}
            cursor = app.components.orders._cursors.write(position, scope)
            query = f"&customer_id={customer}" if customer else ""
            page = api.call("GET", f"/orders?limit=100&cursor={cursor}{query}").json_body
            assert [order["id"] for order in page["items"]] == [o["id"] for o in listed[5:]]
            # AND its own cursors are those that the earlier release reads
            first = api.call("GET", f"/orders?limit=5{query}").json_body["next_cursor"]
            assert app.components.orders._cursors.read(first, scope) == position


def test_backfill_adds_missing_attributes_without_events(
    app: ModuleType, api: Any, logged: Logged
) -> None:
    # GIVEN orders whose records date from before the attributes `month` and `document`
    stream, spy = StreamOf("toyshop-local-orders"), TopicSpy(app.settings.topic_arn)
    old = [placed(api, idempotency_key=f"key-{number}") for number in range(3)]
    new = placed(api, idempotency_key="key-3")
    for order in old:
        store_as_earlier_release(order)
    emitted(app, stream, spy)
    before = {order["id"]: api.call("GET", f"/orders/{order['id']}") for order in [*old, new]}
    let_reads_catch_up()
    assert len(api.call("GET", "/orders").json_body["items"]) == 1
    # WHEN the backfill runs dry, then twice
    steps = [app.backfill(event, None) for event in ({"dry_run": True}, {}, {})]
    # THEN each old record is filled once
    assert [(step["read"], step["incomplete"], step["filled"]) for step in steps] == [
        (4, 3, 0),
        (4, 3, 3),
        (4, 0, 0),
    ]
    assert {step["cursor"] for step in steps} == {None}
    counted = [
        (line["read"], line["incomplete"], line["filled"]) for line in logged("records backfilled")
    ]
    assert counted == [(4, 3, 0), (4, 3, 3), (4, 0, 0)]
    let_reads_catch_up()
    assert len(api.call("GET", "/orders").json_body["items"]) == 4
    # AND no version has changed, and no event is emitted
    for order_id, answer in before.items():
        after = api.call("GET", f"/orders/{order_id}")
        assert (after.json_body, after.headers["ETag"]) == (
            answer.json_body,
            answer.headers["ETag"],
        )
    batch = stream.records()
    assert len(batch["Records"]) == 3
    assert app.on_dynamodb_record(batch, None) == {"batchItemFailures": []}
    assert spy.events() == []


def test_backfill_continues_from_its_cursor(
    app: ModuleType, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.backfill.PAGE", 2)
    for number in range(3):
        placed(api, idempotency_key=f"key-{number}")
    first = app.backfill({}, None)
    second = app.backfill({"cursor": first["cursor"]}, None)
    assert (first["read"], second["read"], second["cursor"]) == (2, 1, None)


def test_backfill_skips_a_record_that_changes_meanwhile(
    app: ModuleType, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = placed(api)
    store_as_earlier_release(order)
    real = app.components.backfill._as_stored

    def change_meanwhile(record: Any) -> Any:
        patch(api, order["id"], {"shipping_address": {"city": "Perth"}}, '"1"')
        return real(record)

    monkeypatch.setattr(app.components.backfill, "_as_stored", change_meanwhile)
    step = app.backfill({}, None)
    assert (step["incomplete"], step["filled"]) == (1, 0)
    assert api.call("GET", f"/orders/{order['id']}").headers["ETag"] == '"2"'


@pytest.mark.parametrize("time", ["0.5", "1764000000", "1e3"])
def test_number_is_not_accepted_as_a_time(api: Any, time: str) -> None:
    answer = api.call("GET", f"/orders?until={time}")
    assert answer.status_code == 400
    assert problem_pointers(answer) == ["/until"]


def test_unpublished_record_is_reported_for_redelivery(app: ModuleType, api: Any) -> None:
    # GIVEN a deleted topic
    stream = StreamOf("toyshop-local-orders")
    placed(api)
    batch = stream.records()
    client_of("sns").delete_topic(TopicArn=app.settings.topic_arn)
    # THEN the record is reported, so that Lambda delivers it again
    number = batch["Records"][0]["dynamodb"]["SequenceNumber"]
    assert app.on_dynamodb_record(batch, None) == {
        "batchItemFailures": [{"itemIdentifier": number}]
    }


def test_malformed_record_is_parked_and_the_others_are_published(app: ModuleType, api: Any) -> None:
    stream, spy = StreamOf("toyshop-local-orders"), TopicSpy(app.settings.topic_arn)
    placed(api)
    placed(api, idempotency_key="key-2")
    batch = stream.records()
    batch["Records"][0]["dynamodb"]["NewImage"]["document"] = {"S": "not a document"}
    assert app.on_dynamodb_record(batch, None) == {"batchItemFailures": []}
    assert len(spy.events()) == 1
    (message,) = parked("toyshop-local-orders-relay-dead-letters")
    assert message["body"] == batch["Records"][0]
    assert message["reason"]


def test_internal_error_does_not_reveal_the_exception(
    api: Any, app: ModuleType, logged: Logged
) -> None:
    client_of("dynamodb").delete_table(TableName="toyshop-local-orders")
    answer = api.call("GET", "/orders/ord_1")
    assert answer.status_code == 500
    assert b"Traceback" not in answer.body
    assert b"ResourceNotFound" not in answer.body
    # but the operator sees it
    (line,) = logged("unexpected error")
    assert (line["level"], line["operation"]) == ("ERROR", "getOrder")
    assert "ResourceNotFound" in line["stack"]


@pytest.mark.parametrize("email", ["dån@example.com", "alice@localhost", "alice"])
def test_order_of_a_customer_who_cannot_be_mailed_is_refused(api: Any, email: str) -> None:
    answer = api.call("POST", "/orders", request_of(contact={"email": email, "name": "Alice"}))
    assert (answer.status_code, problem_pointers(answer)) == (422, ["/contact/email"])
    assert api.call("GET", "/orders").json_body["items"] == []


def test_order_has_the_normalized_address(api: Any) -> None:
    contact = {"email": " Alice@Bücher.de", "name": "Alice"}
    order = api.call("POST", "/orders", request_of(contact=contact)).json_body
    assert order["contact"]["email"] == "alice@xn--bcher-kva.de"


def erase(api: Any, *order_ids: str) -> Any:
    answer = api.call("POST", "/orders/erasures", {"order_ids": list(order_ids)})
    assert answer.status_code == 200, answer.body
    return answer.json_body["erased"]


def test_erased_order_keeps_what_was_bought_and_the_country(app: ModuleType, api: Any) -> None:
    order = placed(api)
    # WHEN the customer's data are erased twice
    assert erase(api, order["id"], "ord_unknown", order["id"]) == [order["id"]]
    assert erase(api, order["id"]) == []
    # THEN neither the order nor its record names the customer
    shown = api.call("GET", f"/orders/{order['id']}").json_body
    nowhere = dict.fromkeys(("name", "line1", "line2", "city", "region", "postal_code"), "")
    assert shown["contact"] == {"email": "", "name": "Erased customer"}
    assert shown["shipping_address"] == nowhere | {"country": "AU"}
    for kept in ("id", "customer_id", "status", "lines", "total", "placed_at"):
        assert shown[kept] == order[kept]
    item = client_of("dynamodb").get_item(
        TableName="toyshop-local-orders", Key={"id": {"S": order["id"]}}, ConsistentRead=True
    )["Item"]
    for text in ("alice@example.com", "Alice", "1 Toy St", "Sydney", "a" * 64):
        assert text not in json.dumps(item)
    # times and ids may have the digits of the postal code
    assert '"2000"' not in json.dumps(item["document"]).replace("\\", "")
    # AND it is still listed
    let_reads_catch_up()
    assert api.call("GET", "/orders").json_body["items"] == [shown]


def test_erased_order_can_be_cancelled_but_gets_no_new_address(api: Any) -> None:
    order = placed(api)
    erase(api, order["id"])
    answer = patch(api, order["id"], {"shipping_address": {"line1": "2 Toy St"}}, '"2"')
    assert answer.status_code == 409
    assert "erased" in answer.json_body["detail"]
    assert cancel(api, order["id"])["contact"]["email"] == ""


def test_erasure_emits_the_changed_order_without_its_customer(app: ModuleType, api: Any) -> None:
    stream, spy = StreamOf("toyshop-local-orders"), TopicSpy(app.settings.topic_arn)
    order = placed(api)
    app.on_dynamodb_record(stream.records(), None)
    spy.events()
    erase(api, order["id"])
    app.on_dynamodb_record(stream.records(), None)
    (event,) = spy.events()
    assert event["type"] == "shop.order.changed.v1"
    assert event["data"]["contact"] == {"email": "", "name": "Erased customer"}


def test_change_at_the_same_time_does_not_survive_the_erasure(
    app: ModuleType, api: Any, api_of: Any, before_write: BeforeWrite
) -> None:
    order = placed(api)
    change = {"shipping_address": {"line1": "2 Toy St"}}
    before_write(lambda: patch(api_of(app), order["id"], change, '"1"'))
    assert erase(api, order["id"]) == [order["id"]]
    assert api.call("GET", f"/orders/{order['id']}").json_body["shipping_address"]["line1"] == ""


LOST = {
    "customer_id": "cus_1",
    "contact": {"email": "alice@example.com", "name": "Alice"},
    "lines": [
        {"toy_id": "toy_1", "name": "Kite", "quantity": 2,
         "unit_price": {"amount": 1250, "currency": "AUD"}},
    ],
    "shipping_address": {
        "name": "Alice", "line1": "1 Toy St", "line2": "", "city": "Sydney", "region": "NSW",
        "postal_code": "2000", "country": "AU",
    },
    "payment_method": "pm_card_visa",
    "placed_at": "2026-11-20T12:00:00Z",
}  # fmt: skip


def restore(api: Any, order_id: str, **fields: Any) -> Any:
    return api.call("PUT", f"/orders/{order_id}", LOST | fields)


def test_lost_order_is_restored_as_it_was(app: ModuleType, api: Any, logged: Logged) -> None:
    stream, spy = StreamOf("toyshop-local-orders"), TopicSpy(app.settings.topic_arn)
    order = placed(api)
    key = {"id": {"S": order["id"]}}
    client_of("dynamodb").delete_item(TableName="toyshop-local-orders", Key=key)
    known = ("customer_id", "contact", "shipping_address", "payment_method", "placed_at")
    lines = [{name: line[name] for name in LOST["lines"][0]} for line in order["lines"]]
    # WHEN the order is restored twice
    fields = {name: order[name] for name in known} | {"lines": lines}
    answers = [restore(api, order["id"], **fields) for _ in range(2)]
    # THEN it is the same order, once
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json_body == answers[1].json_body == order
    assert [line["order_id"] for line in logged("order restored")] == [order["id"]]
    let_reads_catch_up()
    assert api.call("GET", "/orders").json_body["items"] == [order]
    # AND its event has the id of the original one
    app.on_dynamodb_record(stream.records(), None)
    assert {event["id"] for event in spy.events()} == {f"{order['id']}.1.shop.order.placed.v1"}


def test_existing_order_is_not_overwritten_by_a_restored_one(api: Any) -> None:
    order = placed(api)
    answer = restore(api, order["id"], customer_id="cus_2")
    assert (answer.status_code, answer.json_body) == (200, order)


def test_cancelled_and_erased_orders_are_restored_as_such(app: ModuleType, api: Any) -> None:
    stream, spy = StreamOf("toyshop-local-orders"), TopicSpy(app.settings.topic_arn)
    nowhere = dict.fromkeys(("name", "line1", "line2", "city", "region", "postal_code"), "")
    answer = restore(
        api,
        "ord_1",
        cancelled_at="2026-11-20T13:00:00Z",
        contact={"email": "", "name": "Erased customer"},
        shipping_address=nowhere | {"country": "AU"},
    )
    assert answer.status_code == 201, answer.body
    order = answer.json_body
    assert (order["status"], order["version"]) == ("cancelled", 2)
    assert order["updated_at"] == "2026-11-20T13:00:00Z"
    assert order["contact"] == {"email": "", "name": "Erased customer"}
    # AND nothing that could charge it is emitted
    app.on_dynamodb_record(stream.records(), None)
    assert [event["id"] for event in spy.events()] == ["ord_1.2.shop.order.cancelled.v1"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"placed_at": "2026-10-31T23:59:59Z"}, "/placed_at"),
        ({"placed_at": "2999-01-01T00:00:00Z"}, "/placed_at"),
        ({"placed_at": "0001-01-01T00:00:00+14:00"}, "/placed_at"),
        ({"cancelled_at": "2026-11-20T11:59:59Z"}, "/cancelled_at"),
        ({"cancelled_at": "9999-12-31T23:59:59-14:00"}, "/cancelled_at"),
        ({"lines": []}, "/lines"),
        ({"contact": {"email": "a" * 300, "name": "A"}}, "/contact/email"),
        ({"contact": {"email": "", "name": "Zoe"}}, "/contact/email"),
        ({"status": "placed"}, "/status"),
    ],
)
def test_impossible_order_is_not_restored(api: Any, fields: dict[str, Any], pointer: str) -> None:
    answer = restore(api, "ord_1", **fields)
    assert answer.status_code == 422, answer.body
    assert [error["pointer"] for error in answer.json_body["errors"]] == [pointer]
    assert api.call("GET", "/orders/ord_1").status_code == 404


def test_order_that_was_cancelled_at_once_is_restored(api: Any) -> None:
    answer = restore(api, "ord_1", cancelled_at=LOST["placed_at"])
    assert (answer.status_code, answer.json_body["status"]) == (201, "cancelled")


@pytest.mark.parametrize("order_id", ["x" * 65, "x" * 2049, "a%00b", "%20", "a%2Fb", "%C3%A9"])
def test_order_with_an_impossible_id_is_not_restored(api: Any, order_id: str) -> None:
    answer = restore(api, order_id)
    assert answer.status_code == 422, answer.body
    assert [error["pointer"] for error in answer.json_body["errors"]] == ["/order_id"]
    let_reads_catch_up()
    assert api.call("GET", "/orders").json_body["items"] == []


def test_restored_order_answers_a_repeated_request(api: Any) -> None:
    order = placed(api)
    client_of("dynamodb").delete_item(
        TableName="toyshop-local-orders", Key={"id": {"S": order["id"]}}
    )
    assert restore(api, order["id"]).status_code == 201
    # WHEN the customer's client sends the request again, whose fingerprint is lost
    answer = api.call("POST", "/orders", request_of())
    # THEN no second order is placed
    assert (answer.status_code, answer.json_body["id"]) == (200, order["id"])
