"""A service's app: what it does for every handler."""

import base64
import importlib
import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import quote

import pytest
from chalice.app import IAMAuthorizer, Response
from chalice.test import Client, HTTPResponse
from msgspec import Meta

from chassis import context
from chassis.api import METHODS, Answer, ServiceApp, ServiceBlueprint, denied
from chassis.problems import (
    Conflict,
    Forbidden,
    NotFound,
    PreconditionFailed,
    ProblemError,
    ServiceUnavailable,
    Unauthorized,
    Unprocessable,
)
from chassis.settings import Settings
from contracts.operations import Operation
from contracts.problem import TITLES, TYPES
from contracts.schema import PARAMETER_PREFIX, Input, NoBody, Output
from support.log_lines import Lines

CARD = "4242 4242 4242 4242"


class Thing(Output):
    id: str
    version: int


class NewThing(Input):
    name: str
    sizes: list[int] = []


class ThingQuery(Input):
    limit: int = 20
    color: Literal["red", "blue"] = "red"
    attributes: Annotated[dict[str, str], Meta(extra={PARAMETER_PREFIX: "attr."})] = {}


def operation(name: str, method: Any, path: str, **more: Any) -> Operation[Any]:
    return Operation(name=name, method=method, path=path, summary=name, **more)


class Shop:
    """An app with a handler of each kind, which records the calls in ``seen``."""

    def __init__(self, *, public: bool = False, edge_key: str = "") -> None:
        settings = Settings(stage="unit", service="things")
        self.app = app = ServiceApp(
            "toyshop-things", settings, public=public, max_body=1000, edge_key=edge_key
        )
        self.error: BaseException | None = None
        self.seen: list[Any] = []

        @app.serves(operation("getThing", "GET", "/things/{thing_id}"))
        def get(thing_id: str) -> Thing:
            if self.error:
                raise self.error
            self.seen.append((thing_id, context.current()))
            return Thing(id=thing_id, version=3)

        @app.serves(operation("addThing", "POST", "/things", status=(201, 200)))
        def add() -> Any:
            self.seen.append(app.body(NewThing))
            return Answer(Thing(id="t1", version=1), headers={"Location": "/things/t1"})

        @app.serves(operation("listThings", "GET", "/things", query=ThingQuery))
        def list_all() -> dict[str, Any]:
            self.seen.append(app.query(ThingQuery))
            return {"at": datetime(2026, 11, 24, tzinfo=UTC)}

        @app.serves(operation("patchThing", "PATCH", "/things/{thing_id}"))
        def patch(thing_id: str) -> Thing:
            app.precondition().check(3)
            self.seen.append((thing_id, app.patch()))
            return Thing(id=thing_id, version=4)

        @app.serves(operation("dropThing", "DELETE", "/things/{thing_id}", status=(204,)))
        def drop(thing_id: str) -> None:
            self.seen.append(thing_id)

        @app.serves(operation("stopThing", "POST", "/things/{thing_id}/stop", status=(202,)))
        def stop(thing_id: str) -> Thing:
            app.optional_body(NoBody)
            return Thing(id=thing_id, version=2)

    def call(self, method: str, path: str, body: Any = b"", **headers: str) -> HTTPResponse:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(self.app).http.request(method, path, headers=sent, body=body)


@pytest.fixture
def shop(lines: Lines) -> Shop:
    return Shop()


