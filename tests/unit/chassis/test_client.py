"""Calls to other services, against a server that answers correctly, wrongly, late or never."""

import hashlib
import hmac
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Annotated, Any
from urllib.parse import quote

import pytest
import time_machine
import urllib3
from msgspec import Meta

from chassis import context
from chassis.breaker import FAILURES
from chassis.client import Reply, ServiceClient
from chassis.connections import Response
from chassis.problems import (
    BadRequest,
    Conflict,
    NotFound,
    PreconditionFailed,
    ProblemError,
    ServiceUnavailable,
    Unprocessable,
)
from chassis.retry import RetryPolicy
from chassis.transport import Transport, connection_pool, sign_for_api_gateway
from contracts.health import HEALTH
from contracts.operations import Operation
from contracts.schema import PARAMETER_PREFIX, Input, Output
from support.log_lines import Lines, Metrics

SECRET = "wJalrXUtnFEMI/K7MDENG"
PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


class Thing(Output):
    id: str


class NewThing(Input):
    name: str
    content: bytes = b""


class ThingQuery(Input):
    q: str = ""
    limit: int = 20
    deep: bool = False
    category: str | None = None
    attributes: Annotated[dict[str, str], Meta(extra={PARAMETER_PREFIX: "attr."})] = {}


GET: Operation[Thing] = Operation(
    name="getThing", method="GET", path="/things/{thing_id}", summary="", answer=Thing,
    problems=(400, 404, 409, 412, 422, 503), repeatable=True,
)  # fmt: skip
LIST: Operation[Thing] = Operation(
    name="listThings", method="GET", path="/things", summary="", answer=Thing, query=ThingQuery,
    repeatable=True,
)  # fmt: skip
ADD: Operation[Thing] = Operation(
    name="addThing", method="POST", path="/things", summary="", answer=Thing, status=(201, 200),
    body=NewThing, problems=(409, 422, 503),
)  # fmt: skip
FIND: Operation[Thing] = Operation(
    name="findThing", method="POST", path="/things/find", summary="", answer=Thing,
    body=NewThing, problems=(404, 422, 503),
)  # fmt: skip
DROP: Operation[None] = Operation(
    name="dropThing", method="DELETE", path="/things/{thing_id}/images/{image_id}", summary="",
    status=(204,), repeatable=True,
)  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    server: "Server"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.calls.append((self.command, self.path, dict(self.headers), body))
        answers = self.server.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815

    def log_message(self, *arguments: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Gives its answers in turn, then the last one again and again, and records the calls."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: list[Callable[[Handler], None]] = []

    def handle_error(self, *arguments: Any) -> None:
        pass  # a client that hangs up is what some tests are about


def answer(
    status: int, body: bytes = b'{"id":"t1"}', content_type: str = "application/json"
) -> Callable[[Handler], None]:
    def give(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return give


def problem(status: int, detail: str = "Why.", **more: Any) -> Callable[[Handler], None]:
    body = {"type": "about:blank", "title": "T", "status": status, "detail": detail, **more}
    return answer(status, json.dumps(body).encode(), "application/problem+json")


def slow(handler: Handler) -> None:
    time.sleep(0.4)
    answer(200)(handler)


def hang_up(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def half_an_answer(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"id":')
    handler.wfile.flush()
    hang_up(handler)


def no_http(handler: Handler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH\r\n")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-session-token")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-southeast-2")


QUICKLY = RetryPolicy(base_delay=0.001)


def client_of(service: str, url: str, read_timeout: float = 0.15) -> ServiceClient:
    transport = Transport(connection_pool(), sign_for_api_gateway, read_timeout)
    return ServiceClient(service, url, transport, retry=QUICKLY)


@pytest.fixture
def things(server: Server) -> ServiceClient:
    return client_of("things", f"http://127.0.0.1:{server.server_port}/api/")


@pytest.fixture
def patient(server: Server) -> ServiceClient:
    """Return a client that waits longer for a response than the deadlines of the tests allow."""
    return client_of("things", f"http://127.0.0.1:{server.server_port}/api/", read_timeout=8.0)


def test_a_response_is_decoded_to_its_type(server: Server, things: ServiceClient) -> None:
    server.answers = [answer(200, b'{"id":"t1","new":"field"}')]
    assert things.call(GET, {"thing_id": "t1"}) == Reply(200, Thing(id="t1"))
    assert [(method, path) for method, path, _, _ in server.calls] == [("GET", "/api/things/t1")]


def test_a_body_is_sent_as_json_of_its_contract(server: Server, things: ServiceClient) -> None:
    server.answers = [answer(201), answer(200)]
    first = things.call(ADD, body=NewThing(name="kite", content=b"\xff"))
    assert [first.status, things.call(ADD, body=NewThing(name="kite")).status] == [201, 200]
    _, _, headers, body = server.calls[0]
    assert (headers["Accept"], headers["Content-Type"]) == ("application/json",) * 2
    assert json.loads(body) == {"name": "kite", "content": "/w=="}


def test_a_response_may_have_no_body(server: Server, things: ServiceClient) -> None:
    server.answers = [answer(204, b"")]
    assert things.call(DROP, {"thing_id": "a", "image_id": "b"}) == Reply(204, None)


@pytest.mark.parametrize(
    ("value", "sent"),
    [("a/b", "a%2Fb"), ("a b", "a%20b"), ("é", "%C3%A9"), ("a?b#c", "a%3Fb%23c"), ("%41", "%2541"),
     ("../x", "..%2Fx"), ("a+b&c=d", "a%2Bb%26c%3Dd"), ("...", "...")],
)  # fmt: skip
def test_path_parameters_are_percent_encoded(
    server: Server, things: ServiceClient, value: str, sent: str
) -> None:
    server.answers = [answer(200)]
    things.call(GET, {"thing_id": value})
    assert server.calls[0][1] == f"/api/things/{sent}"


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_path_parameter_never_reaches_another_operation(
    server: Server, things: ServiceClient, value: str
) -> None:
    # GIVEN that every hop resolves dots: DELETE /things/t1/images/.. is DELETE /things/t1/
    server.answers = [answer(204, b"")]
    with pytest.raises(NotFound):
        things.call(DROP, {"thing_id": "t1", "image_id": value})
    assert server.calls == []


def test_a_query_contains_what_differs_from_its_defaults(
    server: Server, things: ServiceClient
) -> None:
    server.answers = [answer(200)]
    things.call(LIST, query=ThingQuery())
    things.call(
        LIST,
        query=ThingQuery(q="a&b c", limit=5, deep=True, category="x", attributes={"size/é": "1 2"}),
    )
    assert server.calls[0][1].rstrip("?") == "/api/things"
    path, _, query = server.calls[1][1].partition("?")
    assert path == "/api/things"
    assert set(query.split("&")) == {
        "q=a%26b%20c", "limit=5", "deep=true", "category=x", "attr.size%2F%C3%A9=1%202",
    }  # fmt: skip


def test_the_context_is_passed_on(server: Server, things: ServiceClient) -> None:
    server.answers = [answer(200)]
    given = {"traceparent": PARENT, "X-Correlation-Id": "web-1"}
    with context.entered(given, budget=7) as current:
        things.call(GET, {"thing_id": "t1"})
    _, _, headers, _ = server.calls[0]
    assert headers["traceparent"] == current.traceparent
    assert headers["traceparent"].startswith(f"00-{'a' * 32}-")
    assert headers["X-Correlation-Id"] == "web-1"
    assert float(headers["X-Request-Deadline"]) == pytest.approx(current.deadline, abs=0.01)


def test_headers_of_the_operation_are_sent(server: Server, things: ServiceClient) -> None:
    server.answers = [answer(200)]
    things.call(GET, {"thing_id": "t1"}, headers={"If-Match": '"3"'})
    assert server.calls[0][2]["If-Match"] == '"3"'


def documented_signature(method: str, target: str, headers: dict[str, str], body: bytes) -> str:
    """Sign a received request as AWS documents Signature Version 4, without botocore."""
    given = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/(\d{8})/ap-southeast-2/execute-api/aws4_request,"
        r" SignedHeaders=([a-z0-9;-]+), Signature=[0-9a-f]{64}",
        headers["Authorization"],
    )
    assert given is not None
    day, names = given[1], given[2].split(";")
    lowered = {name.lower(): value for name, value in headers.items()}
    assert {"host", "x-amz-date", "x-amz-security-token"} <= set(names)
    path, _, query = target.partition("?")
    canonical = "\n".join(
        [
            method,
            quote(path, safe="/~-._"),
            "&".join(sorted(query.split("&"))),
            *(f"{name}:{' '.join(lowered[name].split())}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{day}/ap-southeast-2/execute-api/aws4_request"
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            lowered["x-amz-date"],
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "value", ["\uff13", '"3"\r\nX-Evil: 1', '"3"\nX-Evil: 1', "a\x00b", "é", "\ud800"]
)
def test_an_unprintable_header_value_is_rejected_and_injects_nothing(
    server: Server, things: ServiceClient, value: str
) -> None:
    with pytest.raises(BadRequest, match="If-Match"):
        things.call(GET, {"thing_id": "t1"}, headers={"If-Match": value})
    assert server.calls == []


def test_the_received_request_is_the_signed_one(server: Server, things: ServiceClient) -> None:
    server.answers = [answer(200), answer(200), answer(201)]
    things.call(GET, {"thing_id": "a b/é~c"}, headers={"If-Match": '"3"'})
    things.call(LIST, query=ThingQuery(q="a b&c", limit=5, attributes={"b": "é", "a": "x~y"}))
    things.call(ADD, body=NewThing(name="kite"))
    for method, target, headers, body in server.calls:
        expected = documented_signature(method, target, headers, body)
        assert headers["Authorization"].endswith(f"Signature={expected}")
        assert headers["X-Amz-Security-Token"] == "a-session-token"


def test_without_credentials_nothing_is_sent(
    server: Server, things: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.credentials.current", lambda: None)
    with pytest.raises(ServiceUnavailable):
        things.call(GET, {"thing_id": "t1"})
    assert server.calls == []


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, BadRequest), (404, NotFound), (409, Conflict), (412, PreconditionFailed),
     (422, Unprocessable)],
)  # fmt: skip
def test_a_problem_of_the_contract_becomes_its_error(
    server: Server, things: ServiceClient, status: int, error: type[ProblemError]
) -> None:
    fields = [{"pointer": "/name", "detail": "Too long"}]
    server.answers = [problem(status, "Because.", errors=fields, extra="ignored")]
    with pytest.raises(error) as raised:
        things.call(GET, {"thing_id": "t1"})
    assert raised.value.detail == "Because."
    assert [(e.pointer, e.detail) for e in raised.value.errors] == [("/name", "Too long")]
    assert "extra" not in json.loads(raised.value.to_json())
    assert len(server.calls) == 1


def test_a_problem_with_a_type_keeps_its_title_and_its_further_members(
    server: Server, things: ServiceClient
) -> None:
    server.answers = [
        problem(409, "Because.", type="/problems#gone", title="Gone", total={"amount": 5})
    ]
    with pytest.raises(Conflict) as raised:
        things.call(GET, {"thing_id": "t1"})
    assert raised.value.extensions == {"total": {"amount": 5}}
    members = json.loads(raised.value.to_json())
    assert members == {
        "type": "/problems#gone",
        "title": "Gone",
        "status": 409,
        "detail": "Because.",
        "total": {"amount": 5},
    }


@pytest.mark.parametrize(
    "give",
    [answer(404, b"<html>", "text/html"), answer(404, b"{", "application/problem+json"),
     answer(404, b"", "application/problem+json"),
     answer(404, b'{"detail": "\xff"}', "application/problem+json")],
)  # fmt: skip
def test_an_invalid_problem_body_keeps_its_status(
    server: Server, things: ServiceClient, give: Any
) -> None:
    server.answers = [give]
    with pytest.raises(NotFound):
        things.call(GET, {"thing_id": "t1"})


@pytest.mark.parametrize("status", [200, 404])
def test_a_debugged_trace_shows_what_was_answered(
    server: Server, things: ServiceClient, status: int, details: Lines
) -> None:
    server.answers = [problem(503), answer(200) if status == 200 else problem(status)]
    with suppress(NotFound):
        things.call(GET, {"thing_id": "t1"})
    (line,) = details()
    assert (line["message"], line["downstream"]) == ("call answered", "things")
    assert (line["operation"], line["status"]) == ("getThing", status)
    assert line["duration_ms"] > 0


@pytest.mark.parametrize("status", [201, 202, 204, 301, 302, 401, 403, 418])
def test_a_status_outside_the_contract_is_a_503(
    server: Server, things: ServiceClient, status: int, lines: Lines
) -> None:
    server.answers = [problem(status, "a secret of the service")]
    with pytest.raises(ServiceUnavailable) as raised:
        things.call(GET, {"thing_id": "t1"})
    # our caller can do nothing about it, so it learns no detail; no redirect is followed
    assert "secret" not in raised.value.detail
    assert "things" not in raised.value.detail
    assert len(server.calls) == 1
    assert lines()[-1]["reason"] == f"unexpected status {status}"
    assert lines()[-1].items() >= {"downstream": "things", "operation": "getThing"}.items()
    assert lines()[-1].items() >= {"level": "WARNING", "message": "call failed"}.items()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"id":1}', b"<html>", b'{"id":"\xff"}']
)
def test_an_undecodable_body_is_a_503(server: Server, things: ServiceClient, body: bytes) -> None:
    server.answers = [answer(200, body)]
    with pytest.raises(ServiceUnavailable):
        things.call(GET, {"thing_id": "t1"})


BAD = {
    "slow": slow,
    "hangs up": hang_up,
    "half an answer": half_an_answer,
    "no http": no_http,
    "500": answer(500, b"oops", "text/plain"),
    "502": answer(502, b"", "text/html"),
    "503": problem(503),
    "504": answer(504),
    "429": problem(429),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_repeatable_operation_is_attempted_three_times(
    server: Server, things: ServiceClient, kind: str
) -> None:
    server.answers = [BAD[kind]]
    with pytest.raises(ServiceUnavailable):
        things.call(GET, {"thing_id": "t1"})
    assert len(server.calls) == 3


def test_client_without_a_policy_of_its_own_retries(server: Server) -> None:
    server.answers = [BAD["503"], answer(200)]
    transport = Transport(connection_pool(), sign_for_api_gateway, 0.15)
    client = ServiceClient("things", f"http://127.0.0.1:{server.server_port}/api/", transport)
    assert client.call(GET, {"thing_id": "t1"}).value.id == "t1"
    assert len(server.calls) == 2


def test_retry_policy_of_a_client_decides_how_often_and_when(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("chassis.client.time", SimpleNamespace(sleep=waits.append))
    server.answers = [BAD["503"]]
    transport = Transport(connection_pool(), sign_for_api_gateway, 0.15)
    url = f"http://127.0.0.1:{server.server_port}/api/"
    for base_delay, budget, limit in ((0.01, 5, 0.16), (1e6, 5, 5)):
        policy = RetryPolicy(attempts=5, base_delay=base_delay)
        with context.entered({}, budget=budget), pytest.raises(ServiceUnavailable):
            ServiceClient("things", url, transport, retry=policy).call(LIST)
        assert len(waits) == 4
        assert all(0 < wait <= limit for wait in waits)
        waits.clear()
    assert len(server.calls) == 10


def test_only_the_slash_at_the_end_of_a_url_is_removed(server: Server) -> None:
    server.answers = [answer(200)]
    client_of("things", f"http://127.0.0.1:{server.server_port}/apiX/").call(LIST)
    client_of("things", f"http://127.0.0.1:{server.server_port}/apiX").call(LIST)
    assert [call[1] for call in server.calls] == ["/apiX/things", "/apiX/things"]


@pytest.mark.parametrize("kind", BAD)
def test_another_operation_is_sent_once(server: Server, things: ServiceClient, kind: str) -> None:
    server.answers = [BAD[kind]]
    with pytest.raises(ServiceUnavailable):
        things.call(ADD, body=NewThing(name="kite"))
    time.sleep(0.02)
    assert len(server.calls) == 1


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind != "slow"])
def test_a_retry_that_succeeds_is_the_reply(
    server: Server, things: ServiceClient, kind: str
) -> None:
    server.answers = [BAD[kind], BAD[kind], answer(200)]
    assert things.call(GET, {"thing_id": "t1"}).value.id == "t1"
    assert len(server.calls) == 3


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_problem_is_not_retried(server: Server, things: ServiceClient, status: int) -> None:
    server.answers = [problem(status)]
    with pytest.raises(ProblemError):
        things.call(GET, {"thing_id": "t1"})
    assert len(server.calls) == 1


@contextmanager
def counted_connects(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    tried: list[Any] = []
    real = urllib3.util.connection.create_connection

    def connect(address: Any, *rest: Any, **more: Any) -> Any:
        tried.append(address)
        return real(address, *rest, **more)

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    yield tried


@pytest.mark.parametrize("operation", [GET, ADD])
def test_a_failed_connection_is_retried_for_every_operation(
    monkeypatch: pytest.MonkeyPatch, operation: Operation[Any]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    unreachable = client_of("unreachable", f"http://127.0.0.1:{port}")
    with counted_connects(monkeypatch) as tried, pytest.raises(ServiceUnavailable):
        unreachable.call(operation, {"thing_id": "t1"}, body=NewThing(name="kite"))
    assert len(tried) == 3


class Silence:
    """Connections to a service that never answers; waiting moves the clock of the test.

    Attributes
    ----------
    waits
        The timeout of each request.
    """

    def __init__(self, advance: Callable[[float], None]) -> None:
        self.waits: list[urllib3.Timeout] = []
        self._advance = advance

    def request(self, *_: object, timeout: urllib3.Timeout, **__: object) -> Response:
        self.waits.append(timeout)
        self._advance(timeout.read_timeout)
        raise urllib3.exceptions.ReadTimeoutError(None, "", "")  # type: ignore[arg-type]


def test_the_deadline_limits_the_wait() -> None:
    with time_machine.travel(time.time(), tick=False) as clock:
        http = Silence(clock.shift)
        patient = ServiceClient(
            "things", "http://things", Transport(http, sign_for_api_gateway), retry=QUICKLY
        )
        with context.entered({}, budget=0.2), pytest.raises(ServiceUnavailable):
            patient.call(GET, {"thing_id": "t1"})
    # no time for another attempt
    (wait,) = http.waits
    assert (wait.connect_timeout, wait.read_timeout) == (pytest.approx(0.2), pytest.approx(0.2))


def test_nothing_is_sent_when_the_deadline_has_passed(
    server: Server, things: ServiceClient, lines: Lines
) -> None:
    gone = {"X-Request-Deadline": f"{time.time() - 1:.3f}"}
    with context.entered(gone, budget=25), pytest.raises(ServiceUnavailable):
        things.call(GET, {"thing_id": "t1"})
    assert server.calls == []
    assert lines()[-1]["reason"] == "the deadline has passed"


FAULTS = {kind: give for kind, give in BAD.items() if kind != "503"}
FAULTS |= {"garbage": answer(200, b"<html>"), "418": answer(418)}


@pytest.mark.parametrize("kind", FAULTS)
def test_repeated_failures_stop_the_calls(
    server: Server, things: ServiceClient, kind: str, lines: Lines
) -> None:
    server.answers = [FAULTS[kind]]
    for _ in range(FAILURES + 3):
        with pytest.raises(ServiceUnavailable):
            things.call(ADD, body=NewThing(name="kite"))
    assert len(server.calls) == FAILURES
    assert lines()[-1]["reason"] == "the circuit breaker is open"


def durations(metrics: Metrics) -> int:
    found = [each for each in metrics() if each.name == "http.client.request.duration"]
    assert {each.unit for each in found} <= {"Seconds"}
    return len(found)


@pytest.mark.parametrize("kind", ["500", "hangs up", "418"])
def test_duration_of_a_call_is_recorded_only_if_a_request_was_sent(
    server: Server,
    things: ServiceClient,
    metrics: Metrics,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    # WHEN a service fails, and its circuit breaker refuses further calls
    server.answers = [FAULTS[kind]]
    for _ in range(FAILURES + 3):
        with pytest.raises(ServiceUnavailable):
            things.call(ADD, body=NewThing(name="kite"))
    assert durations(metrics) == FAILURES
    # THEN neither these nor calls without time or credentials make it look fast
    gone = {"X-Request-Deadline": f"{time.time() - 1:.3f}"}
    with context.entered(gone, budget=25), pytest.raises(ServiceUnavailable):
        things.call(HEALTH)
    with monkeypatch.context() as patch:
        patch.setattr("chassis.credentials.current", lambda: None)
        with pytest.raises(ServiceUnavailable):
            things.call(HEALTH)
    assert durations(metrics) == FAILURES
    # AND a call with retries has one value, even if the breaker opens between them
    others = client_of("others", f"http://127.0.0.1:{server.server_port}/api/")
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            others.call(GET, {"thing_id": "t1"})
    assert durations(metrics) == FAILURES + 2


def test_call_that_cannot_connect_has_no_duration(metrics: Metrics) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        unreachable = client_of("unreachable", f"http://127.0.0.1:{unused.getsockname()[1]}")
    with pytest.raises(ServiceUnavailable):
        unreachable.call(GET, {"thing_id": "t1"})
    assert durations(metrics) == 0


def test_answer_with_a_body_ends_a_series_of_failures(
    server: Server, things: ServiceClient
) -> None:
    for _ in range(2):
        server.answers = [FAULTS["500"]] * (FAILURES - 1) + [answer(201)]
        for _ in range(FAILURES - 1):
            with pytest.raises(ServiceUnavailable):
                things.call(ADD, body=NewThing(name="kite"))
        assert things.call(ADD, body=NewThing(name="kite")).status == 201
    assert len(server.calls) == 2 * FAILURES


def test_problem_of_the_contract_ends_a_series_of_failures(
    server: Server, things: ServiceClient
) -> None:
    for _ in range(2):
        server.answers = [FAULTS["500"]] * (FAILURES - 1) + [problem(422)]
        for _ in range(FAILURES - 1):
            with pytest.raises(ServiceUnavailable):
                things.call(ADD, body=NewThing(name="kite"))
        with pytest.raises(Unprocessable):
            things.call(ADD, body=NewThing(name="kite"))
    assert len(server.calls) == 2 * FAILURES


def test_retries_within_a_call_count_as_failures(server: Server, things: ServiceClient) -> None:
    server.answers = [answer(500)]
    for _ in range(4):
        with pytest.raises(ServiceUnavailable):
            things.call(GET, {"thing_id": "t1"})
    assert len(server.calls) == FAILURES


def test_an_unreachable_service_gets_no_further_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        unreachable = client_of("unreachable", f"http://127.0.0.1:{unused.getsockname()[1]}")
    with counted_connects(monkeypatch) as tried:
        for _ in range(4):
            with pytest.raises(ServiceUnavailable):
                unreachable.call(ADD, body=NewThing(name="kite"))
    assert len(tried) == FAILURES


@pytest.mark.parametrize("give", [problem(404), problem(422), problem(503), answer(404)])
def test_a_response_within_the_contract_is_not_a_failure(
    server: Server, things: ServiceClient, give: Any
) -> None:
    server.answers = [give]
    for _ in range(FAILURES + 2):
        with pytest.raises(ProblemError):
            things.call(FIND, body=NewThing(name="kite"))
    assert len(server.calls) == FAILURES + 2


def test_a_success_between_failures_keeps_the_breaker_closed(
    server: Server, things: ServiceClient
) -> None:
    for _ in range(3):
        server.answers = [answer(500)] * (FAILURES - 2) + [answer(201)]
        for _ in range(FAILURES - 2):
            with pytest.raises(ServiceUnavailable):
                things.call(ADD, body=NewThing(name="kite"))
        assert things.call(ADD, body=NewThing(name="kite")).status == 201


def test_services_have_separate_breakers(server: Server, things: ServiceClient) -> None:
    others = client_of("others", f"http://127.0.0.1:{server.server_port}/api/")
    server.answers = [answer(500)]
    for _ in range(FAILURES + 1):
        with pytest.raises(ServiceUnavailable):
            things.call(ADD, body=NewThing(name="kite"))
    server.answers = [answer(201)]
    assert others.call(ADD, body=NewThing(name="kite")).status == 201


def test_a_health_check_ignores_the_breaker(server: Server, things: ServiceClient) -> None:
    server.answers = [answer(500)]
    for _ in range(FAILURES + 1):
        with pytest.raises(ServiceUnavailable):
            things.call(ADD, body=NewThing(name="kite"))
    server.answers = [answer(200, b'{"status":"ok"}')]
    assert things.call(HEALTH).value.status == "ok"
    # and a healthy answer does not close the breaker
    calls = len(server.calls)
    with pytest.raises(ServiceUnavailable):
        things.call(ADD, body=NewThing(name="kite"))
    assert len(server.calls) == calls


def test_a_caller_without_time_does_not_open_the_breaker(
    server: Server, patient: ServiceClient
) -> None:
    server.answers = [slow]
    for _ in range(FAILURES + 1):
        with context.entered({}, budget=0.1), pytest.raises(ServiceUnavailable):
            patient.call(ADD, body=NewThing(name="kite"))
    server.answers = [answer(201)]
    with context.entered({}, budget=5):
        assert patient.call(ADD, body=NewThing(name="kite")).status == 201
