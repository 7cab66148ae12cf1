"""Signatures are accepted exactly when the library cryptography accepts them."""

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from chalicelib.storefront_api.signing_keys import KeyServerError, PublicKey, usable_keys

PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
D = PRIVATE.private_numbers().d
N = PRIVATE.public_key().public_numbers().n
KEY = PublicKey(N)
SIZE = 256
MESSAGE = b"header.payload"
DIGEST = hashlib.sha256(MESSAGE).digest()
PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def signature_of(encoded: bytes) -> bytes:
    """Return the signature that decrypts to an encoded message, whatever that is."""
    return pow(int.from_bytes(encoded, "big"), D, N).to_bytes(SIZE, "big")


def padded(tail: bytes, start: bytes = b"\x00\x01", fill: bytes = b"\xff") -> bytes:
    return start + fill * (SIZE - len(start) - len(tail) - 1) + b"\x00" + tail


def accepted_by_cryptography(message: bytes, signature: bytes) -> bool:
    try:
        PRIVATE.public_key().verify(signature, message, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


@given(st.binary())
def test_signature_is_valid_for_its_message_alone(message: bytes) -> None:
    signature = PRIVATE.sign(message, padding.PKCS1v15(), SHA256())
    assert KEY.verifies(message, signature)
    assert not KEY.verifies(message + b"x", signature)


@given(st.integers(0, SIZE * 8 - 1))
def test_signature_with_any_bit_changed_is_invalid(bit: int) -> None:
    signature = int.from_bytes(PRIVATE.sign(MESSAGE, padding.PKCS1v15(), SHA256()), "big")
    assert not KEY.verifies(MESSAGE, (signature ^ (1 << bit)).to_bytes(SIZE, "big"))


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(padded(PREFIX + DIGEST, b"\x00\x02"), id="padding of encryption"),
        pytest.param(padded(PREFIX + DIGEST, b"\x00\x00", b"\x00"), id="padding of zeros"),
        pytest.param(padded(PREFIX + DIGEST, b"\x01\x01"), id="first byte"),
        pytest.param(padded(PREFIX + DIGEST, fill=b"\xfe"), id="other padding"),
        pytest.param(
            b"\x00\x01" + b"\xff" * 8 + b"\x00" + PREFIX + DIGEST + b"\x00" * 194,
            id="short padding and anything after the digest",
        ),
        pytest.param(padded(PREFIX + DIGEST + b"\x00"), id="byte after the digest"),
        pytest.param(padded(DIGEST), id="no identifier of the hash"),
        pytest.param(padded(PREFIX + DIGEST[:-1]), id="digest cut off"),
        pytest.param(
            padded(bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + DIGEST),
            id="no NULL parameter",
        ),
        pytest.param(
            padded(bytes.fromhex("308131300d060960864801650304020105000420") + DIGEST),
            id="length in BER",
        ),
        pytest.param(
            padded(
                bytes.fromhex("3021300906052b0e03021a05000414") + hashlib.sha1(MESSAGE).digest()
            ),
            id="SHA-1",
        ),
        pytest.param(
            padded(
                bytes.fromhex("3051300d060960864801650304020305000440")
                + hashlib.sha512(MESSAGE).digest()
            ),
            id="SHA-512",
        ),
        pytest.param(bytes(SIZE), id="zero"),
        pytest.param(bytes(SIZE - 1) + b"\x01", id="one"),
    ],
)
def test_forged_encoding_is_invalid(encoded: bytes) -> None:
    assert len(encoded) == SIZE
    forged = signature_of(encoded)
    assert not KEY.verifies(MESSAGE, forged)
    assert not accepted_by_cryptography(MESSAGE, forged)


def test_only_the_canonical_number_of_the_right_length_is_valid() -> None:
    signature = signature_of(padded(PREFIX + DIGEST))
    assert KEY.verifies(MESSAGE, signature)
    assert accepted_by_cryptography(MESSAGE, signature)
    number = int.from_bytes(signature, "big")
    others = [b"", signature[1:], b"\x00" + signature, signature + b"\x00"]
    if (number + N).bit_length() <= SIZE * 8:
        others.append((number + N).to_bytes(SIZE, "big"))
    others.append(N.to_bytes(SIZE, "big"))
    others.append(b"\xff" * SIZE)
    assert not any(KEY.verifies(MESSAGE, other) for other in others)


def test_number_above_the_modulus_is_invalid_even_if_it_is_congruent() -> None:
    # GIVEN a signature so small that adding the modulus keeps its length
    for attempt in range(1000):
        message = b"%d" % attempt
        signature = PRIVATE.sign(message, padding.PKCS1v15(), SHA256())
        congruent = int.from_bytes(signature, "big") + N
        if congruent.bit_length() <= SIZE * 8:
            break
    assert not KEY.verifies(message, congruent.to_bytes(SIZE, "big"))


def jwk(**changes: Any) -> dict[str, Any]:
    public = json.loads(RSAAlgorithm.to_jwk(PRIVATE.public_key()))
    changed = {**public, "kid": "one", "alg": "RS256", "use": "sig", **changes}
    return {name: value for name, value in changed.items() if value is not None}


def encoded(number: int) -> str:
    content = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def test_key_is_read_from_a_key_set() -> None:
    assert usable_keys({"keys": [jwk(), jwk(kid="two", alg=None, use=None)]}) == {
        "one": KEY,
        "two": KEY,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "EC"},
        {"kty": None},
        {"use": "enc"},
        {"alg": "RS512"},
        {"alg": "none"},
        {"n": None},
        {"n": 7},
        {"n": "é"},
        {"n": "!!!!"},
        {"n": encoded((1 << 2046) + 1)},
        {"n": encoded((1 << 4096) + 1)},
        {"e": encoded(3)},
        {"e": encoded(1)},
        {"e": ""},
        {"kid": None},
        {"kid": 7},
    ],
    ids=str,
)
def test_any_other_key_is_ignored(changes: dict[str, Any]) -> None:
    assert usable_keys({"keys": [jwk(**changes), jwk(kid="good")]}) == {"good": KEY}
    with pytest.raises(KeyServerError):
        usable_keys({"keys": [jwk(**changes)]})