def check_problem(answer: HTTPResponse, status: int, *pointers: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json_body
    assert problem["type"] == TYPES[status]
    assert problem["status"] == status
    assert problem["title"] == TITLES[status]
    assert problem["detail"]
    assert [error["pointer"] for error in problem.get("errors", [])] == list(pointers)
    assert set(problem) <= {"type", "title", "status", "detail", "errors"}
    return problem


JSON = "application/json"


def test_a_response_is_json_with_its_version_as_etag(shop: Shop) -> None:
    answer = shop.call("GET", "/things/t1")
    assert (answer.status_code, answer.json_body) == (200, {"id": "t1", "version": 3})
    assert answer.headers["ETag"] == '"3"'
    assert answer.headers["Content-Type"] == JSON
    assert answer.headers["Cache-Control"] == "no-store"


def test_middleware_of_chalice_is_called(shop: Shop) -> None:
    @shop.app.middleware("http")
    def refuse(_event: Any, _handle: Any) -> Response:
        return Response("busy", status_code=503)

    assert shop.call("GET", "/things/t1").status_code == 503


def test_the_default_status_is_the_first_of_the_contract(shop: Shop) -> None:
    answer = shop.call("POST", "/things", {"name": "kite"}, Content_Type=JSON)
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/things/t1"
    assert answer.headers["ETag"] == '"1"'


def test_a_response_without_a_body_is_empty(shop: Shop) -> None:
    answer = shop.call("DELETE", "/things/t1")
    assert (answer.status_code, answer.body) == (204, b"")
    assert "Content-Type" not in answer.headers or answer.headers["Content-Type"] != JSON
    assert "ETag" not in answer.headers


def test_times_are_in_utc_and_end_with_z(shop: Shop) -> None:
    answer = shop.call("GET", "/things")
    assert answer.body == b'{"at":"2026-11-24T00:00:00Z"}'
    assert "ETag" not in answer.headers


@pytest.mark.parametrize(
    ("path", "thing_id"),
    [("a%2Fb", "a/b"), ("caf%C3%A9", "café"), ("a%20b", "a b"), ("a+b", "a+b"), ("%2541", "%41"),
     ("%00", "\0"), ("%FF", "�")],
)  # fmt: skip
def test_path_parameters_are_percent_decoded_once(shop: Shop, path: str, thing_id: str) -> None:
    assert shop.call("GET", f"/things/{path}").status_code == 200
    assert shop.seen[0][0] == thing_id


@pytest.mark.parametrize(
    "error",
    [Conflict, Forbidden, NotFound, PreconditionFailed, Unauthorized, ServiceUnavailable],
)
def test_a_problem_error_becomes_its_problem_answer(shop: Shop, error: type[ProblemError]) -> None:
    shop.error = error("Why it is so.")
    answer = shop.call("GET", "/things/t1")
    assert check_problem(answer, error.status.value)["detail"] == "Why it is so."
    assert ("Retry-After" in answer.headers) == (error is ServiceUnavailable)
    assert ("WWW-Authenticate" in answer.headers) == (error is Unauthorized)
    assert "ETag" not in answer.headers


def test_an_error_about_a_field_has_its_pointer(shop: Shop) -> None:
    shop.error = Unprocessable.at("/lines/0", "Too many")
    check_problem(shop.call("GET", "/things/t1"), 422, "/lines/0")


@pytest.mark.parametrize("secret", [CARD, "someone@example.com", "eyJhbGciOi.eyJzdWIi.x"])
def test_an_error_masks_secrets_in_what_it_repeats(shop: Shop, secret: str) -> None:
    # as an unknown field, an unknown parameter, an invalid value, a media type
    answers = [
        shop.call("POST", "/things", {secret: 1}, Content_Type=JSON),
        shop.call("GET", f"/things?{quote(secret)}=1"),
        shop.call("GET", f"/things?color={quote(secret)}"),
        shop.call("POST", "/things", b"{}", Content_Type=secret),
    ]
    assert [answer.status_code for answer in answers] == [422, 400, 400, 415]
    for answer in answers:
        assert "***" in answer.json_body["detail"]
        assert secret not in answer.body.decode()


def test_a_stack_trace_is_logged_masked_and_never_answered(shop: Shop, lines: Lines) -> None:
    shop.error = RuntimeError(f"secret of the inside {CARD}")
    answer = shop.call("GET", "/things/t1")
    check_problem(answer, 500)
    for word in (b"Traceback", b"RuntimeError", b"secret", b"4242", b"chassis", b".py"):
        assert word not in answer.body
    (line,) = [line for line in lines() if line["level"] == "ERROR"]
    assert "RuntimeError" in line["stack"]
    assert "4242" not in json.dumps(lines())


def test_an_error_of_chalice_is_a_problem_too(shop: Shop) -> None:
    answer = shop.call("DELETE", "/things")
    check_problem(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("status", [200, 400, 404, 503])
def test_head_has_the_headers_of_get_and_no_body(shop: Shop, status: int) -> None:
    errors: dict[int, Exception] = {404: NotFound("None."), 503: ServiceUnavailable("Down.")}
    shop.error = errors.get(status)
    path = "/things/t1?x=1" if status == 400 else "/things/t1"
    get = shop.call("GET", path, X_Correlation_Id="c")
    head = shop.call("HEAD", path, X_Correlation_Id="c")
    assert get.status_code == head.status_code == status
    assert get.body
    assert head.body == b""
    assert head.headers == get.headers


def test_route_of_another_method_does_not_answer_head(shop: Shop) -> None:
    answer = shop.call("HEAD", "/things/t1/stop")
    assert (answer.status_code, answer.body) == (405, b"")
    assert answer.headers["Allow"] == "POST"


def test_public_app_serves_every_method_to_refuse_it_with_the_allowed_ones() -> None:
    app = ServiceApp("toyshop-things", Settings(stage="unit", service="things"), public=True)
    # each operation is added after the methods of its path were refused
    for method, path in (
        ("POST", "/things"), ("GET", "/things"), ("DELETE", "/things/{thing_id}"),
    ):  # fmt: skip
        served = operation(f"{method.lower()}It", method, path, audience="anyone")
        app.serves(served)(lambda **_: None)
    assert {path: set(methods) for path, methods in app.routes.items()} == {
        "/things": set(METHODS), "/things/{thing_id}": set(METHODS),
    }  # fmt: skip
    assert all(entry.authorizer is None for entry in app.routes["/things"].values())
    for path, allowed in (("/things", ["GET", "HEAD", "POST"]), ("/things/t1", ["DELETE"])):
        for method in METHODS:
            answer = Client(app).http.request(method, path)
            if method in allowed:
                assert answer.status_code == 200
                continue
            assert answer.status_code == 405
            assert answer.headers["Allow"] == ", ".join(allowed)
            assert answer.headers["Content-Type"] == "application/problem+json"
            if method != "HEAD":
                check_problem(answer, 405)


def conditional_shop() -> Shop:
    shop = Shop(public=True)
    shop.app.serves(
        operation("getNewest", "GET", "/newest", audience="anyone", conditional=True)
    )(lambda: Thing(id="t1", version=3))  # fmt: skip
    return shop


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("given", "status"),
    [('"3"', 304), ('W/"3"', 304), ('"2", "3"', 304), ("*", 304), ('"2"', 200), ("3", 200),
     ("", 200)],
)  # fmt: skip
def test_if_none_match_that_names_the_version_is_304(method: str, given: str, status: int) -> None:
    shop = conditional_shop()
    answer = shop.call(method, "/newest", If_None_Match=given)
    assert answer.status_code == status
    assert answer.headers["ETag"] == '"3"'
    assert answer.headers["Cache-Control"] == "no-cache"
    assert bool(answer.body) == (status == 200 and method == "GET")
    if status == 304:
        assert "application/json" not in answer.headers.get("Content-Type", "")


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "status"),
    [
        ('"3"', None, 200),
        ("*", None, 200),
        ('"2", "3"', '"2"', 200),
        ('"3"', '"3"', 304),
        # If-Match comes first (RFC 9110, 13.2.2)
        ('"2"', '"3"', 412),
        ('W/"3"', None, 412),
        ("3", None, 400),
    ],
)
def test_if_match_of_a_get_comes_first(
    if_match: str, if_none_match: str | None, status: int
) -> None:
    headers = {"If_Match": if_match}
    if if_none_match:
        headers["If_None_Match"] = if_none_match
    assert conditional_shop().call("GET", "/newest", **headers).status_code == status


