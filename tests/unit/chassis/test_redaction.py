"""Redaction finds every card number and secret, and leaves similar texts alone."""

import time
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from chassis.ids import derived_id, new_id
from chassis.redaction import MASK, contains_card_number, find_card_number, masked
from contracts.orders import Contact

VISA = "4242424242424242"
AMEX = "378282246310005"
DINERS = "30569309025904"
LONG = "6304000000000000000"


def with_check_digit(digits: str) -> str:
    """Return the digits followed by their Luhn digit, computed as the standard describes it."""
    total = 0
    for place, digit in enumerate(reversed(digits), start=1):
        value = int(digit)
        if place % 2:
            value = value * 2 if value < 5 else value * 2 - 9
        total += value
    return digits + str(-total % 10)


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        AMEX,
        DINERS,
        LONG,
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4242\u00a04242\u00a04242\u00a04242",
        "4242\u20134242\u20134242\u20134242",
        "4242 - 4242  4242--42 42",
        "card 4242424242424242, please",
        "No.4242424242424242.",
        "x4242424242424242y",
        "2 4242 4242 4242 4242",
        "4242 4242 4242 4242 12 26 123",
        "order 7 - 4242-4242-4242-4242 - 99",
        "4" + " 2 4" * 7 + " 2",
    ],
)
def test_a_card_number_is_found(text: str) -> None:
    assert contains_card_number(text)
    assert masked(text) != text
    assert not any(part in masked(text) for part in ("4242", "3782", "3056", "6304"))


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",
        "4242 4242 4242 4243",
        with_check_digit("424242424242"),  # 13 digits
        with_check_digit("4242424242424242424"),  # 20 digits
        "4242.4242.4242.4242",
        "4242_4242_4242_4242",
        "4242\n4242\n4242\n4242",
        "",
        "no digits at all",
        "+61 2 9374 4000",
        "2026-11-24T02:29:40.123456Z",
        "1764000000123",
        "99,999.99 AUD",
    ],
)
def test_other_numbers_are_not_card_numbers(text: str) -> None:
    assert not contains_card_number(text)
    assert masked(text) == text


separators = st.text(alphabet=" -", max_size=3)


@st.composite
def written_cards(draw: st.DrawFn) -> tuple[str, str]:
    length = draw(st.integers(14, 19))
    body = draw(st.text(alphabet="0123456789", min_size=length - 1, max_size=length - 1))
    number = with_check_digit(body)
    written = number[0] + "".join(draw(separators) + digit for digit in number[1:])
    return number, written


@given(
    card=written_cards(),
    before=st.sampled_from(["", "pay ", "12 ", "no: ", "é"]),
    after=st.sampled_from(["", " now", " 123", ".", "-7"]),
)
def test_a_card_number_is_found_in_every_notation(
    card: tuple[str, str], before: str, after: str
) -> None:
    number, written = card
    text = before + written + after
    assert contains_card_number(text)
    assert written not in str(masked(text))
    assert find_card_number({"note": [text]}) == "/note/0"
    assert contains_card_number(number)


@given(digits=st.text(alphabet="0123456789", min_size=13, max_size=18))
def test_a_number_with_one_wrong_digit_is_not_a_card_number(digits: str) -> None:
    number = with_check_digit(digits)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert not contains_card_number(wrong)


def created_ids(random: Random) -> dict[str, str]:
    """Return an id of each kind that a service creates, of random characters."""
    noise = random.randbytes(16)
    trace = noise.hex()
    return {
        "entity": f"toy_{ULID.from_bytes(noise)}",
        "derived": derived_id("ord", trace),
        "trace": trace,
        "traceparent": f"00-{trace}-{random.randbytes(8).hex()}-01",
        "uuid": str(UUID(bytes=noise, version=4)),
    }


