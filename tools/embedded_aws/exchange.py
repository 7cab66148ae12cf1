"""Exchanges an event for a worker's answer and log, on the caller's thread.

By default, ministack starts a thread for each invocation, and one for the log of each worker.
"""

import contextlib
import json
import os
import select
import time
from typing import IO, Any

from ministack.core import lambda_runtime

_END_OF_LOG = b"\x1e\n"
_LOG_READ_SECONDS = 0.1
_LOG_WAIT_SECONDS = 0.25
_CHUNK = 65_536
Answer = dict[str, Any]


def invoke(
    worker: Any,
    event: Any,
    request_id: str,
    *,
    trace_id: str | None = None,
    depth: Any = None,
    durable: dict[str, Any] | None = None,
    invoked_function_arn: str | None = None,
) -> Answer:
    """Run one invocation on a worker; the parameters are those of ministack's ``Worker.invoke``."""
    with worker._lock:
        cold = worker._proc is None or worker._proc.poll() is not None
        if cold:
            worker._spawn()
            worker._cold = False
        timeout = float(worker.config.get("Timeout", 30))
        arn = invoked_function_arn
        context = {
            "request_id": request_id,
            "invoked_function_arn": worker.config.get("FunctionArn", "") if arn is None else arn,
            "timeout_ms": int(timeout * 1000),
            "trace_id": trace_id,
            "depth": depth,
            "durable": durable or {},
        }
        try:
            worker._proc.stdin.write(json.dumps({"event": event, "ctx": context}) + "\n")
            answer, log = _receive(worker._proc, timeout)
        except OSError as error:
            answer, log = _error(str(error)), ""
        if answer["status"] == "error":
            process, worker._proc = worker._proc, None
            lambda_runtime._signal(process)
            lambda_runtime._collect(process, time.monotonic() + lambda_runtime._REAP_GRACE)
        return {**answer, "cold_start": cold, "log": log}


class _Pipe:
    """What a worker has written to a pipe so far."""

    def __init__(self, file: IO[str]) -> None:
        self.received = bytearray()
        self.ended = False
        self._descriptor = file.fileno()
        self._readable = select.poll()
        self._readable.register(self._descriptor, select.POLLIN)

    def read(self, seconds: float) -> bool:
        """Wait for data or the end of the pipe, and return whether there was either."""
        if self.ended or not self._readable.poll(max(0.0, seconds) * 1000):
            return False
        chunk = os.read(self._descriptor, _CHUNK)
        self.received += chunk
        self.ended = not chunk
        return True


def _receive(process: Any, timeout: float) -> tuple[Answer, str]:
    output, log = _Pipe(process.stdout), _Pipe(process.stderr)
    answer, deadline = None, time.monotonic() + timeout
    while answer is None:
        left = deadline - time.monotonic()
        if output.read(min(left, _LOG_READ_SECONDS)):
            answer = _answer(output.received)
            if answer is None and output.ended:
                answer = _error("Worker process died")
        elif left <= 0:
            answer = _error(f"Task timed out after {timeout:.2f} seconds")
        else:
            # a full pipe would stop the worker
            log.read(0)
    # the worker writes its log first
    deadline = time.monotonic() + _LOG_WAIT_SECONDS
    while _END_OF_LOG not in log.received and log.read(deadline - time.monotonic()):
        pass
    lines = log.received.partition(_END_OF_LOG)[0]
    return answer, lines.decode(errors="replace").removesuffix("\n")


def _answer(output: bytearray) -> Answer | None:
    """Return the worker's answer; other lines are what the function's libraries printed."""
    if output.endswith(b"\n"):
        for line in output.splitlines():
            with contextlib.suppress(ValueError):
                answer = json.loads(line)
                if isinstance(answer, dict) and answer.get("status") in ("ok", "error"):
                    return answer
    return None


def _error(message: str) -> Answer:
    return {"status": "error", "error": message}