def test_answer_whose_etag_does_not_cover_all_of_it_is_never_304(shop: Shop) -> None:
    assert shop.call("GET", "/things/t1", If_None_Match='"3"').status_code == 200


def test_several_headers_are_one_list() -> None:
    event = {
        "headers": {"if-none-match": '"2"'},
        "multiValueHeaders": {"if-none-match": ['"3"', '"2"']},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "requestContext": {"httpMethod": "GET", "resourcePath": "/newest"},
        "body": None,
        "stageVariables": None,
    }
    assert conditional_shop().app(event, None)["statusCode"] == 304


def test_a_response_with_a_code_of_its_own_is_not_changed(shop: Shop) -> None:
    shop.error = Conflict('Say "Code" and "Message" as often as you like')
    assert "Code" in check_problem(shop.call("GET", "/things/t1"), 409)["detail"]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "pointers"),
    [
        (b'{"name": "kite"}', "application/json; charset=utf-8", 201, []),
        (b'{"name": "kite"}', "Application/JSON", 201, []),
        (b'{"name": "kite"}', 'application/json ; v="a;charset=x" ;CHARSET = "utf-8"', 201, []),
        (b'{"name": "kite"}', "application/json;charset=utf8", 201, []),
        (b'{"name": "kite"}', "application/json;charset=us-ascii", 415, []),
        (b'{"name": "kite"}', "application/json; charset=", 415, []),
        (b'{"name": "kite"}', "application/json; charset=utf-8; charset=latin1", 415, []),
        (b'\xef\xbb\xbf{"name": "kite"}', JSON, 201, []),
        (b'\xef\xbb\xbf\xef\xbb\xbf{"name": "kite"}', JSON, 400, []),
        (b"\xef\xbb\xbf", JSON, 400, []),
        (b'{"name": "kite", "name": "ball"}', JSON, 400, ["/name"]),
        (b'{"name": "\\u0000"}', JSON, 422, ["/name"]),
        (b'{"name": "kite"}', "text/plain", 415, []),
        (b'{"name": "kite"}', "application/merge-patch+json", 415, []),
        (b'{"name": "kite"}', "", 415, []),
        (b"", JSON, 400, []),
        (b"{", JSON, 400, []),
        (b'{"name": "\xff"}', JSON, 400, []),
        # also in a member that is not read
        (b'{"name": "kite", "color": "\xff"}', JSON, 400, []),
        (b"[]", JSON, 422, [""]),
        (b"{}", JSON, 422, ["/name"]),
        (b'{"name": "kite", "sizes": [1, "2"]}', JSON, 422, ["/sizes/1"]),
        (b'{"name": "kite", "color": "red"}', JSON, 422, ["/color"]),
        (b'{"name": "' + b"x" * 988 + b'"}', JSON, 201, []),  # 1,000 bytes
        (b'{"name": "' + b"x" * 989 + b'"}', JSON, 413, []),
        (b"x" * 5_000, "text/plain", 413, []),
    ],
)
def test_a_body_is_accepted_or_answered_with_its_status(
    shop: Shop, body: bytes, content_type: str, status: int, pointers: list[str]
) -> None:
    headers = {"Content_Type": content_type} if content_type else {}
    answer = shop.call("POST", "/things", body, **headers)
    assert bool(shop.seen) == (status == 201)
    if status == 201:
        assert answer.status_code == 201
    else:
        check_problem(answer, status, *pointers)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/things"),
        ("PATCH", "/things/t1"),
        ("POST", "/things/t1/stop"),
        ("GET", "/things/t1"),
        ("DELETE", "/things/t1"),
    ],
)
@pytest.mark.parametrize(
    "coding",
    ["gzip", "deflate", "GZIP", "br", "unknown", "gzip, deflate", "identity,gzip", "gzip,identity"],
)
def test_an_encoded_body_is_refused(shop: Shop, method: str, path: str, coding: str) -> None:
    answer = shop.call(method, path, b"{}", Content_Type=JSON, Content_Encoding=coding)
    check_problem(answer, 415)
    assert answer.headers["Accept-Encoding"] == "identity"
    assert shop.seen == []


