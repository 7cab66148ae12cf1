"""The storefront with real users and tokens, and fakes of the private services."""

import json
import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import moto.cognitoidp.utils
import msgspec
import pytest
import time_machine
from botocore.exceptions import ClientError, EndpointConnectionError
from openapi_spec_validator import validate

from chassis import context
from chassis.client import Reply
from chassis.problems import (
    BadRequest,
    Conflict,
    NotFound,
    PreconditionRequired,
    ServiceUnavailable,
    Unprocessable,
)
from contracts import orders, payments, storefront, toys
from contracts.journeys import Journey
from contracts.money import Money
from support.authorization import claims_of
from support.aws_calls import intercept
from support.log_lines import Logged
from support.moto_aws import client_of
from support.order_traces import FakeXRay, Recording, placed_and_declined
from support.storefront import (
    ADDRESS,
    AUSTRALIA,
    BASKET,
    CARD,
    DRAFT,
    NOW,
    PASSWORD,
    Shop,
    pointers,
    toy,
)


class TestUsers:
    def test_sign_up_and_sign_in_ignore_the_case_of_the_address(self, shop: Shop) -> None:
        new = {"email": "Carol@Example.com", "password": PASSWORD, "name": "Carol"}
        user = shop.call("POST", "/users", new)
        assert user.status_code == 201
        assert user.json_body.items() >= {"email": "carol@example.com", "name": "Carol"}.items()
        credentials = {"email": "CAROL@example.com", "password": PASSWORD}
        session = shop.call("POST", "/sessions", credentials).json_body
        assert (session["token_type"], session["expires_in"]) == ("Bearer", 3600)
        mine = shop.call("GET", "/orders", token=session["access_token"])
        assert mine.status_code == 200
        # THEN the user's id is the token's subject, which identifies the customer of an order
        assert shop.orders.calls[-1].query.customer_id == user.json_body["id"]

    @pytest.mark.parametrize(
        ("typed", "used"),
        [
            (" o'Brien@Example.com\u200b\n", "o'brien@example.com"),
            ("carol@bücher.de", "carol@xn--bcher-kva.de"),
        ],
    )
    def test_address_is_normalized_at_sign_up_and_sign_in(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch, typed: str, used: str
    ) -> None:
        # moto refuses an apostrophe, Cognito does not
        monkeypatch.setitem(moto.cognitoidp.utils.FORMATS, "email", r"\S+@\S+")
        new = {"email": typed, "password": PASSWORD, "name": "Carol"}
        user = shop.call("POST", "/users", new)
        assert (user.status_code, user.json_body["email"]) == (201, used)
        assert pointers(shop.call("POST", "/users", new | {"email": used}), 409) == []
        for email in (typed, used, f" {used.upper()}\t"):
            session = shop.call("POST", "/sessions", {"email": email, "password": PASSWORD})
            assert session.status_code == 200, email
            # THEN emails about the user's orders go to the normalized address
            token = session.json_body["access_token"]
            key = {"Idempotency-Key": str(len(shop.orders.calls))}
            shop.call("POST", "/orders", BASKET, key, token)
            assert shop.orders.calls[-1].body.contact.email == used

    @pytest.mark.parametrize(
        "email", ["dån@example.com", "carol@localhost", f"carol@{'d' * 60}.{'e' * 60}.com"]
    )
    def test_address_that_cannot_be_mailed_or_is_too_long_for_the_pool_cannot_sign_up(
        self, shop: Shop, email: str
    ) -> None:
        new = {"email": email, "password": PASSWORD, "name": "Carol"}
        assert pointers(shop.call("POST", "/users", new), 422) == ["/email"]
        assert shop.cognito.list_users(UserPoolId=shop.pool_id)["Users"] == []
        # AND sign-in answers as to any other unknown user
        credentials = {"email": email, "password": PASSWORD}
        assert pointers(shop.call("POST", "/sessions", credentials), 401) == []

    def test_second_user_with_an_address_is_409(self, shop: Shop, alice: str) -> None:
        new = {"email": "ALICE@example.com", "password": PASSWORD, "name": "Alice"}
        assert pointers(shop.call("POST", "/users", new), 409) == []

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"password": "short"}, "/password"),
            ({"password": "no-capitals-2026!"}, "/password"),
            ({"password": ""}, "/password"),
            ({"email": "nobody"}, "/email"),
            ({"email": "a@b.cc\nBcc: x@y.zz"}, "/email"),
            ({"name": ""}, "/name"),
            ({"name": f"Card {CARD}"}, "/name"),
            ({"password": f"Aa!{CARD}"}, "/password"),
            ({"role": "staff"}, "/role"),
            ({CARD: "x"}, "/"),
        ],
    )
    def test_invalid_field_is_named_without_its_value(
        self, shop: Shop, changes: dict[str, str], pointer: str
    ) -> None:
        new = {"email": "carol@example.com", "password": PASSWORD, "name": "Carol"} | changes
        answer = shop.call("POST", "/users", new)
        assert pointers(answer, 422) == [pointer]
        assert CARD.encode() not in answer.body
        assert shop.cognito.list_users(UserPoolId=shop.pool_id)["Users"] == []

    def test_address_must_be_confirmed_before_sign_in(self, shop: Shop) -> None:
        # GIVEN a stage without automatic confirmation
        shop.build(auto_confirm_users=False)
        new = {"email": "carol@example.com", "password": PASSWORD, "name": "Carol"}
        assert shop.call("POST", "/users", new).status_code == 201
        credentials = {"email": "carol@example.com", "password": PASSWORD}
        assert shop.call("POST", "/sessions", credentials).status_code == 401
        # WHEN the code is sent
        code = {"email": "Carol@example.com", "code": "123456"}
        confirmed = shop.call("POST", "/users/confirmation", code)
        assert (confirmed.status_code, confirmed.body) == (204, b"")
        assert shop.call("POST", "/sessions", credentials).status_code == 200

    def test_code_of_an_unknown_user_is_answered_like_a_wrong_code(self, shop: Shop) -> None:
        code = {"email": "nobody@example.com", "code": "123456"}
        assert pointers(shop.call("POST", "/users/confirmation", code), 422) == ["/code"]
        assert pointers(
            shop.call("POST", "/users/confirmation", code | {"code": "12345x"}), 422
        ) == ["/code"]

    def test_emailed_code_sets_a_new_password(self, shop: Shop, alice: str) -> None:
        # GIVEN a customer with a session who has requested a code
        credentials = {"email": "alice@example.com", "password": PASSWORD}
        session = shop.call("POST", "/sessions", credentials).json_body
        address = {"email": " Alice@Example.com"}
        requested = shop.call("POST", "/users/password-reset", address)
        assert (requested.status_code, requested.body) == (202, b"")
        # WHEN the code is sent with a new password
        new = {**address, "code": "123456", "password": "Another-2026!"}
        reset = shop.call("POST", "/users/password-reset/confirmation", new)
        assert (reset.status_code, reset.body) == (204, b"")
        # THEN only the new password signs in, and earlier sessions have ended
        pointers(shop.call("POST", "/sessions", credentials), 401)
        credentials["password"] = "Another-2026!"
        assert shop.call("POST", "/sessions", credentials).status_code == 200
        refresh = {"refresh_token": session["refresh_token"]}
        pointers(shop.call("POST", "/sessions", refresh), 401)
        pointers(shop.call("GET", "/users/me", token=session["access_token"]), 401)

    def test_answers_for_an_unknown_address_are_those_for_a_user(
        self, shop: Shop, alice: str
    ) -> None:
        for path in ("/users/password-reset", "/users/confirmation/resend"):
            known = shop.call("POST", path, {"email": "alice@example.com"})
            unknown = shop.call("POST", path, {"email": "nobody@example.com"})
            assert (known.status_code, known.body) == (unknown.status_code, unknown.body)
            assert known.status_code == 202
            pointers(shop.call("POST", path, {"email": "nobody"}), 422)
        reset = {"code": "123456", "password": PASSWORD, "email": "nobody@example.com"}
        path = "/users/password-reset/confirmation"
        assert pointers(shop.call("POST", path, reset), 422) == ["/code"]
        for email in ("nobody@example.com", "alice@example.com"):
            weak = reset | {"email": email, "password": f"{PASSWORD} "}
            assert pointers(shop.call("POST", path, weak), 422) == ["/password"]

    def test_customer_reads_and_changes_the_profile(self, shop: Shop, alice: str) -> None:
        profile = shop.call("GET", "/users/me", token=alice)
        user_id = claims_of(alice)["sub"]
        expected = {"id": user_id, "email": "alice@example.com", "name": "Alice"}
        assert (profile.status_code, profile.json_body) == (200, expected)
        renamed = expected | {"name": "李小龍"}
        for content_type in ("application/json", "application/merge-patch+json"):
            headers = {"Content-Type": content_type}
            body = json.dumps({"name": "李小龍"}).encode()
            answer = shop.call("PATCH", "/users/me", body, headers, alice)
            assert (answer.status_code, answer.json_body) == (200, renamed)
        assert shop.call("GET", "/users/me", token=alice).json_body == renamed
        # AND the next order has the new name
        shop.order(alice)
        assert shop.orders.calls[-1].body.contact.name == "李小龍"

    @pytest.mark.parametrize("field", ["email", "id", "email_verified", "role"])
    def test_profile_change_of_anything_but_the_name_is_refused(
        self, shop: Shop, alice: str, field: str
    ) -> None:
        change = {"name": "Mallory", field: "x"}
        answer = shop.call("PATCH", "/users/me", change, token=alice)
        assert pointers(answer, 422) == [f"/{field}"]
        assert shop.call("GET", "/users/me", token=alice).json_body["name"] == "Alice"

    def test_unknown_user_is_answered_like_a_wrong_password(self, shop: Shop, alice: str) -> None:
        unknown = shop.call("POST", "/sessions", {"email": "x@example.com", "password": PASSWORD})
        wrong = shop.call("POST", "/sessions", {"email": "alice@example.com", "password": "x"})
        assert pointers(unknown, 401) == []
        assert unknown.json_body == wrong.json_body

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (
                ClientError({"Error": {"Code": "TooManyRequestsException"}}, "InitiateAuth"),
                "TooManyRequestsException",
            ),
            (EndpointConnectionError(endpoint_url="https://cognito"), "EndpointConnectionError"),
        ],
    )
    def test_unavailable_user_pool_is_503_and_logged(
        self,
        shop: Shop,
        monkeypatch: pytest.MonkeyPatch,
        logged: Logged,
        error: Exception,
        reason: str,
    ) -> None:
        def fail(*_: Any) -> None:
            raise error

        intercept(monkeypatch, fail)
        answer = shop.call("POST", "/sessions", {"email": "x@example.com", "password": PASSWORD})
        assert pointers(answer, 503) == []
        (line,) = logged("user pool unavailable")
        assert (line["level"], line["reason"]) == ("WARNING", reason)

    def test_refresh_token_renews_a_session(self, shop: Shop, alice: str) -> None:
        credentials = {"email": "alice@example.com", "password": PASSWORD}
        first = shop.call("POST", "/sessions", credentials).json_body
        renewed = shop.call("POST", "/sessions", {"refresh_token": first["refresh_token"]})
        assert renewed.status_code == 200
        session = renewed.json_body
        assert session["refresh_token"] == first["refresh_token"]
        assert shop.call("GET", "/orders", token=session["access_token"]).status_code == 200
        pointers(shop.call("POST", "/sessions", {"refresh_token": "made up"}), 401)

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/email"),
            ({"email": "alice@example.com"}, "/password"),
            ({"password": PASSWORD}, "/email"),
            ({"refresh_token": "x", "email": "a@b.cc"}, "/refresh_token"),
            ({"refresh_token": None}, "/refresh_token"),
            ({"mfa": "1"}, "/mfa"),
        ],
    )
    def test_session_accepts_one_kind_of_credentials(
        self, shop: Shop, body: dict[str, Any], pointer: str
    ) -> None:
        assert pointers(shop.call("POST", "/sessions", body), 422) == [pointer]


