"""Functions' worker processes: kept warm as on AWS, but few enough for a laptop."""

import contextlib
import hashlib
import os
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from embedded_aws import exchange, forked_workers, snapshots

# one waits while another computes; each takes 50 to 100 MB
WORKERS_PER_FUNCTION = min((os.cpu_count() or 1) + 1, 4)
_SURPLUS_IDLE_SECONDS = 30
_LAST_IDLE_SECONDS = 900

_ANSWER = """            result = handler_fn(event, context)
            _real_stdout.write(json.dumps({"status": "ok", "result": result}) + "\\n")
        except Exception as e:
            _real_stdout.write(json.dumps({"status": "error", "error": str(e), \
"trace": traceback.format_exc()}) + "\\n")
        _real_stdout.flush()
"""
# The worker marks the end of an invocation's log, so that reading it needs no time-out, and
# reports an exception as an answer, so that ministack keeps the process.
_ANSWER_WITH_LOG_END = """            result = handler_fn(event, context)
            answer = json.dumps({"status": "ok", "result": result})
        except Exception as e:
            traceback.print_exc()
            answer = json.dumps({"status": "ok", "raised": str(e), "kind": type(e).__name__})
        sys.stderr.write("\\x1e\\n")
        sys.stderr.flush()
        _real_stdout.write(answer + "\\n")
        _real_stdout.flush()
"""


def install(code: Path) -> None:
    """Patch ministack's worker pool.

    Parameters
    ----------
    code
        The directory that each package is extracted into, once.

    Raises
    ------
    RuntimeError
        If ministack's worker script is not the expected one.
    """
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if _ANSWER not in script:
        raise RuntimeError("ministack's worker script is not the one that is patched here")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_ANSWER, _ANSWER_WITH_LOG_END)
    # `exchange` reads the log
    lambda_runtime.Worker._read_stderr = lambda _: None
    lambda_runtime.Worker.invoke = _keeping_worker(exchange.invoke)
    lambda_svc._execute_function_warm = _waiting_for_a_worker(lambda_svc._execute_function_warm)
    lambda_runtime.reap_idle_workers = lambda_svc.reap_idle_workers = _reap
    lambda_svc._fetch_code_from_s3 = _sharing_package(lambda_svc._fetch_code_from_s3)
    code.mkdir(parents=True, exist_ok=True)
    shared = _SharedCode(code)
    lambda_runtime.Worker._spawn = shared.without_packages(lambda_runtime.Worker._spawn)
    lambda_svc._write_code_blob = shared.written_once(lambda_svc._write_code_blob)
    # ministack uses zipfile only to unpack a function's code
    lambda_runtime.zipfile = SimpleNamespace(
        ZipFile=shared.unpacked,
        BadZipFile=zipfile.BadZipFile,
        LargeZipFile=zipfile.LargeZipFile,
    )


class _Raised(str):
    """An exception's message with its type, since AWS reports both."""

    kind: str


def _keeping_worker(invoke: Any) -> Any:
    def invoke_and_keep(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        response: dict[str, Any] = invoke(self, *args, **kwargs)
        if "raised" in response:
            error = _Raised(response["raised"])
            error.kind = response["kind"]
            return {**response, "status": "error", "error": error, "trace": ""}
        return response

    return invoke_and_keep


def _waiting_for_a_worker(execute: Any) -> Any:
    """Make invocations wait for one of the function's workers.

    This cannot deadlock, since services do not call each other in cycles.
    """
    slots: dict[str, threading.BoundedSemaphore] = {}
    lock = threading.Lock()

    def execute_when_free(function: dict[str, Any], event: Any, request_id: str) -> Any:
        config = function.get("config") or function
        with lock:
            slot = slots.setdefault(
                config["FunctionArn"], threading.BoundedSemaphore(WORKERS_PER_FUNCTION)
            )
        with slot:
            result = execute(function, event, request_id)
        error = result["body"].get("errorMessage") if isinstance(result.get("body"), dict) else None
        if isinstance(error, _Raised):
            result["body"]["errorType"] = error.kind
        return result

    return execute_when_free


def _reap(ttl: float | None = None) -> int:  # noqa: ARG001 - the signature is ministack's
    now = time.time()
    idle: list[Any] = []
    with lambda_runtime._lock:
        for key, workers in list(lambda_runtime._workers.items()):
            kept: list[Any] = []
            for position, worker in enumerate(workers):
                limit = _SURPLUS_IDLE_SECONDS if position else _LAST_IDLE_SECONDS
                busy = worker.in_use or now - worker.last_used < limit
                (kept if busy else idle).append(worker)
            lambda_runtime._workers[key] = kept
    lambda_runtime.kill_workers(idle)
    forked_workers.close_idle()
    return len(idle)


def _sharing_package(fetch: Any) -> Any:
    """Keep one copy of a package in memory for all functions of a service."""

    def fetch_once(*args: Any, **kwargs: Any) -> bytes | None:
        fetched: bytes | None = fetch(*args, **kwargs)
        for function in lambda_svc._functions.values():
            if function.get("code_zip") == fetched:
                held: bytes | None = function["code_zip"]
                return held
        return fetched

    return fetch_once


class _SharedCode:
    """Unpacks each package once, and gives every worker a link to it.

    By itself ministack writes the package to a file for each worker and unpacks that.

    Parameters
    ----------
    cache
        Directory of the unpacked packages, by hash.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        # a package is hashed once; all functions of a service share its bytes
        self._hashes: dict[bytes, str] = {}

    def without_packages(self, spawn: Any) -> Any:
        """Make workers start with the hash of their package in place of its bytes."""

        def spawn_unpacked(worker: Any) -> None:
            package = worker.code_zip
            worker.code_zip = self._unpack(package).encode()
            try:
                spawn(worker)
            finally:
                worker.code_zip = package

        return spawn_unpacked

    def written_once(self, write: Any) -> Any:
        """Make ministack save a package that it has saved before without hashing it again."""

        def write_new(package: bytes) -> str:
            digest = self._hash(package)
            saved = Path(lambda_svc.CODE_BLOB_DIR, f"{digest}.zip")
            if not saved.exists():
                write(package)
                snapshots.sync(saved)
                snapshots.sync(saved.parent)
            return digest

        return write_new

    @contextlib.contextmanager
    def unpacked(self, file: str) -> Iterator["_SharedCode._Package"]:
        """Yield the package whose hash is in a file."""
        yield self._Package(self._cache / Path(file).read_text())

    def _unpack(self, package: bytes) -> str:
        digest = self._hash(package)
        with self._lock:
            unpacked = self._cache / digest
            if not unpacked.exists():
                with _completed(unpacked) as unfinished, zipfile.ZipFile(BytesIO(package)) as zip_:
                    zip_.extractall(unfinished)
        return digest

    def _hash(self, package: bytes) -> str:
        digest = self._hashes.get(package)
        if digest is None:
            digest = self._hashes[package] = hashlib.sha256(package).hexdigest()
        return digest

    class _Package(NamedTuple):
        directory: Path

        def extractall(self, path: str) -> None:
            """Link a worker's directory to the package."""
            Path(path).rmdir()
            Path(path).symlink_to(self.directory)
            os.utime(self.directory)


@contextlib.contextmanager
def _completed(target: Path) -> Iterator[Path]:
    """Yield a temporary directory that is renamed to ``target`` when the block has completed."""
    unfinished = target.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    yield unfinished
    unfinished.rename(target)
