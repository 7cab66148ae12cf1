"""The page at the local edge: addresses, unknown addresses, and compression."""

import gzip
import os
import re
from pathlib import Path

import pytest

from local_edge.distribution import ROBOTS_CACHING
from support.edge_functions import requested
from support.local_edge import API, Edge, run

TEXT = "<!doctype html><title>Toys</title>" + "<p>A toy.</p>" * 200
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def test_every_address_of_the_page_returns_its_document(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        index = (tmp_path / "web" / "index.html").read_bytes()
        for path in ("/", "/c/board%20games?sort=price", "/orders/ord_1", "/staff/orders"):
            answer = await edge.send("GET", path)
            assert (answer.status, answer.body) == (200, index)
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert edge.upstream.requests == []

    run(tmp_path, scenario)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_unknown_address_returns_the_page_with_status_404(tmp_path: Path, method: str) -> None:
    async def scenario(edge: Edge) -> None:
        known = await edge.send("GET", "/")
        for path in (
            "/nothing",
            "/none.js",
            "/%61pp.js",
            "/c/%ff",
            "/toys/kite",
            "//basket",
            "/docs/",
        ):
            answer = await edge.send(method, path)
            assert answer.status == 404
            assert answer.body == (known.body if method == "GET" else b"")
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Cache-Control"] == "no-cache"

    run(tmp_path, scenario)


UNUSUAL = [
    "a%2Fb-toy_1",
    "a%2fb-toy_1",
    "..%2F..%2F-toy_1",
    "a%5Cb-toy_1",
    "a\\b-toy_1",
    "a%00b-toy_1",
    "a%0Ab-toy_1",
    "%-toy_1",
    "%4-toy_1",
    "%FF-toy_1",
    "a%252Fb-toy_1",
    "a%2500b-toy_1",
    "..-toy_1",
    "%2e%2e-toy_1",
    "../toy_1",
    "..",
    "%",
    "x" * 7_000 + "-toy_1",
]
"""What may follow ``/toys/`` and other directories."""


def status_at_cloudfront(path: str) -> int:
    """Return the status of an address that is neither a file nor redirected."""
    target = requested(path)["uri"]
    is_product_page = path.startswith("/toys/") and target == path
    return 200 if is_product_page or target == "/index.html" else 404


@pytest.mark.parametrize("start", ["/toys/", "/c/", "/orders/", "/assets/", "/"])
def test_unusual_address_has_the_status_that_cloudfront_returns(tmp_path: Path, start: str) -> None:
    expected = {start + rest: status_at_cloudfront(start + rest) for rest in UNUSUAL}

    async def scenario(edge: Edge) -> None:
        edge.upstream.answer = {"status": 200, "text": TEXT, "headers": HTML}
        for path, status in expected.items():
            request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            head, body = await edge.send_raw(request.encode())
            assert int(head.split()[1]) == status, path
            assert body.startswith("<!doctype html>"), path

    run(tmp_path, scenario)


def test_slash_at_the_end_is_redirected_with_the_query(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        answer = await edge.send("GET", "/search/?q=a%20b&x")
        assert (answer.status, answer.headers["Location"]) == (301, "/search?q=a%20b&x")
        assert (await edge.send("GET", "/docs")).headers["Location"] == "/docs/"

    run(tmp_path, scenario)


def test_portal_has_its_own_document(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        docs = tmp_path / "web" / "docs"
        docs.mkdir()
        (docs / "index.html").write_text("<title>API</title>")
        assert (await edge.send("GET", "/docs/")).body == b"<title>API</title>"

    run(tmp_path, scenario)


def test_texts_are_compressed_for_clients_that_accept_it(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        (tmp_path / "web" / "index.html").write_text(TEXT)
        for path, status in (("/", 200), ("/basket", 200), ("/nothing", 404)):
            answer = await edge.send("GET", path, headers=GZIP, auto_decompress=False)
            assert answer.status == status
            assert answer.headers["Content-Encoding"] == "gzip"
            assert answer.headers["Vary"] == "Accept-Encoding"
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert int(answer.headers["Content-Length"]) == len(answer.body) < len(TEXT) / 5
            assert gzip.decompress(answer.body).decode() == TEXT

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    "accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0, br", "x-gzip-2"]
)
def test_texts_are_not_compressed_for_other_clients(tmp_path: Path, accepted: str) -> None:
    async def scenario(edge: Edge) -> None:
        (tmp_path / "web" / "index.html").write_text(TEXT)
        answer = await edge.send("GET", "/", headers={"Accept-Encoding": accepted})
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.body.decode() == TEXT

    run(tmp_path, scenario)


@pytest.mark.parametrize("accepted", ["gzip", "GZIP", "br;q=1, gzip;q=0.5", "gzip ; q=1.0"])
def test_every_way_to_accept_compression_is_understood(tmp_path: Path, accepted: str) -> None:
    async def scenario(edge: Edge) -> None:
        (tmp_path / "web" / "index.html").write_text(TEXT)
        headers = {"Accept-Encoding": accepted}
        answer = await edge.send("GET", "/", headers=headers, auto_decompress=False)
        assert answer.headers["Content-Encoding"] == "gzip"

    run(tmp_path, scenario)


def test_compressed_text_follows_a_change_of_its_file(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        script = tmp_path / "web" / "app.js"
        script.write_text("export {} // one" + " " * 1000)
        first = await edge.send("GET", "/app.js", headers=GZIP)
        cached = {**GZIP, "If-None-Match": first.headers["ETag"]}
        assert (await edge.send("GET", "/app.js", headers=cached)).status == 304
        # WHEN the file is written once more, with the same size
        script.write_text("export {} // two" + " " * 1000)
        os.utime(script, ns=(0, script.stat().st_mtime_ns + 1_000))
        answer = await edge.send("GET", "/app.js", headers=cached)
        assert answer.status == 200
        assert b"two" in answer.body

    run(tmp_path, scenario)


ADDRESS = "/toys/kite-toy_1"
HTML = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "public, max-age=0",
    "Content-Security-Policy": "default-src 'none'",
    "X-Correlation-Id": "c",
}
DOCUMENT = "/toyshop-local-storefront-api-page/page/index.html"


def test_product_page_has_the_headers_of_the_page(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        edge.upstream.answer = {"status": 200, "text": TEXT, "headers": HTML}
        answer = await edge.send("GET", f"{ADDRESS}?utm=1")
        assert edge.upstream.path == f"{API}/pages{ADDRESS}?utm=1"
        assert (answer.status, answer.body.decode()) == (200, TEXT)
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "public, max-age=0"
        answer = await edge.send("GET", ADDRESS, headers=GZIP, auto_decompress=False)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.body).decode() == TEXT
        assert (await edge.send("HEAD", ADDRESS)).body == b""
        # AND its status and redirects are kept
        edge.upstream.answer = {"status": 404, "text": TEXT, "headers": HTML}
        assert (await edge.send("GET", ADDRESS)).status == 404
        location = "/toys/red-kite-toy_1"
        edge.upstream.answer = {"status": 301, "headers": {"Location": location}}
        answer = await edge.send("GET", ADDRESS)
        assert (answer.status, answer.headers["Location"]) == (301, location)

    run(tmp_path, scenario)


def test_product_page_is_served_without_the_storefront(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        index = (tmp_path / "web" / "index.html").read_bytes()
        for status, text in ((503, "{}"), (403, '{"message":"Missing Authentication Token"}')):
            edge.upstream.answer = {"status": status, "text": text}
            answer = await edge.send("GET", ADDRESS)
            assert (answer.status, answer.body) == (200, index)

    run(tmp_path, scenario)


def test_storefront_gets_the_document_whenever_it_has_changed(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        def uploaded() -> list[bytes]:
            sent = edge.upstream.requests
            return [body for method, path, _, body in sent if (method, path) == ("PUT", DOCUMENT)]

        index = tmp_path / "web" / "index.html"
        first = index.read_bytes()
        edge.upstream.answer = {"status": 500}
        await edge.send("GET", ADDRESS)
        # a failed upload is repeated
        edge.upstream.answer = {"status": 200, "text": TEXT, "headers": HTML}
        await edge.send("GET", ADDRESS)
        await edge.send("GET", ADDRESS)
        assert uploaded() == [first, first]
        index.write_text(TEXT)
        await edge.send("GET", ADDRESS)
        assert uploaded() == [first, first, TEXT.encode()]
        _, _, headers, _ = next(one for one in edge.upstream.requests if one[0] == "PUT")
        assert "Authorization" in headers

    run(tmp_path, scenario)


def test_robots_txt_excludes_personal_pages(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        answer = await edge.send("GET", "/robots.txt")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["Cache-Control"] == ROBOTS_CACHING
        assert b"User-agent: *\nDisallow: /api/pages/\n" in answer.body
        assert re.search(rb"\nSitemap: http://127.0.0.1:\d+/sitemap.xml\n$", answer.body)
        assert (await edge.send("POST", "/robots.txt")).status == 405

    run(tmp_path, scenario)


def test_sitemap_is_the_storefronts(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        headers = {
            "Content-Type": "application/xml; charset=utf-8",
            "Cache-Control": "public, max-age=0, s-maxage=14400",
            "ETag": '"a"',
        }
        edge.upstream.answer = {"status": 200, "text": TEXT, "headers": headers}
        for path in ("/sitemap.xml", "/sitemaps/1.xml"):
            answer = await edge.send("GET", path, headers=GZIP, auto_decompress=False)
            assert edge.upstream.path == f"{API}/pages{path}"
            assert (answer.status, answer.headers["ETag"]) == (200, '"a"')
            for name in ("Content-Type", "Cache-Control"):
                assert answer.headers[name] == headers[name]
            assert gzip.decompress(answer.body).decode() == TEXT
        # AND a failure is one for crawlers too
        problem = {"Content-Type": "application/problem+json", "Retry-After": "5"}
        edge.upstream.answer = {"status": 503, "text": "{}", "headers": problem}
        answer = await edge.send("GET", "/sitemap.xml")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")

    run(tmp_path, scenario)