def test_created_ids_are_never_masked_and_a_card_number_beside_them_always_is() -> None:
    random = Random(16)
    cards = [VISA, AMEX, "4242 4242 4242 4242", "4242-4242-4242-4242"]
    resembling = 0
    for number in range(20_000):
        ids = created_ids(random)
        resembling += sum(map(contains_card_number, ids.values()))
        assert masked(ids) == ids
        assert find_card_number(ids) is None
        card, separator = cards[number % 4], " -,\n"[number // 4 % 4]
        for id_ in ids.values():
            for text in (f"{id_}{separator}{card}", f"{card}{separator}{id_}"):
                assert masked(text) == text.replace(card, MASK)
                assert find_card_number(text) == "/"
    # of 100,000 ids, hundreds contain what would be a card number anywhere else
    assert resembling > 100


@pytest.mark.parametrize(
    "id_",
    ["toy_01KB42424242424242ABCDEFGH", "1d0e53a90fe6fe4242424242424242c4",
     "00-1d0e53a90fe6fe4242424242424242c4-4242424242424242-01",
     "42424242-4242-4242-8242-424242424242"],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "/toys/{}?x", "{}.1.shop.order.placed.v1", "({})"])
def test_id_that_resembles_a_card_number_is_kept_wherever_it_occurs(id_: str, around: str) -> None:
    assert contains_card_number(id_)
    assert masked(around.format(id_)) == around.format(id_)


@pytest.mark.parametrize(
    "text",
    [
        f"1d0e53a90fe6fe4c{VISA}g",
        f"x1d0e53a90fe6fe4c{VISA}",
        f"1D0E53A90FE6FE4C{VISA}",
        f"ord_{VISA}",
        f"toys_01KB{VISA}ABCDEF",
        f"toy_8IKB{VISA}ABCDEF",
        f"TOY_01KB{VISA}ABCDEF",
        f"01-1d0e53a90fe6fe4c{VISA[:8]}c-{VISA}-01",
        f"00-1d0e53a90fe6fec4-{VISA}-01",
        f"{VISA}-4242-0242-8242-424242424242",
    ],
)
def test_card_number_in_what_only_resembles_an_id_is_masked(text: str) -> None:
    assert VISA not in masked(text)
    assert find_card_number([text]) == "/0"


