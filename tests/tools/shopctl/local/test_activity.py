"""What the commands ask of the embedded AWS, if it does not answer."""

import os
import threading
from collections.abc import Callable

import pytest
from pytest_httpserver import HTTPServer

from shopctl.local import activity
from shopctl.project.errors import ShopProblem
from shopctl.project.running_shop import Process, start_time
from support.ports import free_port

REQUESTS = [
    lambda url: activity.wait_until_idle(url, seconds=1),
    activity.checkpoint,
    activity.warm_up,
]


@pytest.mark.parametrize("request_of", REQUESTS)
def test_an_aws_that_has_ended_is_reported_with_a_remedy(
    request_of: Callable[[str], object],
) -> None:
    with pytest.raises(ShopProblem, match="aws does not answer") as raised:
        request_of(f"http://127.0.0.1:{free_port()}")
    assert "./shop down" in raised.value.remedy


@pytest.mark.parametrize("request_of", REQUESTS)
def test_an_error_of_aws_is_reported_with_a_remedy(
    httpserver: HTTPServer, request_of: Callable[[str], object]
) -> None:
    with pytest.raises(ShopProblem, match="with the status 500") as raised:
        request_of(httpserver.url_for(""))
    assert "./shop down" in raised.value.remedy


def test_aws_is_idle_after_three_answers_without_pending_events(httpserver: HTTPServer) -> None:
    for counts in ({"records": 2}, {"records": 0}, {"records": 1}, *[{"records": 0}] * 3):
        httpserver.expect_ordered_request("/_toyshop/activity").respond_with_json(counts)
    assert activity.wait_until_idle(httpserver.url_for(""), seconds=30) == {}
    assert len(httpserver.log) == 6


def test_pending_events_are_returned_when_the_time_is_up(httpserver: HTTPServer) -> None:
    counts = {"records": 2, "messages": 0}
    httpserver.expect_request("/_toyshop/activity").respond_with_json(counts)
    assert activity.wait_until_idle(httpserver.url_for(""), seconds=0) == {"records": 2}


def test_process_that_listens_a_little_later_does_not_hang() -> None:
    started = start_time(os.getpid())
    assert started
    server = HTTPServer(port=free_port())
    process = Process("edge", os.getpid(), started, server.port)
    assert not activity.answers(process.url)
    timer = threading.Timer(0.5, server.start)
    timer.start()
    assert not activity.hangs(process)
    timer.join()
    server.stop()
