"""Routes of the edge: what is forwarded, and what it answers itself."""

import asyncio
import gzip
import io
import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import compression_utils
from aiohttp.test_utils import TestServer

from local_edge.api import BODY_LIMIT
from local_edge.server import Origins, application
from support.local_edge import API, FILES, GATEWAY, Edge, Upstream, run


@pytest.mark.parametrize(
    "path",
    [
        "/toys",
        "/toys/%22x%22?q=%22a%20b%22&limit=1",
        "/toys?q=a+b&q=%C3%A9",
        "/toys?q=a%2Fb",
        "/toys?brand=Fisher%2fPrice",
        "/toys?q=a//b?c%2F",
    ],
)
def test_path_and_query_are_forwarded_unchanged(tmp_path: Path, path: str) -> None:
    async def scenario(edge: Edge) -> None:
        # WHEN a client asks
        await edge.send("GET", f"/api{path}")
        # THEN the gateway sees the same characters
        assert edge.upstream.path == API + path

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    "path", ["/toys/a%2Fb", "/toys/%2f", "/toys//x", "//toys", "/toys/%2F?q=a", "/toys//?q=%2F"]
)
def test_path_that_no_route_can_match_is_not_forwarded(tmp_path: Path, path: str) -> None:
    async def scenario(edge: Edge) -> None:
        answer = await edge.send("GET", f"/api{path}")
        assert (answer.status, answer.problem["status"]) == (404, 404)
        assert edge.upstream.requests == []

    run(tmp_path, scenario)


