"""The state is saved by a process of its own, so that nothing waits for it."""

import os
import signal

import requests

from support.embedded_aws import EmbeddedAws, _table

SAVING = """
import asyncio, json, os, tempfile
from pathlib import Path
from ministack import app
from embedded_aws import saving

home = Path(tempfile.mkdtemp())
saving.install(home, None, {"aws": 4566})

def write(manifest):
    os.write(pipe[1], json.dumps([os.getpid(), manifest]).encode())

saving._saver.write = write
saving._FIRST_DESCRIPTOR = 1000
pipe = os.pipe()
asyncio.run(saving.save())
process, manifest = json.loads(os.read(pipe[0], 10000))
saved = [process != os.getpid(), manifest["number"], manifest["gateway_position"]]

# a state that takes 5 s to save is saved every 50 s, and only after changes
pauses = []

async def sleep(seconds):
    pauses.append(seconds)
    if len(pauses) == 4:
        raise KeyboardInterrupt

async def save():
    return 5

saving.asyncio = type("Asyncio", (), dict(sleep=staticmethod(sleep)))
saving.save = save
counts = iter([0, 0, 1, 1, 1, 1])
try:
    asyncio.run(saving.save_when_changed(lambda: next(counts)))
except KeyboardInterrupt:
    print(json.dumps([*saved, pauses]))
"""
COPYING = """
import json, tempfile
from pathlib import Path
from ministack.services import dynamodb
from embedded_aws import saving

saving.install(Path(tempfile.mkdtemp()), None, {})
key = [dict(AttributeName="id", KeyType="HASH")]
attribute = [dict(AttributeName="id", AttributeType="S")]
table = dict(TableName="saved", BillingMode="PAY_PER_REQUEST", KeySchema=key)
dynamodb._create_table(dict(table, AttributeDefinitions=attribute))
dynamodb._put_item(dict(TableName="saved", Item=dict(id=dict(S="1"))))
(saved,) = dynamodb.get_state()["tables"].all_values()
is_same = saved["items"] is dynamodb._tables.get("saved")["items"]
print(json.dumps([is_same, dynamodb.copy.deepcopy([1])]))
"""


def test_another_process_writes_the_state_and_a_large_one_less_often(aws: EmbeddedAws) -> None:
    assert aws.run_inside(SAVING) == [True, 1, None, [3.0, 3.0, 50.0, 50.0]]


def test_state_is_written_without_a_copy(aws: EmbeddedAws) -> None:
    assert aws.run_inside(COPYING) == [True, [1]]


def test_what_was_saved_survives_a_kill(aws: EmbeddedAws) -> None:
    # GIVEN an item that was saved, and another one that was not
    _table(aws, "saved")
    aws.client("dynamodb").put_item(TableName="saved", Item={"id": {"S": "1"}})
    assert aws.process
    requests.post(f"{aws.process.url}/_toyshop/checkpoint", timeout=60).raise_for_status()
    aws.client("dynamodb").put_item(TableName="saved", Item={"id": {"S": "2"}})
    # WHEN the embedded AWS is killed and starts again
    os.kill(aws.process.pid, signal.SIGKILL)
    aws.start()
    # THEN the first one is there
    items = aws.client("dynamodb").scan(TableName="saved")["Items"]
    assert items == [{"id": {"S": "1"}}]