class TestPermissions:
    def test_each_operation_is_open_to_its_audience(
        self, shop: Shop, alice: str, staff: str
    ) -> None:
        for operation in storefront.OPERATIONS:
            path = operation.path.format(toy_id="toy_1", order_id="ord_9", image_id="fil_1")
            body: Any = {} if operation.body else None
            call = (operation.method, path, body)
            open_to_all = operation.audience in ("anyone", "gateway")
            assert (shop.call(*call).status_code == 401) is not open_to_all, operation.name
            stranger = shop.call(*call, token="made.up.token")
            if not open_to_all:
                assert pointers(stranger, 401) == []
                assert stranger.headers["WWW-Authenticate"] == "Bearer"
            as_customer = shop.call(*call, token=alice).status_code
            assert (as_customer == 403) is (operation.audience == "staff"), operation.name
            assert shop.call(*call, token=staff).status_code not in (401, 403), operation.name

    def test_id_token_is_rejected(self, shop: Shop, alice: str, logged: Logged) -> None:
        credentials = {"email": "alice@example.com", "password": PASSWORD}
        session = shop.call("POST", "/sessions", credentials).json_body
        assert shop.call("GET", "/orders", token=session["id_token"]).status_code == 401
        (line,) = logged("token rejected")
        assert line["level"] == "INFO"
        assert line["reason"]
        assert session["id_token"] not in str(line)

    def test_customer_gets_403_from_staff_routes_before_other_checks(
        self, shop: Shop, alice: str
    ) -> None:
        # 403 comes before 404, 428, 415 and 422
        for method, path in (("PUT", "/toys/nope"), ("DELETE", "/toys/nope"), ("POST", "/toys")):
            answer = shop.call(method, path, b"?", {"Content-Type": "text/plain"}, alice)
            assert pointers(answer, 403) == []
        assert shop.pop_downstream_operations() == []


