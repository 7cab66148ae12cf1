"""Delivers a dead letter again, to the function whose it is, and waits for what becomes of it.

The function is invoked synchronously, with the event that its trigger would deliver and the mark
``replay`` beside it. With the mark, what would be parked is refused instead (`chassis.parking`):
there is one copy of a dead letter, before, during and after.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from shopctl.aws.clients import Cloud
from shopctl.operating.replay.dead_letters import Json, Letter

# a function ends after its own time limit, a minute at most
INVOKE_SECONDS = 70

Became = Literal["handled", "refused", "failed", "gone", "unknown"]


@dataclass(frozen=True)
class Outcome:
    """What became of a dead letter.

    Attributes
    ----------
    became
        ``handled``; ``refused``: parked again, were it not parked already; ``failed``: may
        succeed later; ``gone``: there is nothing left to deliver; ``unknown``: the function does
        not say, so it may have parked a copy.
    why
        The error; empty if it was handled.
    """

    became: Became
    why: str = ""


class GoneError(Exception):
    """The stream has forgotten what a dead letter points to."""


def payloads(cloud: Cloud, letter: Letter) -> list[Json]:
    """Return the events that deliver a letter again, in their order.

    Raises
    ------
    GoneError
        If there is nothing to deliver, for the reason given.
    """
    if letter.payload is not None:
        return [{**letter.payload, "replay": True}]
    if letter.shape == "position":
        # one at a time: a record that is poison must not hide what became of the others
        records = list(_records(cloud, letter.content["DDBStreamBatchInfo"]))
        return [{"Records": [record], "replay": True} for record in records]
    raise GoneError(letter.reason)


def deliver(cloud: Cloud, letter: Letter) -> Outcome:
    """Deliver a letter again."""
    try:
        events = payloads(cloud, letter)
    except GoneError as gone:
        return Outcome("gone", str(gone))
    outcomes = [_invoke(cloud, letter, event) for event in events]
    return next((outcome for outcome in outcomes if outcome.became != "handled"), outcomes[0])


def _invoke(cloud: Cloud, letter: Letter, event: Json) -> Outcome:
    client = cloud.client("lambda", read_timeout=INVOKE_SECONDS)
    try:
        answer = client.invoke(FunctionName=letter.route.function, Payload=json.dumps(event))
        content = json.loads(answer["Payload"].read() or "null")
    except (BotoCoreError, ClientError, ValueError) as error:
        return Outcome("failed", f"{letter.route.function} cannot be invoked: {error}")
    if "FunctionError" in answer:
        return _of_error(content)
    return _of_answer(letter, content)


def _of_error(content: Any) -> Outcome:
    error = content if isinstance(content, dict) else {}
    kind, message = error.get("errorType", ""), str(error.get("errorMessage", ""))
    if kind == "Refused":
        return Outcome("refused", message)
    return Outcome("failed", f"{kind}: {message}".strip(": ") or "the function says no more")


def _of_answer(letter: Letter, content: Any) -> Outcome:
    """Read a function's answer: only its word that all is handled counts."""
    answer = content if isinstance(content, dict) else {}
    trigger = letter.route.trigger
    if trigger == "topic":
        missing = sorted({told.id for told in letter.told} - set(answer.get("handled", [])))
        if "handled" in answer and not missing:
            return Outcome("handled")
        why = f"it has no handler for {', '.join(sorted(letter.types))}" if answer else ""
    elif trigger in ("stream", "queue"):
        if answer.get("batchItemFailures") == []:
            return Outcome("handled")
        why = "it reports the message as failed, its log says why" if answer else ""
    else:
        return Outcome("handled")
    if why:
        return Outcome("failed", why)
    return Outcome(
        "unknown",
        f"{letter.route.function} does not say what became of it: deploy this release of it first."
        " Nothing more is delivered to it",
    )


def _records(cloud: Cloud, batch: Json) -> Iterator[Json]:
    """Read what a stream's failure destination points to, as Lambda delivers it."""
    streams = cloud.client("dynamodbstreams")
    left = int(batch["batchSize"])
    stream, where = batch["streamArn"], batch["startSequenceNumber"]
    try:
        iterator = streams.get_shard_iterator(
            StreamArn=stream,
            ShardId=batch["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=where,
        )["ShardIterator"]
        while iterator and left:
            page = streams.get_records(ShardIterator=iterator, Limit=min(left, 1000))
            yield from (_as_lambda_has_it(record, stream) for record in page["Records"])
            left -= len(page["Records"])
            iterator = page.get("NextShardIterator") if page["Records"] else None
    except ParamValidationError as error:
        raise GoneError(f"it points to no place in a stream: {error}") from None
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in ("TrimmedDataAccessException", "ResourceNotFoundException"):
            raise
        left = max(left, 1)
    if left:
        table = stream.partition(":table/")[2].partition("/")[0]
        first, last = (
            batch.get(f"approximateArrivalOf{which}Record", "?") for which in ("First", "Last")
        )
        raise GoneError(
            f"the stream of {table} has forgotten the {batch['batchSize']} records from {first} to"
            f" {last}: docs/runbooks/dead-letters.md says what can be done"
        )


def _as_lambda_has_it(record: Json, stream: str) -> Json:
    return {**json.loads(json.dumps(record, default=_plain)), "eventSourceARN": stream}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{value!r} is no part of a stream record")