@pytest.mark.parametrize("codings", [["gzip", "identity"], ["identity", "gzip"]])
def test_each_of_several_content_encoding_headers_is_read(shop: Shop, codings: list[str]) -> None:
    event = {
        "headers": {"Content-Type": JSON, "content-encoding": codings[-1]},
        "multiValueHeaders": {"Content-Type": [JSON], "content-encoding": codings},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "requestContext": {"httpMethod": "POST", "resourcePath": "/things"},
        "body": '{"name": "kite"}',
        "stageVariables": None,
    }
    assert shop.app(event, None)["statusCode"] == 415
    assert shop.seen == []


def test_each_of_several_content_type_headers_is_read(shop: Shop) -> None:
    several = [f"{JSON}; charset=latin1", JSON]
    event = {
        "headers": {"content-type": JSON},
        "multiValueHeaders": {"content-type": several},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "requestContext": {"httpMethod": "POST", "resourcePath": "/things"},
        "body": '{"name": "kite"}',
        "stageVariables": None,
    }
    assert shop.app(event, None)["statusCode"] == 415
    assert shop.seen == []


@pytest.mark.parametrize("accept", ["", "*/*", "text/html", JSON])
def test_api_gateway_forwards_bytes_and_gets_text(shop: Shop, accept: str) -> None:
    # a body of these types reaches the function as bytes, in base64
    assert shop.app.api.binary_types == ["application/merge-patch+json", JSON]
    event = {
        "headers": {"content-type": JSON, "accept": accept},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "requestContext": {"httpMethod": "POST", "resourcePath": "/things"},
        "body": base64.b64encode(b'{"name": "\xc3\xa9"}').decode(),
        "isBase64Encoded": True,
        "stageVariables": None,
    }
    answer = shop.app(event, None)
    assert (answer["statusCode"], answer["body"]) == (201, '{"id":"t1","version":1}')
    assert "isBase64Encoded" not in answer
    assert shop.seen == [NewThing(name="é")]
    bad = event | {"body": base64.b64encode(b'{"name": "\xe9"}').decode()}
    assert shop.app(bad, None)["statusCode"] == 400