def test_request_is_forwarded_with_headers_and_body(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        # WHEN a client posts
        body = b'{"quantity": 1}'
        sent = {
            "Authorization": "Bearer t",
            "Idempotency-Key": "k",
            "Content-Type": "application/json",
            "X-Forwarded-For": "10.0.0.1",
            "Connection": "keep-alive",
            "Host": "localhost:80",
            "Origin": "http://shop.example",
            "Sec-Fetch-Site": "same-origin",
        }
        await edge.send("POST", "/api/orders", data=body, headers=sent)
        # THEN all arrives but the host and the headers of the connection and of the browser
        method, _, _, received = edge.upstream.requests[-1]
        headers = edge.upstream.headers
        assert (method, received) == ("POST", body)
        assert headers["authorization"] == "Bearer t"
        assert headers["idempotency-key"] == "k"
        assert headers["content-type"] == "application/json"
        assert headers["x-forwarded-for"] == "10.0.0.1, 127.0.0.1"
        assert headers["x-forwarded-proto"] == "http"
        assert headers["x-forwarded-host"] == "localhost:80"
        assert headers["host"] != "localhost:80"
        assert not {"origin", "sec-fetch-site"} & {name.lower() for name in headers}

    run(tmp_path, scenario)


def test_trace_context_is_left_to_the_client_and_the_storefront(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        # CloudFront and API Gateway neither add nor change it
        for given in (f"00-{'a' * 32}-{'b' * 16}-00", "00-zz"):
            await edge.send("GET", "/api/toys", headers={"traceparent": given})
            assert edge.upstream.headers["traceparent"] == given
        await edge.send("GET", "/api/toys")
        assert "traceparent" not in edge.upstream.headers

    run(tmp_path, scenario)


def test_answer_of_the_storefront_is_returned_unchanged(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        # GIVEN a problem answer of the storefront with extension members
        problem = b'{"type":"/problems/stale","title":"Stale","status":412,"current":3}'
        edge.upstream.answer = {
            "status": 412,
            "body": problem,
            "headers": {"Content-Type": "application/problem+json", "ETag": '"3"', "X-Own": "1"},
        }
        # WHEN a client asks
        answer = await edge.send("PUT", "/api/toys/toy_1")
        # THEN every byte is unchanged
        assert (answer.status, answer.body) == (412, problem)
        assert answer.headers["ETag"] == '"3"'
        assert answer.headers["X-Own"] == "1"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    run(tmp_path, scenario)


def test_throttled_function_becomes_a_problem(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        edge.upstream.answer = {
            "status": 429,
            "body": b'{"__type":"TooManyRequestsException","message":"Rate Exceeded","Reason":"x"}',
            "headers": {"Content-Type": "application/json"},
        }
        answer = await edge.send("GET", "/api/toys")
        assert answer.status == 429
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert b"Rate Exceeded" not in answer.body

    run(tmp_path, scenario)


def test_redirect_is_left_to_the_client(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        location = "http://127.0.0.1:1/receipt?sig=a%2Fb"
        edge.upstream.answer = {"status": 303, "headers": {"Location": location}}
        answer = await edge.send("GET", "/api/orders/ord_1/receipt")
        assert (answer.status, answer.headers["Location"]) == (303, location)
        assert len(edge.upstream.requests) == 1

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (401, "Unauthorized", 401),
        (403, "Access Denied", 401),
        (403, "Forbidden", 403),
        (403, "Missing Authentication Token", 404),
        (404, "Not Found", 404),
        (413, "Request Too Long", 413),
        (429, "Too Many Requests", 429),
        (500, "secret reason", 500),
        (502, "Internal server error: secret reason", 502),
        (504, "Endpoint request timed out", 504),
    ],
)
def test_error_of_the_gateway_itself_becomes_a_problem(
    tmp_path: Path, status: int, message: str, expected: int
) -> None:
    async def scenario(edge: Edge) -> None:
        # GIVEN an error of the gateway itself
        body = json.dumps({"message": message})
        edge.upstream.answer = {
            "status": status,
            "text": body,
            "headers": {
                "Content-Type": "application/json",
                "x-amzn-ErrorType": f"{message.replace(' ', '')}Exception",
            },
        }
        # WHEN a client asks
        answer = await edge.send("GET", "/api/anything")
        # THEN it gets a problem without internal details
        assert answer.status == expected
        assert answer.problem["detail"]
        assert b"secret" not in answer.body
        assert answer.headers.get("WWW-Authenticate") == ("Bearer" if expected == 401 else None)

    run(tmp_path, scenario)


def test_body_over_the_limit_is_refused(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        answer = await edge.send("POST", "/api/toys", data=io.BytesIO(bytes(BODY_LIMIT)))
        assert answer.status == 200
        assert len(edge.upstream.requests[-1][3]) == BODY_LIMIT
        answer = await edge.send("POST", "/api/toys", data=io.BytesIO(bytes(BODY_LIMIT + 1)))
        assert answer.status == 413
        assert answer.problem["title"]

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(11):
                yield b"x" * (1024 * 1024)

        answer = await edge.send("POST", "/api/toys", data=chunks())
        assert answer.status == 413
        assert len(edge.upstream.requests) == 1

    run(tmp_path, scenario)


PLAIN = b'{"quantity": 1}'


BODIES = {
    "plain": PLAIN,
    "none": b"",
    "deflated": zlib.compress(bytes(1_000_000)),
    "zipped": gzip.compress(PLAIN),
}


@pytest.mark.parametrize(
    ("codings", "body"),
    [
        (["deflate"], "deflated"),
        (["gzip"], "zipped"),
        (["gzip"], "plain"),
        (["deflate"], "plain"),
        (["GZIP"], "plain"),
        (["br"], "plain"),
        (["zstd"], "plain"),
        (["unknown"], "plain"),
        (["gzip, deflate"], "plain"),
        (["identity,gzip"], "plain"),
        (["identity", "deflate"], "plain"),
        (["deflate", "identity"], "plain"),
        (["gzip"], "none"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/orders"),
        ("PATCH", "/api/orders/o"),
        ("GET", "/api/toys"),
        ("GET", "/files/a"),
        ("GET", "/"),
    ],
)
def test_encoded_body_is_refused_without_decompressing_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    codings: list[str],
    body: str,
) -> None:
    decompressed: list[bytes] = []
    monkeypatch.setattr(
        compression_utils.ZLibDecompressor,
        "decompress_sync",
        lambda _, data, *__: decompressed.append(data) or b"",
    )

    async def scenario(edge: Edge) -> None:
        headers = [("Content-Encoding", coding) for coding in codings]
        answer = await edge.send(method, path, data=io.BytesIO(BODIES[body]), headers=headers)
        assert answer.status == 415
        assert answer.problem["detail"]
        assert answer.headers["Accept-Encoding"] == "identity"
        assert edge.upstream.requests == []
        assert decompressed == []

    run(tmp_path, scenario)


@pytest.mark.parametrize("coding", ["identity", "Identity", "identity, identity", ""])
def test_body_without_a_coding_is_forwarded(tmp_path: Path, coding: str) -> None:
    async def scenario(edge: Edge) -> None:
        headers = {"Content-Encoding": coding}
        answer = await edge.send("POST", "/api/orders", data=io.BytesIO(PLAIN), headers=headers)
        assert answer.status == 200
        assert edge.upstream.requests[-1][3] == PLAIN

    run(tmp_path, scenario)


def test_upstream_that_is_down_is_a_problem(tmp_path: Path) -> None:
    async def scenario() -> None:
        origins = Origins.local("http://127.0.0.1:1", tmp_path)
        async with TestServer(application(origins)) as server, aiohttp.ClientSession() as session:
            edge = Edge(session, server.make_url("/"), Upstream())
            for path in ("/api/toys", "/files/fil_1"):
                answer = await edge.send("GET", path)
                assert answer.status == 503
                assert answer.problem["detail"]
                assert answer.headers["Retry-After"]

    asyncio.run(scenario())


def test_upstream_that_closes_the_connection_is_a_problem(tmp_path: Path) -> None:
    async def scenario() -> None:
        async def break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
            await writer.drain()
            writer.close()

        broken = await asyncio.start_server(break_off, "127.0.0.1", 0)
        port = broken.sockets[0].getsockname()[1]
        origins = Origins.local(f"http://127.0.0.1:{port}", tmp_path)
        async with TestServer(application(origins)) as server, aiohttp.ClientSession() as session:
            edge = Edge(session, server.make_url("/"), Upstream())
            answer = await edge.send("GET", "/api/toys")
            assert answer.status == 502
            assert answer.problem["detail"]
        broken.close()
        await broken.wait_closed()

    asyncio.run(scenario())


def test_public_file_is_immutable_and_cannot_run_scripts(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        # GIVEN an image in the public bucket
        edge.upstream.answer = {
            "body": b"RIFF",
            "headers": {"Content-Type": "image/webp", "ETag": '"e"', "x-amz-meta-owner": "toy_1"},
        }
        # WHEN it is read
        answer = await edge.send("GET", "/files/fil_01.webp", headers={"Range": "bytes=0-3"})
        # THEN it comes from the bucket, cacheable forever, without the bucket's own headers
        assert edge.upstream.path == f"{FILES}/files/fil_01.webp"
        assert edge.upstream.headers["range"] == "bytes=0-3"
        assert (answer.status, answer.body) == (200, b"RIFF")
        assert answer.headers["Content-Type"] == "image/webp"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "x-amz-meta-owner" not in answer.headers

    run(tmp_path, scenario)


def test_file_answers_head_and_refuses_writes(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        assert (await edge.send("HEAD", "/files/fil_1")).status == 200
        for method in ("PUT", "POST", "DELETE", "PATCH"):
            answer = await edge.send(method, "/files/fil_1", data=b"x")
            assert answer.status == 405
            assert answer.headers["Allow"] == "GET, HEAD"
        assert len(edge.upstream.requests) == 1

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    "path",
    ["/files/", "/files/../other", "/files/%2e%2e/other", "/files/a?list-type=2&x", "/files/a%00"],
)
def test_file_path_cannot_leave_the_bucket(tmp_path: Path, path: str) -> None:
    async def scenario(edge: Edge) -> None:
        edge.upstream.answer = {"status": 404, "text": "<Error/>"}
        answer = await edge.send("GET", path)
        assert answer.status == 404
        assert answer.problem
        assert all(asked[1] == f"{FILES}/files/a" for asked in edge.upstream.requests)

    run(tmp_path, scenario)


def test_missing_file_is_a_problem(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        edge.upstream.answer = {"status": 403, "text": "<Error/>"}
        assert (await edge.send("GET", "/files/fil_1")).problem["status"] == 404

    run(tmp_path, scenario)


def test_page_is_served_with_a_strict_policy(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        for path, kind in (("/", "text/html"), ("/app.js", "text/javascript")):
            answer = await edge.send("GET", path)
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith(kind)
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert answer.headers["Cache-Control"] == "no-cache"
            assert answer.headers["ETag"]

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    "path",
    ["/none", "/../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/.secret", "/a%00b"],
)
def test_page_path_cannot_leave_the_directory(tmp_path: Path, path: str) -> None:
    async def scenario(edge: Edge) -> None:
        answer = await edge.send("GET", path)
        assert answer.status == 404
        assert answer.body == (tmp_path / "web" / "index.html").read_bytes()

    run(tmp_path, scenario)


def test_page_refuses_writes(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        answer = await edge.send("POST", "/")
        assert answer.status == 405
        assert answer.problem

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"no HTTP at all\r\n\r\n", 400),
        (b"GET /api/toys HTTP/9.x\r\n\r\n", 400),
        (b"GET /api/toys HTTP/1.1\r\nHost: localhost\r\nBroken header\r\n\r\n", 400),
        (b"GET /api/toys HTTP/1.1\r\nHost: localhost\r\nX-A: a\x00b\r\n\r\n", 400),
        (b"POST /api/toys HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (
            b"POST /api/toys HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS\r\n\r\n", 400),
        (b"GET /api/toys?q=%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"q" * 9000), 431),
        (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n"
            % (b"t" * 9000),
            431,
        ),
    ],
)
def test_malformed_request_is_a_problem_that_does_not_echo_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, request_text: bytes, status: int
) -> None:
    async def scenario(edge: Edge) -> None:
        head, body = await edge.send_raw(request_text)
        assert int(head.split()[1]) == status
        assert "application/problem+json" in head
        assert json.loads(body)["status"] == status
        # THEN nothing was forwarded, and the answer does not echo it
        assert edge.upstream.requests == []
        assert "ttttt" not in head + body
        assert "ttttt" not in caplog.text

    run(tmp_path, scenario)


@pytest.mark.parametrize("method", ["BREW", "PROPFIND", "get", "UNLINK", "M-SEARCH", "X" * 64])
def test_unknown_method_is_refused_as_one_that_the_path_does_not_support(
    tmp_path: Path, method: str
) -> None:
    async def send(edge: Edge, path: str) -> str:
        start = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        head, body = await edge.send_raw(start.encode())
        assert "Content-Type: application/problem+json" in head
        assert json.loads(body)["status"] == int(head.split()[1])
        return head

    async def scenario(edge: Edge) -> None:
        for path in ("/", "/app.js", "/files/fil_1"):
            head = await send(edge, path)
            assert " 405 " in head
            assert "Allow: GET, HEAD" in head
        # GIVEN a path whose methods the storefront knows
        problem = b'{"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"x"}'
        headers = {"Content-Type": "application/problem+json", "Allow": "GET, HEAD, POST"}
        edge.upstream.answer = {"status": 405, "body": problem, "headers": headers}
        head = await send(edge, "/api/toys")
        assert " 405 " in head
        assert "Allow: GET, HEAD, POST" in head
        assert edge.upstream.requests[-1][:2] == ("OPTIONS", f"{API}/toys")
        # AND a path that is unknown
        edge.upstream.answer = {
            "status": 403,
            "text": '{"message":"Missing Authentication Token"}',
            "headers": {"x-amzn-ErrorType": "MissingAuthenticationTokenException"},
        }
        assert " 404 " in await send(edge, "/api/nothing")

    run(tmp_path, scenario)


@pytest.mark.parametrize("status", [200, 304, 404, 503])
def test_head_of_the_api_has_the_headers_of_get(tmp_path: Path, status: int) -> None:
    async def scenario(edge: Edge) -> None:
        headers = {"ETag": '"3"', "X-Correlation-Id": "c", "Content-Type": "application/json"}
        edge.upstream.answer = {"status": status, "text": '{"a": 1}', "headers": headers}
        get = await edge.send("GET", "/api/toys/toy_1")
        head = await edge.send("HEAD", "/api/toys/toy_1")
        assert edge.upstream.requests[-1][0] == "HEAD"
        assert head.status == get.status == status
        assert head.body == b""
        # it is not the length of what GET answers, so it must not be 0
        assert "Content-Length" not in head.headers
        omitted = {"Content-Length", "Date"}
        assert {name: value for name, value in head.headers.items() if name not in omitted} == {
            name: value for name, value in get.headers.items() if name not in omitted
        }

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        *(
            (method, headers, status)
            for method in ("GET", "HEAD")
            for headers, status in (
                ({"If-Match": '"other"'}, 412),
                ({"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412),
                ({"If-None-Match": "*"}, 304),
                ({"If-Match": "*"}, 200),
            )
        ),
        ("GET", {"Range": "bytes=9999-"}, 416),
        ("GET", {"Range": "bytes=0-3"}, 206),
        ("GET", {"Range": "bytes=-3"}, 206),
        # to be ignored
        ("HEAD", {"Range": "bytes=9999-"}, 200),
        ("HEAD", {"Range": "bytes=0-3"}, 200),
        ("GET", {"Range": "bytes=x"}, 200),
        ("GET", {"Range": "items=0-3"}, 200),
        ("GET", {"Range": "bytes=0-1,3-4"}, 200),
        ("GET", {"Range": "bytes=0-3", "If-Range": '"old"'}, 200),
    ],
)
def test_condition_of_the_page_that_fails_is_a_problem(
    tmp_path: Path, method: str, headers: dict[str, str], status: int
) -> None:
    async def scenario(edge: Edge) -> None:
        answer = await edge.send(method, "/", headers=headers)
        assert answer.status == status
        kind = answer.headers.get("Content-Type")
        assert (kind == "application/problem+json") == (status >= 400)
        if status >= 400 and method == "GET":
            assert answer.problem["detail"]
        if method == "HEAD":
            assert answer.body == b""
        if status == 304:
            assert "Content-Type" not in answer.headers
        # AND the connection can be used again
        assert (await edge.send("GET", "/")).status == 200

    run(tmp_path, scenario)


@pytest.mark.parametrize("status", [412, 416])
def test_condition_of_a_file_that_fails_is_a_problem(tmp_path: Path, status: int) -> None:
    async def scenario(edge: Edge) -> None:
        edge.upstream.answer = {
            "status": status,
            "text": "<Error/>",
            "headers": {"Content-Type": "application/xml", "Content-Range": "bytes */4"},
        }
        answer = await edge.send("GET", "/files/fil_1", headers={"Range": "bytes=9-"})
        assert answer.status == status
        assert answer.problem["detail"]
        assert answer.headers["Content-Range"] == "bytes */4"

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("start", "status", "header"),
    [
        ("CONNECT example.com:443 HTTP/1.1", 405, "Allow: GET, HEAD, POST"),
        ("CONNECT /api/toys HTTP/1.1", 405, "Allow: GET, HEAD, POST"),
        ("TRACE / HTTP/1.1", 405, "Allow: GET, HEAD, POST"),
        ("TRACE /api/toys HTTP/1.1", 405, "Allow: GET, HEAD, POST"),
        ("GET /api/toys HTTP/2.0", 505, ""),
        ("GET /api/toys HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0", 501, ""),
        ("GET /api/toys HTTP/1.1\r\nExpect: miracles", 417, ""),
        ("CONNECT x:1 HTTP/1.1\r\nExpect: miracles", 417, ""),
    ],
)
def test_request_about_the_connection_is_a_problem(
    tmp_path: Path, start: str, status: int, header: str
) -> None:
    async def scenario(edge: Edge) -> None:
        line, _, rest = start.partition("\r\n")
        rest = rest or "X-Other: 1"
        head, body = await edge.send_raw(
            f"{line}\r\nHost: localhost\r\nConnection: close\r\n{rest}\r\n\r\n".encode()
        )
        assert f" {status} " in head.splitlines()[0]
        assert header in head
        assert "Content-Type: application/problem+json" in head
        assert f"Content-Length: {len(body)}" in head
        assert json.loads(body)["status"] == status
        assert edge.upstream.requests == []

    run(tmp_path, scenario)


def test_options_of_the_whole_server_names_the_methods(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        head, body = await edge.send_raw(
            b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        assert " 204 " in head.splitlines()[0]
        assert "Allow: GET, HEAD, POST" in head
        assert body == ""

    run(tmp_path, scenario)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:80"])
def test_host_header_does_not_change_the_upstream(tmp_path: Path, host: str) -> None:
    async def scenario(edge: Edge) -> None:
        edge.upstream.answer = {"status": 404, "text": "{}"}
        answer = await edge.send("GET", "/api/toys", headers={"Host": host})
        assert edge.upstream.headers["host"] != host
        assert host not in f"{dict(answer.headers)}{answer.body.decode()}"

    run(tmp_path, scenario)


@pytest.mark.parametrize("path", ["/api/toys", "/files/a", "/"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80@shop", "127.0.0.1.evil.example", "[", "a:b"]
)
def test_name_that_is_rebound_to_loopback_is_misdirected(
    tmp_path: Path, path: str, host: str
) -> None:
    async def scenario(edge: Edge) -> None:
        # WHEN a page at another name sends a request
        answer = await edge.send("GET", path, headers={"Host": host})
        # THEN it learns nothing, and nothing is forwarded
        assert answer.status == 421
        assert edge.upstream.requests == []
        assert host not in f"{dict(answer.headers)}"

    run(tmp_path, scenario)


def test_page_learns_where_the_simulated_bank_is(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        for method in ("GET", "HEAD"):
            answer = await edge.send(method, "/settings.json")
            assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (
                200,
                "application/json",
            )
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        answer = await edge.send("GET", "/settings.json?x=1")
        assert json.loads(answer.body) == {
            "bank_page": f"{GATEWAY}/bank/",
            "stripe_publishable_key": "",
        }
        assert (await edge.send("POST", "/settings.json")).status == 405
        assert edge.upstream.requests == []

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/" + "a" * 256, 404),
        ("GET", "/" + "a/" * 3000 + "a", 404),
        ("HEAD", "/" + "a" * 256, 404),
        ("GET", "//index.html", 404),
        ("GET", "/index.html/", 404),
        ("POST", "/nothing", 404),
        ("POST", "/index.html", 405),
        ("POST", "/files/", 404),
        ("POST", "/files/fil_1", 405),
        ("GET", "http://localhost/index.html", 200),
        ("GET", "http://localhost/nothing", 404),
        ("GET", "http://example.com/index.html", 421),
    ],
)
def test_path_that_is_no_file_is_not_found_with_any_method(
    tmp_path: Path, method: str, path: str, status: int
) -> None:
    async def scenario(edge: Edge) -> None:
        head, body = await edge.send_raw(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        assert f" {status} " in head.splitlines()[0]
        if status == 404 and method == "GET":
            assert "Content-Type: text/html" in head
            assert body.startswith("<!doctype html>")
        elif method != "HEAD" and status != 200:
            assert json.loads(body)["status"] == status

    run(tmp_path, scenario)


def test_headers_of_one_name_are_one_list(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        etag = (await edge.send("GET", "/")).headers["ETag"]
        head, _ = await edge.send_raw(
            f'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nIf-None-Match: "x"\r\n'
            f"If-None-Match: {etag}\r\n\r\n".encode()
        )
        assert " 304 " in head.splitlines()[0]

    run(tmp_path, scenario)


def test_absolute_form_reaches_the_api(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        head, _ = await edge.send_raw(
            b"GET http://localhost/api/toys?limit=1 HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: close\r\n\r\n"
        )
        assert " 200 " in head.splitlines()[0]
        assert edge.upstream.requests[-1][1].endswith("/toys?limit=1")

    run(tmp_path, scenario)
