"""Verification of access tokens: signature, issuer, client, expiry and use."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from jwt import PyJWK

KEY_SERVER_TIMEOUT = 3.0
"""Seconds to wait for the user pool's key server."""

REFETCH_SECONDS = 30.0
"""Seconds after a fetch within which an unknown key id does not cause another one."""


class BadTokenError(Exception):
    """The token is not a valid access token of this shop."""


class Claims(msgspec.Struct, frozen=True):
    """The claims of a verified access token: user id, groups, and expiry in epoch seconds."""

    sub: str
    groups: Sequence[str]
    expires: int


class SigningKeys(Protocol):
    """Finds the user pool's public keys; PyJWT's ``PyJWKClient`` is one."""

    def get_signing_key(self, kid: str) -> "PyJWK":
        """Return the key of an id.

        Raises
        ------
        jwt.PyJWKClientConnectionError
            If the key server does not answer.
        jwt.PyJWKClientError
            If there is no such key.
        """


def fetched_keys(url: str) -> SigningKeys:
    """Return keys that are fetched from a key server when they are first needed.

    They are kept without a time limit, so that a known key is valid during an outage of the server.
    A token with an unknown key id causes another fetch, at most every ``REFETCH_SECONDS``.

    Parameters
    ----------
    url
        URL of the user pool's JSON Web Key Set.
    """
    from jwt import PyJWKClient

    return PyJWKClient(
        url,
        lifespan=math.inf,
        timeout=KEY_SERVER_TIMEOUT,
        cooldown_duration=REFETCH_SECONDS,
    )


class Authorizer:
    """Verifies access tokens.

    Parameters
    ----------
    make_keys
        Creates the source of the user pool's keys; called when the first token is verified.
    issuer
        Issuer of the user pool's tokens.
    client_id
        The pool's client for which tokens must be issued.
    """

    def __init__(self, make_keys: Callable[[], SigningKeys], issuer: str, client_id: str) -> None:
        self._make_keys = make_keys
        self._keys: SigningKeys | None = None
        self._issuer = issuer
        self._client_id = client_id

    def verify(self, authorization: str) -> Claims:
        """Return the claims of the access token in an ``Authorization`` header.

        Raises
        ------
        BadTokenError
            If it is not an access token, not signed by the pool, issued for another client, or
            expired.
        jwt.PyJWKClientConnectionError
            If the key is not known yet and the key server does not answer.
        """
        # imported only here, because it takes 60 ms that the API's own function does not need
        import jwt

        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise BadTokenError("not a bearer token")
        token = token.strip()
        try:
            key_id = str(jwt.get_unverified_header(token).get("kid"))
        except jwt.PyJWTError as error:
            raise BadTokenError(type(error).__name__) from None
        key = self._key(key_id)
        try:
            claims = jwt.decode(
                token,
                key,
                # never from the token's own header
                algorithms=["RS256"],
                issuer=self._issuer,
                options={
                    "require": ["exp", "iss", "sub", "client_id", "token_use"],
                    # Cognito's access tokens have `client_id` instead of `aud`
                    "verify_aud": False,
                    # by a clock that is behind, a new token is from the future
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError as error:
            raise BadTokenError(type(error).__name__) from None
        if (claims["token_use"], claims["client_id"]) != ("access", self._client_id):
            raise BadTokenError("not an access token for this client")
        return Claims(claims["sub"], tuple(claims.get("cognito:groups") or ()), int(claims["exp"]))

    def _key(self, key_id: str) -> "PyJWK":
        from jwt import PyJWKClientConnectionError, PyJWKClientError

        if self._keys is None:
            self._keys = self._make_keys()
        try:
            return self._keys.get_signing_key(key_id)
        except PyJWKClientConnectionError:
            raise
        except PyJWKClientError:
            raise BadTokenError("signed with an unknown key") from None
