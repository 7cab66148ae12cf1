"""What the embedded AWS saves under load."""

from support.embedded_aws import EmbeddedAws


def test_threads_are_reused(aws: EmbeddedAws) -> None:
    # GIVEN ministack's way to run an invocation, 20 times, one after the other
    script = """
import asyncio, json, threading
from ministack.core import concurrency
from embedded_aws import threads

async def run():
    return {await concurrency.run_reentrant(threading.get_ident) for _ in range(20)}

threads.install()
threads.start(threading.get_ident).result()
before = threading.active_count()
asyncio.run(run())
print(json.dumps(threading.active_count() - before))
"""
    # THEN they need at most one thread more, for when the first one is not idle yet
    assert aws.run_inside(script) <= 1


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
