"""Limits of the edge: how many requests it forwards at a time, and how long one may take."""

import asyncio
import json
from pathlib import Path

import pytest

from local_edge.limits import Limits
from support.local_edge import API, Answer, Edge, run

AT_ONCE = Limits(reads=4, writes=2, wait_seconds=0.05, webhook_wait_seconds=30)


async def _send_orders(edge: Edge, count: int) -> list[asyncio.Task[Answer]]:
    """Send orders at once, and return when the edge has refused all but those it may forward."""
    sent = [
        asyncio.create_task(edge.send("POST", "/api/orders", data=f"order {number}"))
        for number in range(count)
    ]
    for refused in range(count - AT_ONCE.writes):
        finished, _ = await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
        while len(finished) <= refused:
            finished, _ = await asyncio.wait(sent, timeout=0.01)
    return sent


def test_orders_beyond_the_limit_are_refused_and_never_forwarded(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        # GIVEN a storefront that does not answer
        edge.upstream.open.clear()
        # WHEN 200 orders are sent at once
        sent = await _send_orders(edge, 200)
        # THEN only as many as the limit have been forwarded, and all others were refused
        assert len(edge.upstream.requests) == AT_ONCE.writes
        edge.upstream.open.set()
        answers = [await each for each in sent]
        refused = [each for each in answers if each.status == 503]
        assert len(refused) == 200 - AT_ONCE.writes
        assert {each.headers["Retry-After"] for each in refused} == {"1"}
        assert {each.problem["title"] for each in refused} == {"Service Unavailable"}
        # THEN a refused order can be sent again
        assert (await edge.send("POST", "/api/orders", data="again")).status == 200
        assert len(edge.upstream.requests) == AT_ONCE.writes + 1

    run(tmp_path, scenario, AT_ONCE)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_every_kind_of_write_counts(tmp_path: Path, method: str) -> None:
    async def scenario(edge: Edge) -> None:
        edge.upstream.open.clear()
        await _send_orders(edge, 3)
        assert (await edge.send(method, "/api/toys/toy_1", data="{}")).status == 503
        assert len(edge.upstream.requests) == AT_ONCE.writes
        edge.upstream.open.set()

    run(tmp_path, scenario, AT_ONCE)


def test_catalog_is_readable_while_orders_take_all_turns(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        edge.upstream.open.clear()
        await _send_orders(edge, 50)
        read = await edge.send("GET", "/api/toys")
        assert read.status == 200
        assert edge.upstream.path == f"{API}/toys"
        edge.upstream.open.set()

    run(tmp_path, scenario, AT_ONCE)


def test_webhook_waits_for_its_turn(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        edge.upstream.open.clear()
        await _send_orders(edge, 4)
        webhook = asyncio.create_task(edge.send("POST", "/api/webhooks/payments", data="{}"))
        # a later order is refused while the webhook still waits
        assert (await edge.send("POST", "/api/orders", data="{}")).status == 503
        assert not webhook.done()
        edge.upstream.open.set()
        assert (await webhook).status == 200

    run(tmp_path, scenario, AT_ONCE)


@pytest.mark.parametrize(
    "part",
    [
        b"GET /api/to",
        b"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nContent-Le",
        b"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
        b"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
        b"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{",
    ],
)
def test_part_of_a_request_times_out(tmp_path: Path, part: bytes) -> None:
    async def scenario(edge: Edge) -> None:
        # send_raw returns when the edge has closed the connection
        head, body = await edge.send_raw(part)
        assert " 408 " in head.splitlines()[0]
        assert json.loads(body)["detail"] == "The request did not arrive in time. Send it again."
        assert edge.upstream.requests == []

    run(tmp_path, scenario, Limits(head_seconds=0.1, body_seconds=0.1))


def test_second_half_of_a_request_ends_the_time_of_its_head(tmp_path: Path) -> None:
    async def scenario(edge: Edge) -> None:
        edge.upstream.open.clear()
        request = (
            b"POST /api/orders HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: close\r\nContent-Length: 2"
        )
        sent = asyncio.create_task(edge.send_raw(request, b"\r\n\r\n", b"{}"))
        while not edge.upstream.requests:
            await asyncio.sleep(0.01)
        # the answer comes after the time for the head
        await asyncio.sleep(0.3)
        edge.upstream.open.set()
        head, _ = await sent
        assert " 200 " in head.splitlines()[0]

    run(tmp_path, scenario, Limits(head_seconds=0.2))


@pytest.mark.parametrize(
    "sent", [b"", b"GET /api/toys HTTP/1.1\r\nHost: localhost\r\n\r\nGET /api/to"]
)
def test_connection_without_a_whole_request_is_closed(tmp_path: Path, sent: bytes) -> None:
    async def scenario(edge: Edge) -> None:
        # send_raw returns when the edge has closed the connection
        await edge.send_raw(sent)
        assert len(edge.upstream.requests) == (1 if sent else 0)

    run(tmp_path, scenario, Limits(idle_seconds=0.1))