@pytest.mark.parametrize("coding", ["identity", "Identity", "identity, identity", ""])
def test_a_body_with_the_coding_identity_is_accepted(shop: Shop, coding: str) -> None:
    answer = shop.call(
        "POST", "/things", {"name": "kite"}, Content_Type=JSON, Content_Encoding=coding
    )
    assert answer.status_code == 201


def test_the_body_limit_counts_bytes_not_characters(shop: Shop) -> None:
    body = '{"name": "' + "é" * 600 + '"}'
    answer = shop.call("POST", "/things", body.encode(), Content_Type=JSON)
    check_problem(answer, 413)


@pytest.mark.parametrize("content_type", [JSON, "application/merge-patch+json"])
def test_a_patch_is_accepted_in_both_media_types(shop: Shop, content_type: str) -> None:
    answer = shop.call(
        "PATCH", "/things/t1", {"a": {"b": None}}, If_Match='"3"', Content_Type=content_type
    )
    assert answer.status_code == 200
    assert shop.seen == [("t1", {"a": {"b": None}})]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"[]", 422), (b"null", 422), (b'"x"', 422), (b"", 400), (b'{"a":' * 400, 400),
     (b'{"a":' * 100 + b"1" + b"}" * 100, 400)],
)  # fmt: skip
def test_a_patch_must_be_an_object_of_limited_depth(shop: Shop, body: bytes, status: int) -> None:
    shop.app.max_body = 100_000
    answer = shop.call("PATCH", "/things/t1", body, If_Match='"3"', Content_Type=JSON)
    assert answer.status_code == status
    assert shop.seen == []


@pytest.mark.parametrize(
    ("given", "status"),
    [('"3"', 200), (' "3" ', 200), ("*", 200), ('"2", "3"', 200), (None, 428), ('"4"', 412),
     ('W/"3"', 412), ('"three"', 412), ("3", 400), ('*, "3"', 400), ("", 400), ('"٣"', 400)],
)  # fmt: skip
def test_if_match_must_name_the_version(shop: Shop, given: str | None, status: int) -> None:
    headers = {} if given is None else {"If_Match": given}
    answer = shop.call("PATCH", "/things/t1", {}, Content_Type=JSON, **headers)
    assert answer.status_code == status
    if status != 200:
        check_problem(answer, status)


