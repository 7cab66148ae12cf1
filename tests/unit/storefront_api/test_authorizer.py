"""Only unexpired access tokens that the pool signed for this client are accepted."""

import base64
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from pytest_httpserver import HTTPServer

from chalicelib.storefront_api.authorizer import Authorizer, BadTokenError, Claims
from chalicelib.storefront_api.caller import Caller, authorizer_context, caller_of
from chalicelib.storefront_api.signing_keys import REFETCH_SECONDS, FetchedKeys, KeyServerError
from chassis.problems import Unauthorized
from support.authorization import signed_with_public_key

ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/pool"
CLIENT = "client"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: Any, key_id: str) -> dict[str, Any]:
    public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    return {**public, "kid": key_id, "alg": "RS256", "use": "sig"}


def claims(**changes: Any) -> dict[str, Any]:
    default = {
        "sub": "alice",
        "iss": ISSUER,
        "client_id": CLIENT,
        "token_use": "access",
        "exp": int(time.time()) + 60,
        "cognito:groups": ["staff"],
        **changes,
    }
    return {name: value for name, value in default.items() if value is not None}


def token(key: Any = KEY, key_id: str = "one", algorithm: str = "RS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers={"kid": key_id})


class KeyServer:
    """A real server of the pool's keys, and the clock by which they are refetched."""

    def __init__(self, http: HTTPServer) -> None:
        self.http = http
        self.now = 1000.0
        self.serve(jwk(KEY, "one"))

    def serve(self, *keys: dict[str, Any], status: int = 200) -> None:
        self.http.clear_all_handlers()
        self.http.expect_request("/jwks.json").respond_with_json({"keys": keys}, status)

    @property
    def fetched(self) -> int:
        return len(self.http.log)


@pytest.fixture
def key_server(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyServer]:
    server = KeyServer(httpserver)
    clock = SimpleNamespace(monotonic=lambda: server.now)
    monkeypatch.setattr("chalicelib.storefront_api.signing_keys.time", clock)
    yield server
    if not httpserver.is_running():
        httpserver.start()


@pytest.fixture
def authorizer(key_server: KeyServer) -> Authorizer:
    return Authorizer(FetchedKeys(key_server.http.url_for("/jwks.json")), ISSUER, CLIENT)


def test_access_token_of_the_pool_is_accepted(authorizer: Authorizer) -> None:
    expires = int(time.time()) + 50
    verified = authorizer.verify(f"Bearer {token(exp=expires)}")
    assert verified == Claims("alice", ("staff",), expires)
    assert authorizer.verify(f"Bearer {token(aud='https://shop.example')}").sub == "alice"
    without_groups = jwt.encode(claims(**{"cognito:groups": None}), KEY, "RS256", {"kid": "one"})
    assert authorizer.verify(f"bearer  {without_groups} ").groups == ()


def test_token_is_accepted_by_a_clock_that_is_behind_the_pools(authorizer: Authorizer) -> None:
    assert authorizer.verify(f"Bearer {token(iat=int(time.time()) + 30)}").sub == "alice"


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
        # a header nested so deeply that it cannot be parsed
        f"Bearer {base64.urlsafe_b64encode(b'[' * 60_000).decode()}.y.z",
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
        f"Bearer {token(sub=7)}",
        f"Bearer {token(exp='tomorrow')}",
        f"Bearer {token(nbf=int(time.time()) + 60)}",
        f"Bearer {token(**{'cognito:groups': 'staff'})}",
        f"Bearer {jwt.api_jws.encode(b'[]', KEY, 'RS256', {'kid': 'one'})}",
        f"Bearer {jwt.encode(claims(), KEY, 'RS256', {'kid': 'one', 'crit': ['x'], 'x': 1})}",
        f"Bearer {token('shared secret of 32 bytes or more', algorithm='HS256')}",
        f"Bearer {token(KEY, algorithm='RS512')}",
        f"Bearer {jwt.encode(claims(), '', algorithm='none', headers={'kid': 'one'})}",
    ],
)
def test_any_other_token_is_rejected(authorizer: Authorizer, authorization: str) -> None:
    with pytest.raises(BadTokenError):
        authorizer.verify(authorization)


def test_hmac_with_the_public_key_is_rejected(authorizer: Authorizer) -> None:
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(BadTokenError):
        authorizer.verify(f"Bearer {signed_with_public_key(token(), public)}")


def test_algorithm_is_not_chosen_by_the_keys(authorizer: Authorizer, key_server: KeyServer) -> None:
    key_server.serve({**jwk(KEY, "one"), "alg": "RS512"}, jwk(OTHER_KEY, "two"))
    with pytest.raises(BadTokenError):
        authorizer.verify(f"Bearer {token(algorithm='RS512')}")