class TestCatalogue:
    def test_search_query_is_forwarded(self, shop: Shop) -> None:
        page = shop.call("GET", "/toys?q=kite&attr.color=red&price_min=5&limit=2&sort=-price")
        assert [item["id"] for item in page.json_body["items"]] == ["toy_1", "toy_2"]
        assert page.json_body["total"] == 2
        assert "facets" not in page.json_body
        assert shop.toys.calls[0].query == toys.ToyQuery(
            q="kite", attributes={"color": "red"}, price_min=5, limit=2, sort="-price"
        )

    def test_facets_are_returned_if_asked_for(self, shop: Shop) -> None:
        counts = {"brand": {"Sky": 2}}
        shop.toys.answers["searchToys"] = lambda _: toys.ToyPage(
            items=[], next_cursor=None, total=2, facets=counts
        )
        page = shop.call("GET", "/toys?facets=brand")
        assert page.json_body["facets"] == counts
        assert shop.toys.calls[0].query == toys.ToyQuery(facets="brand")

    def test_suggestions_are_forwarded(self, shop: Shop) -> None:
        answer = shop.call("GET", "/toys/suggestions?q=ki&limit=3")
        assert answer.json_body == {"items": [{"text": "Kite"}]}
        assert shop.toys.calls[0].query == toys.SuggestionQuery(q="ki", limit=3)
        assert pointers(shop.call("GET", "/toys/suggestions?limit=21"), 400) == ["/limit"]

    @pytest.mark.parametrize(
        "query", ["color=red", "facets=color", "facets=age,age", "age=-1", "limit=0", "sort=x"]
    )
    def test_invalid_parameter_is_400_without_a_call_to_toys(self, shop: Shop, query: str) -> None:
        assert pointers(shop.call("GET", f"/toys?{query}"), 400) == [f"/{query.split('=')[0]}"]
        assert shop.toys.calls == []

    def test_toy_has_an_etag(self, shop: Shop) -> None:
        answer = shop.call("GET", "/toys/toy_1")
        assert answer.json_body["id"] == "toy_1"
        assert answer.headers["ETag"] == '"4"'

    @pytest.mark.parametrize("toy_id", ["nope", "%27%22", "a%2Fb", "%2E%2E", "%00", "x" * 65])
    def test_invalid_toy_id_is_404(self, shop: Shop, staff: str, toy_id: str) -> None:
        pointers(shop.call("GET", f"/toys/{toy_id}"), 404)
        pointers(shop.call("PUT", f"/toys/{toy_id}", DRAFT, token=staff), 404)

    def test_staff_change_the_catalogue_with_bodies_forwarded_unchanged(
        self, shop: Shop, staff: str
    ) -> None:
        added = shop.call("POST", "/toys", DRAFT, token=staff)
        assert (added.status_code, added.headers["Location"]) == (201, "/api/toys/toy_3")
        assert json.loads(bytes(shop.toys.calls[-1].body)) == DRAFT
        precondition = {"If-Match": '"4"'}
        put = shop.call("PUT", "/toys/toy_1", DRAFT, precondition, staff)
        assert put.headers["ETag"] == '"4"'
        assert shop.toys.calls[-1].headers == precondition
        merge = {"Content-Type": "application/merge-patch+json"}
        patch = b'{ "name" : null }'
        assert shop.call("PATCH", "/toys/toy_1", patch, precondition | merge, staff).status_code
        assert bytes(shop.toys.calls[-1].body) == patch
        assert shop.call("DELETE", "/toys/toy_1", None, precondition, staff).status_code == 204
        image = shop.call("POST", "/toys/toy_1/images", {}, None, staff)
        assert (image.status_code, image.json_body["image"]["id"]) == (201, "fil_1")
        listed = shop.call("GET", "/toys/toy_1/images?limit=1", None, None, staff)
        assert listed.json_body["next_cursor"] == "next"
        assert [one["status"] for one in listed.json_body["items"]] == ["rejected"]
        assert shop.toys.calls[-1].query == toys.UploadedImageQuery(limit=1)
        removed = shop.call("DELETE", "/toys/toy_1/images/fil_1", None, None, staff)
        assert removed.status_code == 204
        assert shop.pop_downstream_operations() == [
            "createToy",
            "replaceToy",
            "patchToy",
            "deleteToy",
            "addToyImage",
            "listToyImages",
            "removeToyImage",
        ]

    def test_body_is_forwarded_as_utf_8_only(self, shop: Shop, staff: str) -> None:
        text = json.dumps(DRAFT | {"brand": "Märklin"}, ensure_ascii=False)
        sent = {"Content-Type": "application/json"}
        answer = shop.call("POST", "/toys", text.encode("utf-8-sig"), sent, staff)
        assert answer.status_code == 201
        assert bytes(shop.toys.calls[-1].body) == text.encode()
        shop.pop_downstream_operations()
        pointers(shop.call("POST", "/toys", text.encode("latin-1"), sent, staff), 400)
        latin = {"Content-Type": "application/json; charset=latin1"}
        pointers(shop.call("POST", "/toys", text.encode(), latin, staff), 415)
        assert shop.pop_downstream_operations() == []

    def test_client_that_has_the_version_of_a_toy_gets_304(self, shop: Shop) -> None:
        for method in ("GET", "HEAD"):
            same = shop.call(method, "/toys/toy_1", None, {"If-None-Match": 'W/"4", "x"'})
            assert (same.status_code, same.body, same.headers["ETag"]) == (304, b"", '"4"')
            other = shop.call(method, "/toys/toy_1", None, {"If-None-Match": '"3"'})
            assert (other.status_code, bool(other.body)) == (200, method == "GET")

    @pytest.mark.parametrize("if_match", ["*", '"3", "4"', 'W/"4"'])
    def test_precondition_is_forwarded_to_toys_as_it_is(
        self, shop: Shop, staff: str, if_match: str
    ) -> None:
        shop.call("PUT", "/toys/toy_1", DRAFT, {"If-Match": if_match}, staff)
        assert shop.toys.calls[-1].headers == {"If-Match": if_match}

    def test_problem_of_toys_is_returned_to_the_client(self, shop: Shop, staff: str) -> None:
        shop.toys.answers["replaceToy"] = PreconditionRequired("Send If-Match")
        pointers(shop.call("PUT", "/toys/toy_1", DRAFT, token=staff), 428)
        shop.toys.answers["createToy"] = Unprocessable.at("/price/currency", "AUD")
        assert pointers(shop.call("POST", "/toys", DRAFT, token=staff), 422) == ["/price/currency"]

    def test_unavailable_catalogue_is_503(self, shop: Shop) -> None:
        shop.toys.answers["searchToys"] = ServiceUnavailable("down")
        answer = shop.call("GET", "/toys")
        assert pointers(answer, 503) == []
        assert "Retry-After" in answer.headers


