"""Customers with unusual addresses, a forgotten password and a new name, in the whole shop."""

import re
import time
import uuid

import pytest

from shopctl.local import mail
from shopctl.project.layout import Layout
from support.passwords import REFUSED
from support.running_shop import PASSWORD, Shop
from support.waiting import eventually


def codes(shop: Shop, email: str) -> list[str]:
    """Return the codes that were emailed to an address."""
    sent = mail.read(Layout(shop.root, shop.home).mail)
    return [re.findall(r"\b\d{6}\b", one["text"])[0] for one in sent if one["to"] == email]


@pytest.mark.parametrize(
    ("typed", "used"),
    [
        ("  O'Brien.{}@Example.com\u200b", "o'brien.{}@example.com"),
        ("zoë@{}.example.com", None),
        ("alice@bücher-{}.example.com", "alice@{}.example.com"),
    ],
)
def test_customer_who_can_sign_up_is_mailed(shop: Shop, typed: str, used: str | None) -> None:
    unique = uuid.uuid4().hex[:12]
    email = typed.format(unique)
    answer = shop.api(
        "POST", "/users", {"email": email, "password": PASSWORD, "name": '李小龍; <Bruce>, "O\'B"'}
    )
    if used is None:
        assert answer.status == 422
        return
    label = f"bücher-{unique}".encode("idna").decode()
    address = used.format(label if "bücher" in typed else unique)
    assert (answer.status, answer.json["email"]) == (201, address)
    token = shop.sign_in(email)
    order = shop.place(token)
    (sent,) = shop.wait_for_emails(order["id"], 1)
    assert sent["to"] == address


def test_forgotten_password_is_reset_with_the_emailed_code(shop: Shop) -> None:
    # GIVEN a customer with a session
    email = f"{uuid.uuid4().hex}@example.com"
    credentials = {"email": email, "password": PASSWORD}
    assert shop.api("POST", "/users", {**credentials, "name": "Carol"}).status == 201
    session = shop.api("POST", "/sessions", credentials).json
    # the embedded AWS compares whole seconds: a session of the same second would not end
    issued = time.time()
    # WHEN a code is requested and sent with a new password
    unknown = {"email": f"{uuid.uuid4().hex}@example.com"}
    for address in ({"email": f" {email.upper()} "}, unknown):
        assert shop.api("POST", "/users/password-reset", address).status == 202
    (code,) = codes(shop, email)
    assert codes(shop, unknown["email"]) == []
    path, new = "/users/password-reset/confirmation", "Another-2026!"
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for address in ({"email": email}, unknown):
        answer = shop.api("POST", path, {**address, "code": wrong, "password": new})
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/code")
    eventually(lambda: time.time() > issued + 1)
    assert shop.api("POST", path, {"email": email, "code": code, "password": new}).status == 204
    # THEN only the new password signs in, and the earlier session has ended
    assert shop.api("POST", "/sessions", credentials).status == 401
    assert shop.api("POST", "/sessions", {"email": email, "password": new}).status == 200
    refresh = {"refresh_token": session["refresh_token"]}
    assert shop.api("POST", "/sessions", refresh).status == 401
    assert shop.api("GET", "/users/me", token=session["access_token"]).status == 401
    assert (
        shop.api("PATCH", "/users/me", {"name": "Mallory"}, token=session["access_token"]).status
        == 401
    )
    # AND the code cannot be used again
    again = shop.api("POST", path, {"email": email, "code": code, "password": PASSWORD})
    assert again.status == 422


def test_confirmed_customer_needs_no_new_code(shop: Shop) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    new = {"email": email, "password": PASSWORD, "name": "Carol"}
    assert shop.api("POST", "/users", new).status == 201
    assert shop.api("POST", "/users/confirmation/resend", {"email": email}).status == 202
    assert codes(shop, email) == []


def test_passwords_that_cognito_refuses_are_refused_at_sign_up(shop: Shop) -> None:
    for password in REFUSED:
        new = {"email": f"{uuid.uuid4().hex}@example.com", "password": password, "name": "Carol"}
        answer = shop.api("POST", "/users", new)
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/password")


def test_order_has_the_changed_name(shop: Shop) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    new = {"email": email, "password": PASSWORD, "name": "Carol"}
    assert shop.api("POST", "/users", new).status == 201
    token = shop.sign_in(email)
    profile = shop.api("GET", "/users/me", token=token).json
    assert (profile["email"], profile["name"]) == (email, "Carol")
    changed = shop.api("PATCH", "/users/me", {"name": "דוד כהן"}, token)
    assert (changed.status, changed.json["name"]) == (200, "דוד כהן")
    assert shop.api("GET", "/users/me", token=token).json == profile | {"name": "דוד כהן"}
    order = shop.place(token)
    (sent,) = shop.wait_for_emails(order["id"], 1)
    assert "דוד כהן" in sent["text"]
