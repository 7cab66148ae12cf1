"""The rule for email addresses: which are accepted, and in which form they are used."""

import os
import subprocess
import sys
import time
from email.headerregistry import Address
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.email_addresses import INVALID, NOT_ASCII, InvalidAddressError, normalized
from chassis.parsing import parse_body, parse_document
from chassis.problems import Unprocessable
from contracts.notifications import NewMessage
from contracts.orders import NewContact, PlaceOrder
from contracts.storefront import Confirmation, NewUser
from support.email_addresses import ACCEPTED, INTERNATIONAL_MAILBOXES, REFUSED


@pytest.mark.parametrize(("typed", "used"), ACCEPTED.items())
def test_address_that_can_be_mailed_is_accepted_in_its_normalized_form(
    typed: str, used: str
) -> None:
    assert normalized(typed) == used


@pytest.mark.parametrize("typed", REFUSED)
def test_address_that_cannot_be_mailed_is_refused(typed: str) -> None:
    with pytest.raises(InvalidAddressError):
        normalized(typed)


def test_error_names_the_reason_that_people_cannot_see_themselves() -> None:
    for typed in INTERNATIONAL_MAILBOXES:
        with pytest.raises(InvalidAddressError, match="unaccented letters"):
            normalized(typed)
    with pytest.raises(InvalidAddressError, match="Must be an email address"):
        normalized("alice@")


_PARTS = st.text(st.sampled_from("aZ9.-_+'@é\u0308ßü例。 \u200b\n\"<>(),[]"), max_size=12)


@given(st.one_of(st.emails(), st.builds("{}@{}.{}".format, _PARTS, _PARTS, _PARTS), st.text()))
@settings(max_examples=300)
def test_accepted_address_is_ascii_and_normalized_once_and_for_all(typed: str) -> None:
    try:
        used = normalized(typed)
    except InvalidAddressError:
        return
    assert used.isascii()
    assert used == used.lower()
    assert len(used) <= 254
    assert normalized(used) == used
    assert normalized(f" {used.upper()}\n") == used
    local, _, domain = used.rpartition("@")
    assert Address("", username=local, domain=domain).addr_spec == used  # needs no quotes


@pytest.mark.parametrize("typed", ["a." * 30_000 + "@b.com", "a@" + "ü." * 30_000, '"' * 60_000])
def test_long_text_is_refused_quickly(typed: str) -> None:
    start = time.process_time()
    with pytest.raises(InvalidAddressError):
        normalized(typed)
    assert time.process_time() - start < 1


class Contacts(msgspec.Struct):
    """A type with addresses at two depths."""

    first: NewContact
    others: list[NewContact] = []


def test_body_is_parsed_with_the_address_in_its_normalized_form() -> None:
    body = b'{"first": {"email": " Alice@B\xc3\xbccher.de ", "name": "A"}}'
    for parsed in (parse_body(body, Contacts), parse_document(msgspec.json.decode(body), Contacts)):
        assert parsed.first.email == "alice@xn--bcher-kva.de"
        assert type(parsed.first.email) is str


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("alice", INVALID),
        ("dån@example.com", NOT_ASCII),
        (5, "Must be text"),
        (None, "Must be text"),
        (["alice@example.com"], "Must be text"),
    ],
)
def test_error_names_the_field_of_the_address(value: Any, detail: str) -> None:
    contact = {"email": "alice@example.com", "name": "A"}
    document = {"first": contact, "others": [contact, contact | {"email": value}]}
    for parse, given_document in ((parse_body, msgspec.json.encode(document)),
                                  (parse_document, document)):  # fmt: skip
        with pytest.raises(Unprocessable) as refused:
            parse(given_document, Contacts)
        assert [(e.pointer, e.detail) for e in refused.value.errors] == [
            ("/others/1/email", detail)
        ]


@pytest.mark.parametrize("kind", [NewUser, Confirmation, NewContact, NewMessage, PlaceOrder])
def test_every_request_with_an_address_is_checked_by_the_rule(kind: Any) -> None:
    def addresses(schema: Any) -> list[Any]:
        if isinstance(schema, dict):
            found = [schema] if str(schema.get("description", "")).startswith("An address") else []
            return found + [item for value in schema.values() for item in addresses(value)]
        return []

    from chassis.openapi import _schema_of

    _, components = msgspec.json.schema_components([kind], schema_hook=_schema_of)
    assert addresses(components)


def test_library_is_imported_only_when_an_address_is_checked() -> None:
    code = (
        "import sys, chassis.parsing;"
        "assert 'email_validator' not in sys.modules, 'imported early';"
        "chassis.email_addresses.normalized('alice@bücher.de');"
        "assert 'email_validator' in sys.modules;"
        "assert 'dns' not in sys.modules, 'asks name servers'"
    )
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=path)
