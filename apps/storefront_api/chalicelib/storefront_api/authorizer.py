"""Access tokens: who signed them, for whom, for how long, and what they say."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import urllib3

if TYPE_CHECKING:
    from jwt import PyJWK

REFETCH_SECONDS = 30.0
_TIMEOUT = urllib3.Timeout(connect=1.0, read=2.0)


class BadTokenError(Exception):
    """What was sent is no access token of this shop, or not any more."""


class Claims(msgspec.Struct, frozen=True):
    """What a verified access token says: the user's id and groups, and until when (epoch)."""

    sub: str
    groups: Sequence[str]
    expires: int


def fetch_json(url: str) -> Any:
    """Return the JSON document at a URL."""
    answer = urllib3.PoolManager(retries=2).request("GET", url, timeout=_TIMEOUT)
    if answer.status != 200:
        raise OSError(f"{url} answered {answer.status}")
    return msgspec.json.decode(answer.data)


class KeySet:
    """The user pool's public keys, kept; fetched again when a token names an unknown one.

    Parameters
    ----------
    url
        Where they are.
    fetch
        Gets a JSON document from a URL.
    clock
        Seconds that only go forward.
    """

    def __init__(
        self, url: str, fetch: Callable[[str], Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at = 0.0

    def key(self, key_id: str) -> "PyJWK":
        """Return a key.

        Raises
        ------
        BadTokenError
            If the pool has no such key.
        Exception
            If the keys cannot be fetched: then nobody knows, and the caller should try again.
        """
        if key_id not in self._keys and self._may_fetch():
            self._refresh()
        if key_id not in self._keys:
            raise BadTokenError("signed with an unknown key")
        return self._keys[key_id]

    def _may_fetch(self) -> bool:
        # made-up key ids must not make this a source of traffic to the pool
        return not self._keys or self._clock() - self._fetched_at >= REFETCH_SECONDS

    def _refresh(self) -> None:
        from jwt import PyJWKSet

        self._fetched_at = self._clock()
        keys = PyJWKSet.from_dict(self._fetch(self._url)).keys
        self._keys = {str(key.key_id): key for key in keys}


class Authorizer:
    """Verifies access tokens.

    Parameters
    ----------
    keys
        Of the user pool.
    issuer
        The user pool.
    client_id
        The pool's client that tokens must be made for.
    """

    def __init__(self, keys: KeySet, issuer: str, client_id: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._client_id = client_id

    def verify(self, authorization: str) -> Claims:
        """Return what the access token of an ``Authorization`` header says.

        Raises
        ------
        BadTokenError
            If it is none, is not signed by the pool, is for another client or has expired.
        """
        # 60 ms that the API's own function need not pay when it starts
        import jwt

        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise BadTokenError("not a bearer token")
        token = token.strip()
        try:
            key_id = str(jwt.get_unverified_header(token).get("kid"))
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise BadTokenError(type(error).__name__) from None
        key = self._keys.key(key_id)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                options={
                    "require": ["exp", "iss", "sub", "client_id", "token_use"],
                    # an access token of Cognito's has `client_id` where others have `aud`
                    "verify_aud": False,
                },
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise BadTokenError(type(error).__name__) from None
        if (claims["token_use"], claims["client_id"]) != ("access", self._client_id):
            raise BadTokenError("not an access token for this client")
        return Claims(claims["sub"], tuple(claims.get("cognito:groups") or ()), int(claims["exp"]))