def test_a_query_is_parsed_and_an_invalid_parameter_named(shop: Shop) -> None:
    shop.call("GET", "/things?limit=5&attr.color=dark%20red")
    assert shop.seen == [ThingQuery(limit=5, attributes={"color": "dark red"})]
    check_problem(shop.call("GET", "/things?limt=5"), 400, "/limt")
    check_problem(shop.call("GET", "/things?limit=5&limit=5"), 400, "/limit")
    check_problem(shop.call("GET", "/things?attr.color=a&attr.color=b"), 400, "/attr.color")
    check_problem(shop.call("GET", "/things?attr.color=a%00"), 400, "/attr.color")
    check_problem(shop.call("GET", "/things/t1?a&a"), 400, "/a")
    # an operation without a query accepts no parameter
    check_problem(shop.call("GET", "/things/t1?limit=5"), 400, "/limit")


def test_an_optional_body_may_only_be_absent_or_empty(shop: Shop) -> None:
    assert shop.call("POST", "/things/t1/stop").status_code == 202
    assert shop.call("POST", "/things/t1/stop", {}, Content_Type=JSON).status_code == 202
    answer = shop.call("POST", "/things/t1/stop", {"why": 1}, Content_Type=JSON)
    check_problem(answer, 422, "/why")


def test_the_correlation_id_is_answered_and_logged(shop: Shop, lines: Lines) -> None:
    answer = shop.call("GET", "/things/t1", X_Correlation_Id="web-1")
    assert answer.headers["X-Correlation-Id"] == "web-1"
    shop.error = RuntimeError()
    assert shop.call("GET", "/things/t1", X_Correlation_Id="web-2").headers[
        "X-Correlation-Id"
    ] == "web-2"  # fmt: skip
    assert [line["correlation_id"] for line in lines()] == ["web-1", "web-2", "web-2"]
    new = shop.call("GET", "/things/t1", X_Correlation_Id="bad one").headers["X-Correlation-Id"]
    assert new not in ("bad one", "")


def test_each_request_is_logged_on_one_line(shop: Shop, lines: Lines) -> None:
    shop.call("GET", "/things/t1", Authorization="Bearer x")
    (line,) = lines()
    assert (line["message"], line["operation"], line["status"]) == (
        "request served",
        "getThing",
        200,
    )
    assert line["service"] == "things"
    assert line["duration_ms"] >= 0


def test_a_debugged_trace_shows_which_request_was_received(shop: Shop, details: Lines) -> None:
    # GIVEN a process that ends before it answers
    shop.error = SystemExit()
    with pytest.raises(SystemExit):
        shop.call("GET", "/things/t1")
    (line,) = details()
    assert (line["message"], line["operation"]) == ("request received", "getThing")


def test_a_private_app_requires_signatures_and_has_a_health_check(shop: Shop) -> None:
    routes = [entry for methods in shop.app.routes.values() for entry in methods.values()]
    assert len(routes) == 10
    assert all(isinstance(route.authorizer, IAMAuthorizer) for route in routes)
    assert shop.call("GET", "/health").json_body == {"status": "ok"}
    public = Shop(public=True)
    assert "/health" not in public.app.routes  # it has a larger one of its own
    routes = [
        entry
        for path, methods in public.app.routes.items()
        for method, entry in methods.items()
        if method in public.app.allowed_methods(path)
    ]
    assert len(routes) == 8
    assert all(isinstance(route.authorizer, IAMAuthorizer) for route in routes)


class Names(NamedTuple):
    greeting: str


def public_app(audience: Any) -> tuple[ServiceApp, ServiceBlueprint[Names]]:
    """Return a public app, and a blueprint with one operation for an audience."""
    settings = Settings(stage="unit", service="things")
    app = ServiceApp("toyshop-things", settings, public=True)
    app.components = Names("hello")
    routes: ServiceBlueprint[Names] = ServiceBlueprint(__name__)

    @routes.serves(operation("greet", "GET", "/greetings/{name}", audience=audience))
    def greet(name: str) -> str:
        return f"{routes.components.greeting} {name} {routes.app.header('x-sign') or ''}"

    return app, routes