def test_keys_are_fetched_once(authorizer: Authorizer, key_server: KeyServer) -> None:
    for _ in range(3):
        authorizer.verify(f"Bearer {token()}")
    assert key_server.fetched == 1


def test_unknown_key_is_fetched_at_most_once_per_cooldown(
    authorizer: Authorizer, key_server: KeyServer
) -> None:
    authorizer.verify(f"Bearer {token()}")
    rotated = f"Bearer {token(OTHER_KEY, key_id='two')}"
    key_server.serve(jwk(OTHER_KEY, "two"))
    # WHEN tokens with unknown keys arrive within the cooldown
    for _ in range(3):
        with pytest.raises(BadTokenError):
            authorizer.verify(rotated)
    assert key_server.fetched == 1
    # THEN the keys are fetched once after it
    key_server.now += REFETCH_SECONDS
    assert authorizer.verify(rotated).sub == "alice"
    with pytest.raises(BadTokenError):
        authorizer.verify(f"Bearer {token(key_id='three')}")
    assert key_server.fetched == 2


def test_known_keys_are_accepted_during_an_outage_of_the_key_server(
    authorizer: Authorizer, key_server: KeyServer
) -> None:
    authorizer.verify(f"Bearer {token()}")
    # WHEN the key server is down for a day
    key_server.http.stop()
    key_server.now += 24 * 3600
    # THEN a token with a known key is accepted, and one with an unknown key cannot be verified
    assert authorizer.verify(f"Bearer {token()}").sub == "alice"
    with pytest.raises(KeyServerError):
        authorizer.verify(f"Bearer {token(OTHER_KEY, key_id='two')}")
    assert authorizer.verify(f"Bearer {token()}").sub == "alice"


def test_null_groups_are_none(authorizer: Authorizer) -> None:
    null = jwt.encode({**claims(), "cognito:groups": None}, KEY, "RS256", {"kid": "one"})
    assert authorizer.verify(f"Bearer {null}").groups == ()


def test_keys_are_not_fetched_from_where_the_server_redirects(
    authorizer: Authorizer, key_server: KeyServer
) -> None:
    key_server.http.clear_all_handlers()
    key_server.http.expect_request("/elsewhere").respond_with_json({"keys": [jwk(KEY, "one")]})
    moved = key_server.http.expect_request("/jwks.json")
    moved.respond_with_data(status=302, headers={"Location": "/elsewhere"})
    with pytest.raises(KeyServerError):
        authorizer.verify(f"Bearer {token()}")


@pytest.mark.parametrize("answer", ["no JSON", "[]", "{}", '{"keys": {}}', '{"keys": [7, {}]}'])
def test_answer_without_keys_is_an_error_of_the_key_server(
    authorizer: Authorizer, key_server: KeyServer, answer: str
) -> None:
    key_server.http.clear_all_handlers()
    key_server.http.expect_request("/jwks.json").respond_with_data(answer)
    with pytest.raises(KeyServerError):
        authorizer.verify(f"Bearer {token()}")


def test_without_keys_an_unavailable_key_server_is_not_a_bad_token(
    authorizer: Authorizer, key_server: KeyServer
) -> None:
    key_server.serve(status=500)
    with pytest.raises(KeyServerError):
        authorizer.verify(f"Bearer {token()}")
    # WHEN it is available again, THEN the next token is verified at once
    key_server.serve(jwk(KEY, "one"))
    assert authorizer.verify(f"Bearer {token()}").sub == "alice"


@pytest.mark.parametrize(
    ("groups", "is_staff"),
    [((), False), (("staff",), True), (("a", "staff"), True), (("x",), False)],
)
def test_groups_of_the_token_decide_who_is_staff(groups: tuple[str, ...], is_staff: bool) -> None:
    context = authorizer_context(Claims("alice", groups, int(time.time()) + 60))
    assert all(isinstance(value, str) for value in context.values())
    assert caller_of({"authorizer": context}) == Caller("alice", is_staff)


def test_token_that_expires_while_its_verification_is_cached_is_rejected() -> None:
    now = int(time.time())
    assert caller_of({"authorizer": authorizer_context(Claims("alice", (), now + 5))})
    with pytest.raises(Unauthorized):
        caller_of({"authorizer": authorizer_context(Claims("alice", (), now - 1))})
    # a result cached from a release without the expiry
    assert caller_of({"authorizer": {"sub": "alice", "groups": ""}}).id == "alice"