@given(
    cents=st.integers(0, 99_999_999),
    when=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
def test_prices_and_times_are_not_masked(cents: int, when: datetime) -> None:
    fields = {
        "amount": cents,
        "price": f"{cents / 100:.2f} AUD",
        "at": when.isoformat(),
        "seconds": when.timestamp(),
        "ms": int(when.timestamp() * 1000),
        "id": new_id("ord"),
        "ok": True,
        "nothing": None,
    }
    assert masked(fields) == fields
    assert find_card_number(fields) is None


@pytest.mark.parametrize(
    "email",
    [
        f"n0.{with_check_digit('591720384615273')}@example.com",
        "0.42424242424242424242@example.com",
        "ann4242424242424242@example.com",
        "user+4242424242424242@example.com",
        "1764000000000123457@example.com",
        f"{with_check_digit('176400000000012')}@example.com",  # of no issuer
        "4242424242424241@example.com",  # with a wrong check digit
        "4242.4242.4242.4242@example.com",
        "ann@4242424242424242.example.com",
    ],
)
def test_digits_in_an_email_address_are_not_a_card_number(email: str) -> None:
    assert find_card_number({"email": email}) is None
    # the log contains none of it
    assert masked(email) == MASK


@given(
    before=st.sampled_from(["n", "n0.", "0.", "a-", "x_", "no"]),
    digits=st.text(alphabet="0123456789", min_size=1, max_size=40),
)
def test_address_of_random_digits_is_not_a_card_number(before: str, digits: str) -> None:
    assert find_card_number({"email": f"{before}{digits}@example.com"}) is None


@pytest.mark.parametrize(
    "number",
    [VISA, AMEX, "5555555555554444", "30569309025904", "3056930009020004", "\uff14\uff12" * 8],
)
@pytest.mark.parametrize("separator", ["", "-"])
def test_address_that_is_only_a_card_number_is_refused(number: str, separator: str) -> None:
    written = separator.join((number[:4], number[4:8], number[8:12], number[12:]))
    assert find_card_number({"email": f"{written}@example.com"}) == "/email"


@pytest.mark.parametrize(
    "text", [f"{VISA} ann@example.com", f"ann@example.com {VISA}", f"<{VISA}@example.com>"]
)
def test_card_number_beside_an_address_is_found(text: str) -> None:
    assert find_card_number({"note": text}) == "/note"


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"note": VISA}, "/note"),
        ({"a": [{"b": "x"}, {"c/d": f"card {VISA}"}]}, "/a/1/c~1d"),
        ({"number": int(VISA)}, "/number"),
        ({"a~b": VISA}, "/a~0b"),
        ({VISA: "x"}, "/"),
        ({"a": {VISA: 1}}, "/a"),
        ({"a": int(VISA)}, "/a"),
        ({"a": float(VISA)}, "/a"),
        ([["x", AMEX]], "/0/1"),
        (VISA, "/"),
        ({"a": {"b": [1, True, None, 2.5, "4242424242424241"]}}, None),
        ({}, None),
        # no card number spans two fields
        ({"a": "42424242", "b": "42424242"}, None),
        (["42424242", "42424242"], None),
    ],
)
def test_a_card_number_in_a_document_is_found_by_its_pointer(
    document: Any, pointer: str | None
) -> None:
    assert find_card_number(document) == pointer


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("mail to zoë.neil+toys@example.co.uk now", "mail to "),
        ("Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "Bearer "),
        ("key sk_test_51Habc_def", "key "),
        ("rk_live_abc", ""),
        ("whsec_local_toyshop", ""),
        ("pi_3abc_secret_4def", ""),
    ],
)
def test_addresses_tokens_and_keys_are_masked(text: str, kept: str) -> None:
    result = masked(text)
    assert MASK in result
    assert result.startswith(kept)
    for secret in ("example.co", "zoë", "eyJ", "c2ln", "51Habc", "live_abc", "local_toy", "4def"):
        assert secret not in result


@pytest.mark.parametrize(
    "name", ["password", "new_password", "Authorization", "access_token", "client_secret",
             "Set-Cookie", "api_key", "email", "EMAIL"],
)  # fmt: skip
def test_a_field_with_the_name_of_a_secret_is_masked(name: str) -> None:
    assert masked({"a": [{name: "x"}]}) == {"a": [{name: MASK}]}
    assert masked({name: None}) == {name: None}
    assert masked({name: ["x"]}) == {name: MASK}


def test_values_of_every_type_are_masked() -> None:
    contact = Contact(email="alice@example.com", name=f"Alice {VISA}")
    for value in (
        contact,
        [contact],
        {"who": contact},
        ValueError(f"alice@example.com paid with {VISA}"),
        int(VISA),
        {VISA: 1},
        {"alice@example.com": 1},
        ({VISA},),
        {VISA},
    ):
        assert "alice@" not in str(masked(value))
        assert VISA not in str(masked(value))
    assert masked(datetime(2026, 11, 24, tzinfo=UTC)) == "2026-11-24T00:00:00Z"


def test_masking_does_not_modify_the_value() -> None:
    value = {"password": "x", "inner": [VISA]}
    masked(value)
    assert value == {"password": "x", "inner": [VISA]}


@pytest.mark.parametrize(
    "text",
    ["1 " * 25_000, "1" * 100_000, ("1" + " " * 50) * 2_000, "eyJ-" * 25_000, "a@" * 50_000,
     "a" * 100_000, "sk_" * 30_000, "pi_a_secret" * 9_000],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_the_time_is_linear_in_the_length_of_the_text(text: str) -> None:
    def took(part: str) -> float:
        def once() -> float:
            began = time.process_time()
            contains_card_number(part)
            masked(part)
            return time.process_time() - began

        return min(once() for _ in range(3))

    # four times the length takes about 4 times as long if linear, 16 times if quadratic
    assert took(text) < 9 * took(text[: len(text) // 4]) + 0.02
