"""Access tokens: only what the pool has signed for this client, and only for a while."""

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from chalicelib.storefront_api.authorizer import (
    REFETCH_SECONDS,
    Authorizer,
    BadTokenError,
    Claims,
    KeySet,
)
from chalicelib.storefront_api.caller import Caller, authorizer_context, caller_of
from chassis.problems import Unauthorized

ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/pool"
CLIENT = "client"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: Any, key_id: str) -> dict[str, Any]:
    public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    return {**public, "kid": key_id, "alg": "RS256", "use": "sig"}


def claims(**changes: Any) -> dict[str, Any]:
    told = {
        "sub": "alice",
        "iss": ISSUER,
        "client_id": CLIENT,
        "token_use": "access",
        "exp": int(time.time()) + 60,
        "cognito:groups": ["staff"],
        **changes,
    }
    return {name: value for name, value in told.items() if value is not None}


def token(key: Any = KEY, key_id: str = "one", algorithm: str = "RS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers={"kid": key_id})


class Pool:
    def __init__(self) -> None:
        self.keys = [jwk(KEY, "one")]
        self.fetched = 0
        self.now = 1000.0
        self.down = False

    def fetch(self, _: str) -> Any:
        self.fetched += 1
        if self.down:
            raise OSError
        return {"keys": self.keys}


@pytest.fixture
def pool() -> Pool:
    return Pool()


@pytest.fixture
def authorizer(pool: Pool) -> Authorizer:
    return Authorizer(KeySet("http://pool", pool.fetch, lambda: pool.now), ISSUER, CLIENT)


def test_a_token_of_the_pool_is_let_in(authorizer: Authorizer) -> None:
    expires = int(time.time()) + 50
    verified = authorizer.verify(f"Bearer {token(exp=expires)}")
    assert verified == Claims("alice", ("staff",), expires)
    nobody_special = jwt.encode(claims(**{"cognito:groups": None}), KEY, "RS256", {"kid": "one"})
    assert authorizer.verify(f"bearer  {nobody_special} ").groups == ()


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer x",
        "Bearer x.y.z",
        "Bearer é.é.é",
        f"Basic {token()}",
        token(),
        f"Bearer {token()[:-4]}AAAA",
        f"Bearer {token(OTHER_KEY)}",
        f"Bearer {token(key_id='two')}",
        f"Bearer {token(exp=int(time.time()) - 1)}",
        f"Bearer {token(exp=None)}",
        f"Bearer {token(iss='https://evil.example')}",
        f"Bearer {token(iss=None)}",
        f"Bearer {token(client_id='other')}",
        f"Bearer {token(client_id=None, aud=CLIENT)}",
        f"Bearer {token(token_use='id')}",
        f"Bearer {token(token_use=None)}",
        f"Bearer {token(sub=None)}",
        f"Bearer {token('shared secret of 32 bytes or more', algorithm='HS256')}",
        f"Bearer {token(KEY, algorithm='RS512')}",
        f"Bearer {jwt.encode(claims(), '', algorithm='none', headers={'kid': 'one'})}",
    ],
)
def test_anything_else_is_not(authorizer: Authorizer, authorization: str) -> None:
    with pytest.raises(BadTokenError):
        authorizer.verify(authorization)


def test_keys_are_fetched_once(authorizer: Authorizer, pool: Pool) -> None:
    for _ in range(3):
        authorizer.verify(f"Bearer {token()}")
    assert pool.fetched == 1


def test_a_new_key_is_found_but_made_up_ones_cause_no_traffic(
    authorizer: Authorizer, pool: Pool
) -> None:
    authorizer.verify(f"Bearer {token()}")
    rotated = f"Bearer {token(OTHER_KEY, key_id='two')}"
    pool.keys = [jwk(OTHER_KEY, "two")]
    # WHEN tokens with unknown keys come before it is time
    for _ in range(3):
        with pytest.raises(BadTokenError):
            authorizer.verify(rotated)
    assert pool.fetched == 1
    # THEN they are looked for, once, when it is
    pool.now += REFETCH_SECONDS
    assert authorizer.verify(rotated).sub == "alice"
    with pytest.raises(BadTokenError):
        authorizer.verify(f"Bearer {token(key_id='three')}")
    assert pool.fetched == 2


def test_a_pool_that_cannot_be_asked_is_not_the_callers_fault(
    authorizer: Authorizer, pool: Pool
) -> None:
    pool.down = True
    with pytest.raises(OSError):  # noqa: PT011 - whatever the fetch raises
        authorizer.verify(f"Bearer {token()}")
    # WHEN it is back, nobody has to wait
    pool.down = False
    assert authorizer.verify(f"Bearer {token()}").sub == "alice"


@pytest.mark.parametrize(
    ("groups", "is_staff"),
    [((), False), (("staff",), True), (("a", "staff"), True), (("x",), False)],
)
def test_who_is_staff_is_what_the_token_says(groups: tuple[str, ...], is_staff: bool) -> None:
    told = authorizer_context(Claims("alice", groups, int(time.time()) + 60))
    assert all(isinstance(value, str) for value in told.values())
    assert caller_of({"authorizer": told}) == Caller("alice", is_staff)


def test_a_token_that_expires_while_the_gateway_remembers_it_is_let_in_no_more() -> None:
    now = int(time.time())
    assert caller_of({"authorizer": authorizer_context(Claims("alice", (), now + 5))})
    with pytest.raises(Unauthorized):
        caller_of({"authorizer": authorizer_context(Claims("alice", (), now - 1))})
    # an answer from before the release that brought this
    assert caller_of({"authorizer": {"sub": "alice", "groups": ""}}).id == "alice"
