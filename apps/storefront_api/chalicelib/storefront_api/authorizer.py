"""Verification of access tokens: signature, issuer, client, expiry and use."""

import time
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.storefront_api.signing_keys import PublicKey, SigningKeys, UnknownKeyError

if TYPE_CHECKING:
    from jwt import PyJWS

_ALGORITHM = "RS256"


class BadTokenError(Exception):
    """The token is not a valid access token of this shop."""


class Claims(msgspec.Struct, frozen=True):
    """The claims of a verified access token: user id, groups, and expiry in epoch seconds."""

    sub: str
    groups: Sequence[str]
    expires: int


class _Payload(msgspec.Struct, frozen=True):
    """What an access token of Cognito contains; it has `client_id` instead of `aud`.

    `iat` is not compared: for a clock that is behind, a new token is from the future.
    """

    sub: str
    iss: str
    client_id: str
    token_use: str
    exp: int
    nbf: int = 0
    groups: tuple[str, ...] | None = msgspec.field(name="cognito:groups", default=None)


class Authorizer:
    """Verifies access tokens.

    Parameters
    ----------
    keys
        The user pool's keys.
    issuer
        Issuer of the user pool's tokens.
    client_id
        The pool's client for which tokens must be issued.
    """

    def __init__(self, keys: SigningKeys, issuer: str, client_id: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._client_id = client_id

    def verify(self, authorization: str) -> Claims:
        """Return the claims of the access token in an ``Authorization`` header.

        Raises
        ------
        BadTokenError
            If it is not an access token, not signed by the pool, issued for another client, or
            expired.
        KeyServerError
            If the key is not known yet and the key server does not answer.
        """
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise BadTokenError("not a bearer token")
        payload = self._signed_payload(token.strip())
        now = time.time()
        if payload.iss != self._issuer:
            raise BadTokenError("issued by another user pool")
        if (payload.token_use, payload.client_id) != ("access", self._client_id):
            raise BadTokenError("not an access token for this client")
        if payload.exp <= now:
            raise BadTokenError("expired")
        if payload.nbf > now:
            raise BadTokenError("not valid yet")
        return Claims(payload.sub, payload.groups or (), payload.exp)

    def _signed_payload(self, token: str) -> _Payload:
        """Return what a token contains, after verifying its signature."""
        # imported only here, because the API's own function does not need it
        from jwt import PyJWTError

        tokens = _signed_tokens()
        try:
            key = self._keys.get(str(tokens.get_unverified_header(token).get("kid")))
            # never the algorithm of the token's own header
            content = tokens.decode(token, key, algorithms=[_ALGORITHM])  # type: ignore[arg-type]
            return msgspec.json.decode(content, type=_Payload)
        except UnknownKeyError:
            raise BadTokenError("signed with an unknown key") from None
        except (PyJWTError, msgspec.DecodeError) as error:
            raise BadTokenError(type(error).__name__) from None


@cache
def _signed_tokens() -> "PyJWS":
    """Return a reader of signed tokens that knows RS256 and no other algorithm."""
    from jwt import PyJWS
    from jwt.algorithms import Algorithm

    class RS256(Algorithm):
        """Verifies with this service's own keys: PyJWT's RS256 needs the library cryptography."""

        def prepare_key(self, key: PublicKey) -> PublicKey:
            return key

        def verify(self, msg: bytes, key: PublicKey, sig: bytes) -> bool:
            return key.verifies(msg, sig)

        def sign(self, msg: bytes, key: Any) -> bytes:
            raise NotImplementedError

        @staticmethod
        def to_jwk(key_obj: Any, as_dict: bool = False) -> Any:
            raise NotImplementedError

        @staticmethod
        def from_jwk(jwk: Any) -> Any:
            raise NotImplementedError

    tokens = PyJWS(algorithms=[])
    tokens.register_algorithm(_ALGORITHM, RS256())
    return tokens
