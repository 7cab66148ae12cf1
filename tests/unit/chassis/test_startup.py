"""The start of a function: garbage collection, and what must not survive a snapshot."""

import gc
import json
import os
import random
import subprocess
import sys
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from chassis import aws, connections, signing, startup
from support.paths import APPS, ROOT

SERVICES = sorted(path.parent.name for path in APPS.glob("*/app.py"))
_IMPORT = """
import os, socket, sys, uuid
unique = []
def recorded(name, original):
    def call(*arguments, **keywords):
        unique.append(name)
        return original(*arguments, **keywords)
    return call
sys.addaudithook(lambda name, _: unique.append(name) if name == "socket.connect" else None)
from chassis import credentials
for module, name in ((os, "urandom"), (uuid, "uuid4"), (credentials, "current")):
    setattr(module, name, recorded(name, getattr(module, name)))
import random
state = random.getstate()
import app, gc
from chassis import aws
print(*sys.modules)
print(unique, random.getstate() == state, aws.session.cache_info().currsize,
      gc.get_threshold(), gc.get_freeze_count() > 0)
"""


RARELY_NEEDED = {
    "PIL", "chalicelib.toys.index", "chassis.openapi", "chassis.s3_client", "contracts.reference",
    "email_validator", "itsdangerous", "jwt", "stripe", "typst", "ulid",
}  # fmt: skip
"""What only some requests need."""


@pytest.fixture
def garbage() -> Any:
    """Collect garbage after a test as before it."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.mark.parametrize("service", SERVICES)
def test_importing_an_app_creates_nothing_unique_and_imports_little(service: str) -> None:
    # GIVEN the process in which Lambda makes a snapshot
    config = json.loads((APPS / service / ".chalice/config.json").read_text())
    path = [APPS / service, *(ROOT / "libs").glob("*/src")]
    environ = {
        **os.environ,
        **config["stages"]["local"]["environment_variables"],
        "AWS_LAMBDA_FUNCTION_NAME": "any",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
    }
    # WHEN it imports an app
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT],
        env=environ, capture_output=True, text=True, check=True, cwd=APPS / service,
    )  # fmt: skip
    # THEN there is no connection, no credential, no id and no random number in it
    *_, modules, created = done.stdout.splitlines()
    assert created == f"[] True 0 {startup._threshold} True"
    # AND nothing is imported that only some requests need
    assert not RARELY_NEEDED.intersection(modules.split())


def test_hooks_are_registered_only_where_a_snapshot_is_taken(
    monkeypatch: pytest.MonkeyPatch, garbage: None
) -> None:
    hooks: list[Any] = []
    runtime = SimpleNamespace(
        register_before_snapshot=hooks.append, register_after_restore=hooks.append
    )
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", runtime)
    startup.complete()
    assert hooks == []
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    startup.complete()
    assert hooks == [startup.before_snapshot, startup.after_restore]


@pytest.mark.parametrize("hook", [startup.before_snapshot, startup.after_restore])
def test_connections_clients_and_credentials_are_dropped(
    hook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a process that has called AWS
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    closed: list[bool] = []
    monkeypatch.setattr(connections.Connections, "close", lambda _: closed.append(True))
    session, client = aws.session(), aws.client("sqs")
    key = partial(signing._key, "secret", "20261129", "us-east-1", "sqs")
    key()
    # WHEN a snapshot is taken or restored
    hook()
    # THEN nothing of it is used again
    assert closed == [True]
    assert aws.session() is not session
    assert aws.client("sqs") is not client
    misses = signing._key.cache_info().misses
    key()
    assert signing._key.cache_info().misses == misses + 1


def test_restored_processes_have_different_random_numbers() -> None:
    snapshot = random.getstate()
    numbers = []
    for _ in range(2):
        random.setstate(snapshot)
        startup.after_restore()
        numbers.append(random.random())
    assert numbers[0] != numbers[1]


def test_closed_connections_are_opened_again() -> None:
    shared = connections.Connections()
    pool = shared._open("http://127.0.0.1:1")
    shared.close()
    assert shared._open("http://127.0.0.1:1") is not pool


def test_collection_is_as_usual_after_the_imports(garbage: None) -> None:
    usual = startup._threshold
    gc.set_threshold(200_000)
    startup.complete()
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() == 0  # not on Lambda
