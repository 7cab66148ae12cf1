"""The state is saved by a process of its own, so that nothing waits for it."""

import os
import signal

import requests

from support.embedded_aws import EmbeddedAws, _table

SAVING = """
import asyncio, json, os
from ministack import app
from ministack.core import persistence
from embedded_aws import saving

app._build_persistence_save_dict = lambda: {"one": lambda: {"state": 1}, "nothing": lambda: None}
saving._write = lambda state: os.write(pipe[1], f"{os.getpid()} {state}".encode())
saving._FIRST_DESCRIPTOR = 1000
pipe = os.pipe()
asyncio.run(saving.save())
process, state = os.read(pipe[0], 1000).decode().split(" ", 1)
saved = [int(process) != os.getpid(), state]

# a state that takes 5 s to save is saved every 50 s, and only after requests
pauses, now = [], [0.0]

async def sleep(seconds):
    pauses.append(seconds)
    if len(pauses) == 4:
        raise KeyboardInterrupt

async def save():
    now[0] += 5

saving.asyncio = type("Asyncio", (), dict(sleep=staticmethod(sleep)))
saving.time = type("Time", (), dict(monotonic=staticmethod(lambda: now[0])))
saving.save = save
counts = iter([0, 0, 1, 1, 1, 1])
try:
    asyncio.run(saving.save_when_quiet(lambda: next(counts), lambda: True))
except KeyboardInterrupt:
    print(json.dumps([*saved, pauses]))
"""
COPYING = """
import json
from ministack.services import dynamodb
from embedded_aws import saving

saving.install()
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
    assert aws.run_inside(SAVING) == [True, "{'one': {'state': 1}}", [20.0, 20.0, 50.0, 50.0]]


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
