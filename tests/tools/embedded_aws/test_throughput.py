"""What the embedded AWS saves under load, and what it delays."""

import pytest

from support.embedded_aws import EmbeddedAws


def test_threads_are_reused(aws: EmbeddedAws) -> None:
    # GIVEN ministack's way to run an invocation WHEN it runs 200, one after the other
    script = """
import asyncio, json, threading
from ministack.core import concurrency
from embedded_aws import threads

started = []
start = threading.Thread.start

def counting_start(thread):
    started.append(thread)
    start(thread)

async def run():
    for _ in range(200):
        await concurrency.run_reentrant(threading.get_ident)

threading.Thread.start = counting_start
threads.install()
asyncio.run(run())
print(json.dumps(len(started)))
"""
    # THEN that takes few threads: more than one, because the last one may not be idle yet
    assert aws.run_inside(script) <= 20


def test_tasks_that_wait_for_another_do_not_keep_it_from_a_thread(aws: EmbeddedAws) -> None:
    # GIVEN a hundred waiting tasks WHEN another one starts THEN it ends their wait
    script = """
import json, threading
from embedded_aws import threads

last = threading.Event()
waiting = [threads.start(lambda: last.wait(10)) for _ in range(100)]
threads.start(last.set)
print(json.dumps([task.result(10) for task in waiting]))
"""
    assert aws.run_inside(script) == [True] * 100


def test_head_and_body_of_a_response_are_one_write(aws: EmbeddedAws) -> None:
    script = """
import asyncio, json
from embedded_aws import joined_writes

calls = []
class Transport:
    def write(self, data):
        calls.append(data.decode())
    def close(self):
        calls.append("closed")

async def respond(close):
    joining = joined_writes._JoiningTransport(Transport())
    joining.write(b"head ")
    joining.write(b"body")
    if close:
        joining.close()
    await asyncio.sleep(0)

asyncio.run(respond(close=False))
asyncio.run(respond(close=True))
print(json.dumps(calls))
"""
    # what was written before the connection is closed is sent first
    assert aws.run_inside(script) == ["head body", "head body", "closed"]


LOGGING = """
def handler(event, context):
    for _ in range(4000):
        print("x" * 99)
    print("last")
"""


def test_log_longer_than_a_pipe_does_not_stop_its_function(aws: EmbeddedAws) -> None:
    # GIVEN a function that logs 400,000 bytes; a pipe holds 65,536
    aws.function("logging", LOGGING)
    # WHEN it is invoked twice THEN it answers, and each log is complete
    for times in (1, 2):
        answer = aws.client("lambda").invoke(FunctionName="logging", Payload=b"{}")
        assert "FunctionError" not in answer
        assert aws.log("logging").count("last") == times
        assert len(aws.log("logging")) == 4001 * times


PACED = """
import asyncio, json
from embedded_aws import async_invocation, backpressure

async def call(function, event):
    return reads[0]

def backlog():
    reads[0] += 1
    return backlogs[min(reads[0], len(backlogs)) - 1]

reads = [0]
async_invocation.backlog = backlog
backpressure._POLL_SECONDS = 0.001
backpressure._LONGEST_WAIT_SECONDS = 0.1
"""


@pytest.mark.parametrize(
    ("method", "headers", "waits"),
    [
        ("POST", {"authorization": "Bearer x"}, True),
        ("PATCH", {}, True),
        ("GET", {}, False),
        # a service's
        ("POST", {"Authorization": "AWS4-HMAC-SHA256 Credential=x"}, False),
    ],
)
def test_clients_writes_wait_until_few_events_wait(
    aws: EmbeddedAws, method: str, headers: dict[str, str], waits: bool
) -> None:
    # GIVEN a backlog that falls WHEN a request comes in
    event = {"httpMethod": method, "headers": headers}
    script = f"""{PACED}
backlogs = [40, 13, 12, 11, 0]
print(json.dumps(asyncio.run(backpressure._paced(call)("storefront", {event}))))
"""
    # THEN it is passed on at the first backlog below 12, or at once
    assert aws.run_inside(script) == (4 if waits else 0)


def test_write_does_not_wait_for_ever(aws: EmbeddedAws) -> None:
    event = {"httpMethod": "POST", "headers": {}}
    script = f"""{PACED}
backlogs = [1000]
print(json.dumps(asyncio.run(backpressure._paced(call)("storefront", {event}))))
"""
    assert aws.run_inside(script) == 100


def test_events_that_wait_for_a_retry_are_no_backlog(aws: EmbeddedAws) -> None:
    # GIVEN an event whose function fails WHEN it waits for its retries THEN it does not count
    script = """
import json, time
from types import SimpleNamespace
from embedded_aws import async_invocation

backlogs = []
def sleep(seconds):
    backlogs.append(async_invocation.backlog())

async_invocation.time = SimpleNamespace(time=time.time, sleep=sleep)
async_invocation.lambda_svc._execute_function = lambda *_: {"error": True}
async_invocation._pending[1] = ("arn", {})
function = {"config": {"FunctionArn": "arn:aws:lambda:us-east-1:0:function:f", "FunctionName": "f"}}
async_invocation._invoke_until_done(function, async_invocation._Accepted("arn", {}))
print(json.dumps([*backlogs, async_invocation.backlog()]))
"""
    assert aws.run_inside(script) == [0, 0, 1]