class TestPlaceOrder:
    def test_order_has_the_catalogue_prices_and_the_users_email(
        self, shop: Shop, alice: str
    ) -> None:
        answer = shop.order(alice)
        assert answer.status_code == 201
        assert answer.headers["Location"] == "/api/orders/ord_1"
        assert answer.headers["ETag"] == '"1"'
        order = answer.json_body
        assert order["total"] == {"amount": 3000, "currency": "AUD"}
        assert order["payment"] == {
            "status": "pending",
            "transaction_id": None,
            "decline_code": None,
            "action": None,
            "refunded_amount": {"amount": 0, "currency": "AUD"},
            "disputed": False,
            "dispute": None,
        }
        assert order["receipt"] is False
        assert order["contact"] == {"email": "alice@example.com", "name": "Alice"}
        assert "payment_method" not in order
        placed = shop.orders.placed["ord_1"]
        assert placed.contact == orders.NewContact(email="alice@example.com", name="Alice")
        # THEN each service was called once, and payments not at all
        assert shop.pop_downstream_operations() == ["lookUpToys", "placeOrder"]

    def test_unverified_address_is_403_and_places_no_order(self, shop: Shop, alice: str) -> None:
        # GIVEN a customer whose address is not verified
        shop.set_attributes("alice@example.com", email_verified="false")
        # WHEN the customer orders
        answer = shop.order(alice)
        # THEN the answer says what is wrong, and no order was placed
        assert pointers(answer, 403) == []
        detail = answer.json_body["detail"]
        assert "email address of your account is not confirmed" in detail
        assert "nothing was charged" in detail
        assert "placeOrder" not in shop.pop_downstream_operations()

    def test_key_can_be_used_again_once_the_address_is_verified(
        self, shop: Shop, alice: str
    ) -> None:
        shop.set_attributes("alice@example.com", email_verified="false")
        assert shop.order(alice).status_code == 403
        shop.set_attributes("alice@example.com", email_verified="true")
        assert shop.order(alice).status_code == 201

    def test_placed_order_is_returned_to_a_customer_with_an_unverified_address(
        self, shop: Shop, alice: str
    ) -> None:
        placed = shop.order(alice).json_body
        shop.set_attributes("alice@example.com", email_verified="false")
        repeated = shop.order(alice)
        assert (repeated.status_code, repeated.json_body["id"]) == (200, placed["id"])

    def test_repeated_key_returns_the_same_order_although_its_toys_are_gone(
        self, shop: Shop, alice: str
    ) -> None:
        first = shop.order(alice).json_body
        # GIVEN an empty catalogue, and a body with fields in another order
        shop.toys.shelf.clear()
        shop.payments.set("ord_1", "succeeded")
        shop.pop_downstream_operations()
        reordered = dict(reversed(BASKET.items()))
        headers = {"Idempotency-Key": "key-1"}
        again = shop.call("POST", "/orders", reordered, headers, alice)
        assert again.status_code == 200
        assert again.json_body == first | {
            "payment": first["payment"] | {"status": "succeeded", "transaction_id": "txn_ord_1"}
        }
        assert shop.pop_downstream_operations() == [
            "lookUpToys",
            "findReplay",
            "lookUpTransactions",
        ]

    @pytest.mark.parametrize(
        "fault", ["none", "price", "toys", "user pool", "unverified", "revoked"]
    )
    def test_repeated_key_is_answered_alike_whatever_has_happened_since(
        self, shop: Shop, alice: str, monkeypatch: pytest.MonkeyPatch, fault: str
    ) -> None:
        placed = shop.order(alice).json_body
        match fault:
            case "price":
                shop.toys.shelf["toy_1"] = toy("toy_1", 99_900)
            case "toys":
                shop.toys.error = ServiceUnavailable("down")
            case "unverified":
                shop.set_attributes("alice@example.com", email_verified="false")
            case "user pool" | "revoked":
                code = "NotAuthorizedException" if fault == "revoked" else "InternalErrorException"
                error = ClientError({"Error": {"Code": code, "Message": ""}}, "GetUser")
                users = shop._module.components.ordering._users
                cognito = SimpleNamespace(get_user=Mock(side_effect=error))
                monkeypatch.setattr(users, "_cognito", lambda: cognito)
        repeated = shop.order(alice)
        assert (repeated.status_code, repeated.json_body) == (200, placed)
        # AND every other body is refused, valid or not
        for changes in ({"payment_method": "pm_other"}, {"lines": []}, {"note": CARD}):
            other = shop.order(alice, **changes)
            assert pointers(other, 422) == []
            assert "Idempotency-Key" in other.json_body["detail"]
        assert list(shop.orders.placed) == ["ord_1"]

    def test_slow_catalogue_leaves_time_to_look_the_key_up(
        self, shop: Shop, alice: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        left: dict[str, float] = {}

        def noting(name: str, answer: Any) -> Any:
            def note(call: Any) -> Any:
                left[name] = context.current().remaining()
                return answer(call)

            return note

        for service, name in ((shop.toys, "lookUpToys"), (shop.orders, "findReplay")):
            monkeypatch.setitem(service.answers, name, noting(name, service.answers[name]))
        assert shop.order(alice, lines=[{"toy_id": "none", "quantity": 1}]).status_code == 422
        assert left["findReplay"] - left["lookUpToys"] == pytest.approx(5, abs=0.5)

    def test_prices_and_contact_data_are_read_at_the_same_time_in_one_trace(
        self, shop: Shop, alice: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        both_running = threading.Barrier(2, timeout=5)
        traces = set()

        def waiting(do: Any) -> Any:
            def wait(*args: Any) -> Any:
                traces.add(context.current().traceparent.split("-")[1])
                both_running.wait()
                return do(*args)

            return wait

        users = shop._module.components.ordering._users
        monkeypatch.setattr(users, "contact_of", waiting(users.contact_of))
        look_up = shop.toys.answers["lookUpToys"]
        monkeypatch.setitem(shop.toys.answers, "lookUpToys", waiting(look_up))
        trace = f"00-{'a1b2' * 8}-{'c3d4' * 4}-01"
        headers = {"Idempotency-Key": "k", "traceparent": trace}
        assert shop.call("POST", "/orders", BASKET, headers, alice).status_code == 201
        assert traces == {trace.split("-")[1]}

    def test_repeated_key_with_another_body_is_422(self, shop: Shop, alice: str) -> None:
        shop.order(alice)
        other = shop.order(alice, payment_method="pm_card_chargeDeclined")
        assert pointers(other, 422) == []
        # THEN even if the other body is not a valid order
        assert pointers(shop.order(alice, lines=[]), 422) == []
        assert list(shop.orders.placed) == ["ord_1"]

    def test_keys_of_different_customers_are_independent(
        self, shop: Shop, alice: str, bob: str
    ) -> None:
        assert shop.order(alice).status_code == 201
        assert shop.order(bob).status_code == 201

    def test_concurrent_request_with_the_same_key_returns_the_same_order(
        self, shop: Shop, alice: str
    ) -> None:
        placed = shop.order(alice).json_body
        # GIVEN that the other request places its order between the lookup and the placement
        shop.orders.answers["findReplay"] = NotFound("new")
        shop.orders.answers["placeOrder"] = lambda _: Reply(200, shop.orders.placed["ord_1"])
        again = shop.order(alice)
        assert (again.status_code, again.json_body) == (200, placed)

    def test_other_expected_total_is_409_with_the_current_one(self, shop: Shop, alice: str) -> None:
        # GIVEN a price that has risen since the customer saw it
        seen = {"amount": 3000, "currency": "AUD"}
        shop.toys.shelf["toy_1"] = toy("toy_1", 99_900)
        # WHEN the customer orders at the price that the page has shown
        answer = shop.order(alice, expected_total=seen)
        # THEN the answer has the current order
        assert (answer.status_code, answer.headers["Content-Type"]) == (
            409,
            "application/problem+json",
        )
        problem = msgspec.json.decode(answer.body, type=orders.PriceChanged)
        assert problem.type == orders.PRICE_CHANGED
        assert problem.total == Money(amount=200_300, currency="AUD")
        assert shop.orders.placed == {}
        # AND the key is still free for it
        current = msgspec.to_builtins(problem.total)
        placed = shop.order(alice, expected_total=current)
        assert (placed.status_code, placed.json_body["total"]) == (201, current)

    def test_repeated_key_returns_its_order_after_the_price_has_changed(
        self, shop: Shop, alice: str
    ) -> None:
        seen = {"amount": 3000, "currency": "AUD"}
        first = shop.order(alice, expected_total=seen).json_body
        shop.toys.shelf["toy_1"] = toy("toy_1", 99_900)
        again = shop.order(alice, expected_total=seen)
        assert (again.status_code, again.json_body["id"]) == (200, first["id"])
        # THEN another expected total is another body
        other = shop.order(alice, expected_total={"amount": 200_300, "currency": "AUD"})
        assert pointers(other, 422) == []

    @pytest.mark.parametrize("key", [None, "", "with space", "ü", "x" * 256])
    def test_order_requires_an_idempotency_key(
        self, shop: Shop, alice: str, key: str | None
    ) -> None:
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = shop.call("POST", "/orders", BASKET, headers, alice)
        pointers(answer, 400)
        assert ("is required" in answer.json_body["detail"]) == (key is None)
        assert shop.pop_downstream_operations() == []

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"lines": []}, "/lines"),
            ({"lines": [{"toy_id": "toy_1", "quantity": 0}]}, "/lines/0/quantity"),
            ({"lines": [{"toy_id": "toy_1", "quantity": 10001}]}, "/lines/0/quantity"),
            ({"lines": [{"toy_id": "toy_1", "quantity": 1.5}]}, "/lines/0/quantity"),
            ({"lines": [{"toy_id": "toy_1", "quantity": "2"}]}, "/lines/0/quantity"),
            ({"lines": [{"toy_id": "toy_1", "quantity": 1}] * 101}, "/lines"),
            (
                {"lines": [{"toy_id": "toy_1", "quantity": 1, "unit_price": 1}]},
                "/lines/0/unit_price",
            ),
            (
                {"lines": [BASKET["lines"][0], {"toy_id": "nope", "quantity": 1}]},
                "/lines/1/toy_id",
            ),
            ({"lines": [{"toy_id": "eur", "quantity": 1}]}, "/lines/0/toy_id"),
            (
                {
                    "lines": [{"toy_id": "nope", "quantity": 1}],
                    "expected_total": {"amount": 1250, "currency": "AUD"},
                },
                "/lines/0/toy_id",
            ),
            ({"contact": {"email": "x@y.zz", "name": "X"}}, "/contact"),
            ({"payment_method": "visa"}, "/payment_method"),
            ({"expected_total": 3000}, "/expected_total"),
            ({"expected_total": {"amount": 3000}}, "/expected_total/currency"),
            ({"payment_method": CARD}, "/payment_method"),
            ({"payment_method": f"pm_{CARD.replace(' ', '')}"}, "/payment_method"),
            ({"shipping_address": ADDRESS | {"country": "Australia"}}, "/shipping_address/country"),
            (
                {"shipping_address": ADDRESS | {"line2": "4242-4242-4242-4242"}},
                "/shipping_address/line2",
            ),
            ({"note": {"deep": [CARD]}}, "/note/deep/0"),
            ({"shipping_address": ADDRESS | {"line1": "a\nb"}}, "/shipping_address/line1"),
        ],
    )
    def test_invalid_order_names_the_field_and_is_not_placed(
        self,
        shop: Shop,
        alice: str,
        changes: dict[str, Any],
        pointer: str,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        shop.toys.shelf["eur"] = toy("eur", currency="EUR")
        answer = shop.order(alice, **changes)
        assert pointers(answer, 422) == [pointer]
        assert shop.orders.placed == {}
        for card in (CARD, CARD.replace(" ", ""), CARD.replace(" ", "-")):
            assert card.encode() not in answer.body
            assert card not in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("toy_id", "detail", "code"),
        [
            ("eur", "This toy is not sold in AUD", "not_allowed"),
            ("none", "There is no such toy", "not_found"),
        ],
    )
    def test_toy_that_cannot_be_ordered_is_named_with_the_reason(
        self, shop: Shop, alice: str, toy_id: str, detail: str, code: str
    ) -> None:
        shop.toys.shelf["eur"] = toy("eur", currency="EUR")
        answer = shop.order(alice, lines=[{"toy_id": toy_id, "quantity": 1}])
        (error,) = answer.json_body["errors"]
        assert error == {"pointer": "/lines/0/toy_id", "detail": detail, "code": code}

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 400),
            (b"{", 400),
            (b'{"a": NaN}', 400),
            (b"\xff", 400),
            (b'{"a": "\\ud800"}', 400),
            (b"[" * 20_000, 400),
            (b"[" * 100 + b"]" * 100, 400),
            (b"[]", 422),
            (b"null", 422),
            (b"1e400", 422),
            (b'"' + b"x" * 70_000 + b'"', 413),
        ],
    )
    def test_malformed_body_is_rejected(
        self, shop: Shop, alice: str, body: bytes, status: int
    ) -> None:
        headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
        pointers(shop.call("POST", "/orders", body, headers, alice), status)

    def test_form_is_415(self, shop: Shop, alice: str) -> None:
        headers = {"Idempotency-Key": "k", "Content-Type": "application/x-www-form-urlencoded"}
        pointers(shop.call("POST", "/orders", b"a=b", headers, alice), 415)

    def test_countries_are_listed_for_everyone(self, shop: Shop) -> None:
        answer = shop.call("GET", "/countries")
        assert answer.status_code == 200
        assert answer.json_body == {"items": [msgspec.to_builtins(AUSTRALIA)]}

    def test_refused_address_is_answered_as_orders_words_it(self, shop: Shop, alice: str) -> None:
        pointer = "/shipping_address/postal_code"
        shop.orders.answers["placeOrder"] = Unprocessable.at(pointer, "Postcode is required")
        answer = shop.order(alice)
        assert pointers(answer, 422) == [pointer]
        assert answer.json_body["errors"][0]["detail"] == "Postcode is required"

    def test_unavailable_catalogue_places_no_order(self, shop: Shop, alice: str) -> None:
        shop.toys.answers["lookUpToys"] = ServiceUnavailable("down")
        pointers(shop.order(alice), 503)
        assert shop.orders.placed == {}