@pytest.mark.parametrize("audience", ["anyone", "gateway"])
def test_blueprint_operation_for_anyone_is_served_without_authorizer(audience: str) -> None:
    app, routes = public_app(audience)
    app.register_blueprint(routes)
    answer = Client(app).http.get("/greetings/Al%20B", headers={"X-Sign": "!"})
    assert answer.json_body == "hello Al B !"
    assert app.routes["/greetings/{name}"]["GET"].authorizer is None


@pytest.mark.parametrize("audience", ["customer", "staff", "owner or staff"])
def test_protected_blueprint_operation_needs_authorizer_and_permission(audience: str) -> None:
    app, routes = public_app(audience)
    with pytest.raises(ValueError, match="greet needs an authorizer"):
        app.register_blueprint(routes)
    # GIVEN an app that permits nothing
    asked: list[str] = []

    def permit(requested: Operation[Any]) -> None:
        asked.append(requested.name)
        raise Forbidden("Only staff may do this.")

    app, routes = public_app(audience)
    authorizer = IAMAuthorizer()  # any one: the test client does not run a custom one
    app.protect(authorizer, permit)
    app.register_blueprint(routes)
    assert app.routes["/greetings/{name}"]["GET"].authorizer is authorizer
    check_problem(Client(app).http.get("/greetings/Al"), 403)
    assert asked == ["greet"]


@pytest.mark.parametrize("public", [False, True])
def test_only_callers_of_a_private_app_may_set_a_deadline(public: bool, lines: Lines) -> None:
    shop = Shop(public=public)
    shop.call("GET", "/things/t1", X_Request_Deadline="1")
    assert (shop.seen[0][1].remaining() == 0) == (not public)


def test_the_time_left_of_the_invocation_limits_a_request(shop: Shop) -> None:
    shop.call("GET", "/things/t1")
    assert 0 < shop.seen[0][1].remaining() <= 25


def test_requests_do_not_share_a_context(shop: Shop) -> None:
    shop.call("GET", "/things/t1")
    shop.call("GET", "/things/t1")
    first, second = (current for _, current in shop.seen)
    assert first.traceparent != second.traceparent


def test_authorizer_denies_every_path_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "chalice.local", raising=False)
    (statement,) = denied()["policyDocument"]["Statement"]
    assert statement == {"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": "*"}


def test_authorizer_answers_with_a_problem_under_chalice_local() -> None:
    local = importlib.import_module("chalice.local")
    with pytest.raises(local.NotAuthorizedError) as raised:
        denied()
    assert raised.value.CODE == 401
    assert raised.value.headers["WWW-Authenticate"] == "Bearer"
    assert json.loads(raised.value.body)["status"] == 401


@pytest.mark.parametrize(
    "headers", [{}, {"X-Toyshop-Edge": "k3y-2"}, {"X-Toyshop-Edge": "k\u00e9y"}]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/things/t1"), ("POST", "/things"), ("PUT", "/things"), ("GET", "/unknown")],
)
def test_request_without_the_key_of_the_edge_is_refused_before_routing(
    lines: Lines, method: str, path: str, headers: dict[str, str]
) -> None:
    shop = Shop(public=True, edge_key="k3y")
    answer = send(shop, method, path, headers)
    assert answer["statusCode"] == 403
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"])["type"] == TYPES[403]
    assert shop.seen == []
    assert lines()[-1]["message"] == "request refused"


def test_request_with_the_key_of_the_edge_is_served(lines: Lines) -> None:
    shop = Shop(public=True, edge_key="k3y")
    for name in ("X-Toyshop-Edge", "x-toyshop-edge"):
        assert send(shop, "GET", "/things/t1", {name: "k3y"})["statusCode"] == 200


def send(shop: Shop, method: str, path: str, headers: dict[str, str]) -> Any:
    """Send an event as API Gateway does, also for a path that the app does not have."""
    event = {
        "requestContext": {"httpMethod": method, "resourcePath": path.replace("t1", "{thing_id}")},
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "pathParameters": {"thing_id": "t1"},
        "multiValueQueryStringParameters": None,
        "stageVariables": None,
        "isBase64Encoded": False,
        "body": None,
    }
    return shop.app(event, None)
