"""The page at the local edge: addresses, documents that do not exist, and compression."""

import gzip
import os
from pathlib import Path

import pytest

from support.local_edge import Edge, run

TEXT = "<!doctype html><title>Toys</title>" + "<p>A toy.</p>" * 200
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def test_every_address_of_the_page_is_answered_with_its_document(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        index = (tmp_path / "web" / "index.html").read_bytes()
        for path in ("/", "/c/board%20games?sort=price", "/toys/kite-toy_1", "/staff/orders"):
            answer = await edge.send("GET", path)
            assert (answer.status, answer.body) == (200, index)
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert edge.upstream.requests == []

    run(tmp_path, scenario)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_unknown_address_is_answered_with_the_page_and_404(tmp_path: Path, method: str) -> None:
    async def scenario(edge: Edge) -> None:
        known = await edge.send("GET", "/")
        for path in ("/nothing", "/none.js", "/c/%ff", "/toys/kite", "//basket", "/docs/"):
            answer = await edge.send(method, path)
            assert answer.status == 404
            assert answer.body == (known.body if method == "GET" else b"")
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Cache-Control"] == "no-cache"

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