class TestOrders:
    def test_order_is_visible_to_its_customer_and_staff_only(
        self, shop: Shop, alice: str, bob: str, staff: str
    ) -> None:
        shop.order(alice)
        for token, status in ((alice, 200), (bob, 404), (staff, 200)):
            assert shop.call("GET", "/orders/ord_1", token=token).status_code == status
        stranger = shop.call("GET", "/orders/ord_1", token=bob).json_body
        assert stranger == shop.call("GET", "/orders/ord_2", token=bob).json_body

    @pytest.mark.parametrize("order_id", ["nope", "%27", "a%2Fb", "%2E%2E", "x" * 65])
    def test_invalid_order_id_is_404(self, shop: Shop, alice: str, order_id: str) -> None:
        for method, rest in (("GET", ""), ("PATCH", ""), ("POST", "/cancellation")):
            pointers(shop.call(method, f"/orders/{order_id}{rest}", b"?", token=alice), 404)

    def test_page_of_orders_takes_one_call_to_orders_and_one_to_payments(
        self, shop: Shop, alice: str, bob: str, staff: str
    ) -> None:
        for number in range(3):
            shop.order(alice, f"key-{number}")
        shop.payments.set("ord_2", "declined", decline_code="insufficient_funds")
        shop.pop_downstream_operations()
        page = shop.call("GET", "/orders?limit=2", token=alice).json_body
        assert shop.pop_downstream_operations() == ["listOrders", "lookUpTransactions"]
        assert [order["payment"]["status"] for order in page["items"]] == ["pending", "declined"]
        assert page["items"][1]["payment"]["decline_code"] == "insufficient_funds"
        assert page["next_cursor"] == "more"
        assert shop.call("GET", "/orders", token=bob).json_body["items"] == []
        assert shop.pop_downstream_operations() == ["listOrders"]
        assert len(shop.call("GET", "/orders", token=staff).json_body["items"]) == 3
        assert pointers(shop.call("GET", "/orders?cursor=x", token=alice), 400) == ["/cursor"]
        assert pointers(shop.call("GET", "/orders?q=x", token=alice), 400) == ["/q"]

    def test_staff_read_the_journey_of_an_order_from_its_traces(
        self, shop: Shop, alice: str, staff: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.order(alice)
        recording = Recording("ord_1", NOW.timestamp())
        placed_and_declined(recording, "msg_1")
        xray = FakeXRay(recording.documents)

        def answer(original: Any, service: str, operation: str, params: Any) -> Any:
            if service != "xray":
                return original()
            if operation == "GetTraceSummaries":
                return xray.get_trace_summaries(**params)
            return xray.batch_get_traces(**params)

        intercept(monkeypatch, answer)
        with time_machine.travel(NOW + timedelta(days=1), tick=False):
            found = shop.call(
                "GET", "/orders/ord_1/journey", token=shop.user("s@example.com", "staff")
            )
        assert found.status_code == 200, found.body
        journey = msgspec.json.decode(found.body, type=Journey)
        assert journey.started_at == NOW
        assert {hop.trace_id for hop in journey.hops} == set(recording.documents)
        assert [email.id for email in journey.emails] == ["msg_1"]
        assert shop.call("GET", "/orders/ord_2/journey", token=staff).status_code == 404
        pointers(shop.call("GET", "/orders/ord_1/journey", token=alice), 403)

    def test_staff_search_orders_by_status_and_the_accounts_address(
        self, shop: Shop, alice: str, bob: str, staff: str
    ) -> None:
        shop.order(alice)
        shop.order(bob)
        query = "email=%20Alice%40Example.com&status=placed&limit=7"
        (found,) = shop.call("GET", f"/orders?{query}", token=staff).json_body["items"]
        assert found["contact"]["email"] == "alice@example.com"
        sent = shop.orders.calls[-1].query
        assert (sent.customer_id, sent.status, sent.limit) == (found["customer_id"], "placed", 7)
        # an address without an account has no orders, and orders is not asked for everyone's
        shop.pop_downstream_operations()
        for nobody in ("nobody%40example.com", "%20", "no%20address"):
            page = shop.call("GET", f"/orders?email={nobody}", token=staff).json_body
            assert page == {"items": [], "next_cursor": None}
        assert shop.pop_downstream_operations() == []

    def test_customer_cannot_search_by_address(self, shop: Shop, alice: str) -> None:
        for address in ("alice%40example.com", "nobody%40example.com"):
            pointers(shop.call("GET", f"/orders?email={address}", token=alice), 403)
        assert shop.call("GET", "/orders?status=cancelled", token=alice).status_code == 200
        assert shop.orders.calls[-1].query.status == "cancelled"

    @pytest.mark.parametrize("query", ["status=paid", "status=", "email=", f"email={'x' * 255}"])
    def test_invalid_filter_is_400(self, shop: Shop, staff: str, query: str) -> None:
        name = query.partition("=")[0]
        assert pointers(shop.call("GET", f"/orders?{query}", token=staff), 400) == [f"/{name}"]

    def test_orders_are_returned_while_payments_is_down(self, shop: Shop, alice: str) -> None:
        shop.order(alice)
        shop.payments.set("ord_1", "succeeded", receipt_file_id="fil_9")
        shop.payments.answers["lookUpTransactions"] = ServiceUnavailable("down")
        for path in ("/orders/ord_1", "/orders"):
            answer = shop.call("GET", path, token=alice).json_body
            order = answer.get("items", [answer])[0]
            assert (order["payment"]["status"], order["receipt"]) == ("unknown", False)
            assert order["payment"]["refunded_amount"] is None
            assert order["payment"]["disputed"] is None
        pointers(shop.call("GET", "/orders/ord_1/receipt", token=alice), 503)

    @pytest.mark.parametrize(
        ("dispute", "disputed"), [(None, False), ("open", True), ("won", False), ("lost", True)]
    )
    def test_order_has_the_refunded_amount_and_whether_it_is_disputed(
        self, shop: Shop, alice: str, dispute: str | None, disputed: bool
    ) -> None:
        shop.order(alice)
        amount = Money(amount=700, currency="AUD")
        shop.payments.set("ord_1", "succeeded", refunded_amount=amount, dispute=dispute)
        for order in (
            shop.call("GET", "/orders/ord_1", token=alice).json_body,
            shop.call("GET", "/orders", token=alice).json_body["items"][0],
        ):
            assert order["payment"]["refunded_amount"] == {"amount": 700, "currency": "AUD"}
            assert order["payment"]["disputed"] is disputed
            assert order["payment"]["dispute"] == dispute

    def test_only_the_owner_gets_the_client_secret(
        self, shop: Shop, alice: str, staff: str
    ) -> None:
        shop.order(alice)
        shop.payments.set("ord_1", "action_required", client_secret="pi_1_secret_2")
        mine = shop.call("GET", "/orders/ord_1", token=alice).json_body["payment"]
        assert mine["action"] == {"client_secret": "pi_1_secret_2"}
        theirs = shop.call("GET", "/orders/ord_1", token=staff).json_body["payment"]
        assert (theirs["status"], theirs["action"]) == ("action_required", None)
        # WHEN no action is required any more
        shop.payments.set("ord_1", "succeeded", client_secret="pi_1_secret_2")
        mine = shop.call("GET", "/orders/ord_1", token=alice).json_body["payment"]
        assert mine["action"] is None

    def test_customer_changes_the_shipping_address(self, shop: Shop, alice: str) -> None:
        shop.order(alice)
        patch = {"shipping_address": ADDRESS | {"city": "Perth"}}
        answer = shop.call("PATCH", "/orders/ord_1", patch, {"If-Match": '"1"'}, alice)
        assert answer.status_code == 200
        assert answer.json_body["shipping_address"]["city"] == "Perth"
        assert answer.headers["ETag"] == '"2"'
        pointers(shop.call("PATCH", "/orders/ord_1", patch, {"If-Match": '"1"'}, alice), 412)
        shop.call("POST", "/orders/ord_1/cancellation", token=alice)
        pointers(shop.call("PATCH", "/orders/ord_1", patch, {"If-Match": '"3"'}, alice), 409)

    def test_ownership_is_checked_before_precondition_and_body(
        self, shop: Shop, alice: str, bob: str, staff: str
    ) -> None:
        shop.order(alice)
        garbage = (b"?", {"Content-Type": "text/plain"})
        pointers(shop.call("PATCH", "/orders/ord_1", *garbage, bob), 404)
        pointers(shop.call("PATCH", "/orders/ord_1", *garbage, staff), 404)
        pointers(shop.call("PATCH", "/orders/ord_1", *garbage, alice), 428)
        pointers(shop.call("POST", "/orders/ord_1/cancellation", *garbage, bob), 404)
        precondition = {"If-Match": '"1"', "Content-Type": "text/plain"}
        pointers(shop.call("PATCH", "/orders/ord_1", b"?", precondition, alice), 415)
        card = {"shipping_address": {"line1": CARD}}
        refused = shop.call("PATCH", "/orders/ord_1", card, {"If-Match": '"1"'}, alice)
        assert pointers(refused, 422) == ["/shipping_address/line1"]

    def test_customer_and_staff_can_cancel_an_order_repeatedly(
        self, shop: Shop, alice: str, staff: str
    ) -> None:
        shop.order(alice)
        for token, body in ((alice, None), (staff, {}), (alice, {})):
            answer = shop.call("POST", "/orders/ord_1/cancellation", body, token=token)
            assert answer.status_code == 202
            assert answer.json_body["status"] == "cancelled"
            assert answer.json_body["payment"]["status"] == "pending"
        refused = shop.call("POST", "/orders/ord_1/cancellation", {"why": "x"}, token=alice)
        assert pointers(refused, 422) == ["/why"]

    def test_customer_pays_again_with_another_payment_method(self, shop: Shop, alice: str) -> None:
        shop.order(alice)
        shop.payments.set("ord_1", "declined", decline_code="generic_decline")
        path, key = "/orders/ord_1/payment", {"Idempotency-Key": "again"}
        body = {"payment_method": "pm_card_mastercard"}
        for _ in range(2):
            answer = shop.call("POST", path, body, key, alice)
            assert answer.status_code == 202
            assert answer.json_body["id"] == "ord_1"
            assert answer.json_body["payment"]["status"] == "pending"
        sent = shop.payments.calls[-1].body
        assert (sent.order_id, sent.order_status) == ("ord_1", "placed")
        assert (sent.payment_method, sent.idempotency_key) == ("pm_card_mastercard", "again")
        # another body needs another key
        other = {"payment_method": "pm_card_visa"}
        assert pointers(shop.call("POST", path, other, key, alice), 422) == []

    def test_invalid_request_to_pay_again_reaches_no_service(
        self, shop: Shop, alice: str, bob: str, staff: str
    ) -> None:
        shop.order(alice)
        shop.payments.set("ord_1", "declined")
        path, key = "/orders/ord_1/payment", {"Idempotency-Key": "again"}
        body = {"payment_method": "pm_card_visa"}
        # someone else's order is a 404 before anything else
        for token in (bob, staff):
            pointers(shop.call("POST", path, {"x": 1}, {}, token), 404)
        pointers(shop.call("POST", path, body, {}, alice), 400)
        pointers(shop.call("POST", path, body, {"Idempotency-Key": "a b"}, alice), 400)
        assert pointers(shop.call("POST", path, {}, key, alice), 422) == ["/payment_method"]
        refused = shop.call("POST", path, {"payment_method": CARD}, key, alice)
        assert pointers(refused, 422) == ["/payment_method"]
        assert CARD.encode() not in refused.body
        # in any field
        refused = shop.call("POST", path, {**body, "note": CARD}, key, alice)
        assert "card number" in refused.json_body["detail"]
        unknown = shop.call("POST", path, {**body, "amount": 1}, key, alice)
        assert pointers(unknown, 422) == ["/amount"]
        assert "retryPayment" not in shop.payments.pop_operations()

    def test_cancelled_order_is_not_paid_again(self, shop: Shop, alice: str) -> None:
        shop.order(alice)
        shop.payments.set("ord_1", "declined")
        shop.call("POST", "/orders/ord_1/cancellation", {}, token=alice)
        key, body = {"Idempotency-Key": "again"}, {"payment_method": "pm_card_visa"}
        pointers(shop.call("POST", "/orders/ord_1/payment", body, key, alice), 409)

    def test_receipt_is_a_redirect_once_it_is_available(
        self, shop: Shop, alice: str, bob: str, staff: str
    ) -> None:
        shop.order(alice)
        pointers(shop.call("GET", "/orders/ord_1/receipt", token=alice), 404)
        shop.payments.set("ord_1", "succeeded")
        pointers(shop.call("GET", "/orders/ord_1/receipt", token=alice), 404)
        shop.payments.set("ord_1", "succeeded", receipt_file_id="fil_9")
        assert shop.call("GET", "/orders/ord_1", token=alice).json_body["receipt"] is True
        for token in (alice, staff):
            answer = shop.call("GET", "/orders/ord_1/receipt", token=token)
            assert (answer.status_code, answer.body) == (303, b"")
            assert answer.headers["Location"] == "http://s3/fil_9?signature=x"
        pointers(shop.call("GET", "/orders/ord_1/receipt", token=bob), 404)


class TestWebhooks:
    def test_webhook_is_forwarded_unchanged(self, shop: Shop) -> None:
        payload = b'{ "id" : "evt_1",\n "n": 1.0, "name": "\xc3\xa9" }'
        headers = {
            "Stripe-Signature": "t=1,v1=x",
            "Content-Type": "application/json; charset=utf-8",
        }
        answer = shop.call("POST", "/webhooks/payments", payload, headers)
        assert (answer.status_code, answer.body) == (204, b"")
        assert shop.payments.calls[0].body == payments.Webhook(
            payload=payload, signature="t=1,v1=x"
        )

    def test_webhook_of_an_unknown_order_is_sent_again(self, shop: Shop) -> None:
        shop.payments.answers["receiveWebhook"] = Conflict("The payment is not recorded yet.")
        answer = shop.call("POST", "/webhooks/payments", b"{}", {"Stripe-Signature": "x"})
        pointers(answer, 503)

    def test_webhook_with_much_evidence_is_forwarded(self, shop: Shop) -> None:
        headers = {"Stripe-Signature": "t=1,v1=2"}
        for size, status in ((payments.MAX_WEBHOOK, 204), (payments.MAX_WEBHOOK + 1, 413)):
            payload = b"x" * size
            assert shop.call("POST", "/webhooks/payments", payload, headers).status_code == status

    def test_unsigned_webhook_is_400(self, shop: Shop) -> None:
        pointers(shop.call("POST", "/webhooks/payments", b"{}"), 400)
        assert shop.payments.calls == []
        for refusal in (BadRequest("no"), Unprocessable("no")):
            shop.payments.answers["receiveWebhook"] = refusal
            forged = shop.call("POST", "/webhooks/payments", b"{}", {"Stripe-Signature": "x"})
            pointers(forged, 400)
        shop.payments.answers["receiveWebhook"] = ServiceUnavailable("down")
        lost = shop.call("POST", "/webhooks/payments", b"{}", {"Stripe-Signature": "x"})
        pointers(lost, 503)


class TestHealthAndDocument:
    def test_health_calls_no_service(self, shop: Shop) -> None:
        answer = shop.call("GET", "/health")
        assert (answer.status_code, answer.json_body) == (200, {"status": "ok"})
        assert shop.pop_downstream_operations() == []

    def test_deep_health_names_the_service_that_is_down(self, shop: Shop) -> None:
        names = ("toys", "orders", "payments", "file_manager", "notifications")
        answer = shop.call("GET", "/health?deep=1")
        assert answer.status_code == 200
        assert answer.json_body == {"status": "ok", "services": dict.fromkeys(names, "ok")}
        shop.payments.answers["getHealth"] = ServiceUnavailable("down")
        answer = shop.call("GET", "/health?deep=1")
        assert answer.status_code == 503
        assert answer.json_body == {
            "status": "degraded",
            "services": dict.fromkeys(names, "ok") | {"payments": "down"},
        }
        assert pointers(shop.call("GET", "/health?deep=2"), 400) == ["/deep"]

    def test_openapi_document_is_valid_and_complete(self, shop: Shop) -> None:
        document = shop.call("GET", "/openapi.json").json_body
        validate(document)
        described = {
            operation["operationId"]
            for path in document["paths"].values()
            for operation in path.values()
        }
        assert described == {operation.name for operation in storefront.OPERATIONS}
        search = document["paths"]["/toys"]["get"]
        assert {"q", "sort", "attr.<name>", "limit", "cursor"} <= {
            parameter["name"] for parameter in search["parameters"]
        }
        assert search["security"] == []
        place = document["paths"]["/orders"]["post"]
        assert place["security"] == [{"bearer": []}]
        assert place["parameters"][0]["name"] == "Idempotency-Key"
        assert {"200", "201", "401", "422"} <= place["responses"].keys()


class TestPages:
    def test_page_of_a_toy_is_a_document_for_browsers(self, shop: Shop) -> None:
        document = b"<html><head><title>Toys</title></head><body></body></html>"
        bucket = "toyshop-local-storefront-api-page"
        client_of("s3").put_object(Bucket=bucket, Key="page/index.html", Body=document)
        page = shop.call("GET", "/pages/toys/toy-toy-1-toy_1")
        assert page.status_code == 200
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "s-maxage=60" in page.headers["Cache-Control"]
        assert page.headers["ETag"].startswith('"')
        assert page.headers["Content-Security-Policy"] == "default-src 'none'"
        assert b"<title>Toy toy_1" in page.body
        moved = shop.call("GET", "/pages/toys/toy_1")
        assert (moved.status_code, moved.headers["Location"]) == (301, "/toys/toy-toy-1-toy_1")
        unknown = shop.call("GET", "/pages/toys/toy_9")
        assert (unknown.status_code, unknown.body) == (404, document)
        assert shop.call("HEAD", "/pages/toys/toy_9").status_code == 404
        assert shop.call("POST", "/pages/toys/toy_1").status_code == 405

    @pytest.mark.parametrize("path", ["/sitemap.xml", "/sitemaps/0.xml", "/sitemaps/1.xml"])
    def test_sitemap_can_be_shared_for_hours(self, shop: Shop, path: str) -> None:
        answer = shop.call("GET", f"/pages{path}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
        assert answer.headers["Cache-Control"] == "public, max-age=0, s-maxage=14400"
        assert answer.headers["ETag"] == shop.call("HEAD", f"/pages{path}").headers["ETag"]
        assert b"<loc>http://127.0.0.1:8000/" in answer.body
        assert shop.call("POST", f"/pages{path}").status_code == 405

    def test_sitemap_waits_for_the_search_index(self, shop: Shop) -> None:
        shop.toys.answers["outlineCatalogue"] = ServiceUnavailable("The search is starting.")
        answer = shop.call("GET", "/pages/sitemap.xml")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.headers["Cache-Control"] == "no-store"
        assert shop.call("GET", "/pages/sitemaps/2.xml").status_code == 404
