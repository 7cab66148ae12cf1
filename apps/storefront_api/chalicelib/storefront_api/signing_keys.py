"""The user pool's public keys, and the verification of RS256 signatures with them.

This needs no secret: a signature is verified with a public key alone. The package does without a
library for it, which would be 5 MB zipped (ADR 0039).
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any, Protocol, Self

from msgspec import Struct

KEY_SERVER_TIMEOUT = 3.0
"""Seconds to wait for the user pool's key server."""

REFETCH_SECONDS = 30.0
"""Seconds after a fetch within which an unknown key id does not cause another one."""

_EXPONENT = 65537
_BITS = range(2048, 4097)
_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
"""What precedes the digest in a signature: the algorithm's identifier, in DER (RFC 8017, 9.2)."""


class KeyServerError(Exception):
    """The key server does not answer, or not with keys."""


class UnknownKeyError(Exception):
    """The user pool has no key with this id."""


class PublicKey(Struct, frozen=True):
    """An RSA key of 2,048 to 4,096 bits with the exponent 65537.

    Attributes
    ----------
    modulus
        The product of the key's primes.
    """

    modulus: int

    @classmethod
    def of_jwk(cls, jwk: Mapping[str, Any]) -> Self:
        """Return the key of a JSON Web Key.

        Raises
        ------
        ValueError
            If it is not a key for RS256 signatures.
        """
        if jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig":
            raise ValueError("not an RSA key for signatures")
        if jwk.get("alg", "RS256") != "RS256":
            raise ValueError("a key for another algorithm")
        modulus, exponent = (_number(jwk.get(name)) for name in ("n", "e"))
        if exponent != _EXPONENT or modulus.bit_length() not in _BITS:
            raise ValueError("an unusual RSA key")
        return cls(modulus)

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Return whether a signature of a message is valid: RSASSA-PKCS1-v1_5 with SHA-256.

        As RFC 8017, 8.2.2 recommends, the signature is compared with the only correct encoding of
        the digest, instead of parsed.
        """
        size = (self.modulus.bit_length() + 7) // 8
        number = int.from_bytes(signature, "big")
        if len(signature) != size or number >= self.modulus:
            return False
        digest = _SHA256_PREFIX + hashlib.sha256(message).digest()
        expected = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        encoded = pow(number, _EXPONENT, self.modulus).to_bytes(size, "big")
        return hmac.compare_digest(encoded, expected)


class SigningKeys(Protocol):
    """Finds the user pool's public keys."""

    def get(self, key_id: str) -> PublicKey:
        """Return the key of an id.

        Raises
        ------
        KeyServerError
            If the key is not known yet and the key server does not answer.
        UnknownKeyError
            If there is no such key.
        """


class FetchedKeys:
    """Keys that are fetched from a key server when they are first needed.

    They are kept without a time limit, so that a known key is valid during an outage of the server.
    An unknown key id causes another fetch, at most every ``REFETCH_SECONDS``.

    Parameters
    ----------
    url
        URL of the user pool's JSON Web Key Set.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, PublicKey] = {}
        self._fetched_at = -REFETCH_SECONDS

    def get(self, key_id: str) -> PublicKey:
        """Return the key of an id; see ``SigningKeys``."""
        if key_id not in self._keys and time.monotonic() - self._fetched_at >= REFETCH_SECONDS:
            self._keys = usable_keys(self._fetch())
            self._fetched_at = time.monotonic()
        try:
            return self._keys[key_id]
        except KeyError:
            raise UnknownKeyError(key_id) from None

    def _fetch(self) -> Any:
        # imported only here, because the API's own function fetches no keys
        import urllib3

        try:
            answer = urllib3.request(
                "GET", self._url, timeout=KEY_SERVER_TIMEOUT, retries=False, redirect=False
            )
            if answer.status != 200:
                raise KeyServerError(f"{self._url} answers with {answer.status}.")
            return answer.json()
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise KeyServerError(f"{self._url} gives no keys: {error}") from error


def usable_keys(key_set: Any) -> dict[str, PublicKey]:
    """Return the keys of a JSON Web Key Set by id, without those that RS256 cannot use.

    Raises
    ------
    KeyServerError
        If there are none.
    """
    found = {}
    listed = key_set.get("keys") if isinstance(key_set, dict) else None
    for jwk in listed if isinstance(listed, list) else ():
        if isinstance(jwk, dict) and isinstance(key_id := jwk.get("kid"), str):
            try:
                found[key_id] = PublicKey.of_jwk(jwk)
            except ValueError:
                continue
    if not found:
        raise KeyServerError("The key server lists no key for RS256 signatures.")
    return found


def _number(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError("no number")
    padded = value + "=" * (-len(value) % 4)
    return int.from_bytes(base64.b64decode(padded, altchars=b"-_", validate=True), "big")
