"""Redelivers a dead letter to its function and waits for the outcome.

The function is invoked synchronously, with the event that its trigger would deliver and the flag
``replay`` beside it. With the flag, the function raises ``ReplayRejected`` where it would park the
event (`chassis.parking`), so that there is exactly one copy of a dead letter at any time.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from shopctl.aws.clients import Cloud
from shopctl.operating.replay.dead_letters import DeadLetter
from shopctl.operating.replay.payloads import Json

# a function's own time limit is at most a minute
INVOKE_SECONDS = 70
# consecutive ones, after which the rest of a shard counts as empty
_MAX_EMPTY_PAGES = 100

Status = Literal["handled", "rejected", "failed", "gone", "unknown"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a redelivery.

    Attributes
    ----------
    status
        ``handled``; ``rejected``: the function would park it again; ``failed``: it may succeed
        later; ``gone``: nothing is left to redeliver; ``unknown``: the function did not report
        an outcome, so it may have parked a copy.
    error
        The error; empty if it was handled.
    """

    status: Status
    error: str = ""


class GoneError(Exception):
    """The stream no longer holds the records that a dead letter points to."""


def events(cloud: Cloud, dead_letter: DeadLetter) -> list[Json]:
    """Return the events that redeliver a dead letter, in their order.

    Raises
    ------
    GoneError
        If nothing is left to redeliver; its text is the reason.
    """
    if dead_letter.payload is not None:
        return [{**dead_letter.payload, "replay": True}]
    if dead_letter.shape == "stream_position":
        # one record per event, so that a poison record does not hide the outcome of the others
        records = list(_records(cloud, dead_letter.content["DDBStreamBatchInfo"]))
        return [{"Records": [record], "replay": True} for record in records]
    raise GoneError(dead_letter.reason)


def redeliver(cloud: Cloud, dead_letter: DeadLetter) -> Outcome:
    """Redeliver a dead letter and return the first outcome that is not ``handled``."""
    try:
        to_deliver = events(cloud, dead_letter)
    except GoneError as gone:
        return Outcome("gone", str(gone))
    outcomes = [_invoke(cloud, dead_letter, event) for event in to_deliver]
    return next((outcome for outcome in outcomes if outcome.status != "handled"), outcomes[0])


def _invoke(cloud: Cloud, dead_letter: DeadLetter, event: Json) -> Outcome:
    client = cloud.client("lambda", read_timeout=INVOKE_SECONDS)
    try:
        answer = client.invoke(FunctionName=dead_letter.route.function, Payload=json.dumps(event))
        content = json.loads(answer["Payload"].read() or "null")
    except (BotoCoreError, ClientError, ValueError) as error:
        return Outcome("failed", f"{dead_letter.route.function} cannot be invoked: {error}")
    if "FunctionError" in answer:
        return _outcome_of_error(content)
    return _outcome_of_answer(dead_letter, content)


def _outcome_of_error(content: Any) -> Outcome:
    error = content if isinstance(content, dict) else {}
    kind, message = error.get("errorType", ""), str(error.get("errorMessage", ""))
    if kind == "ReplayRejected":
        return Outcome("rejected", message)
    return Outcome("failed", f"{kind}: {message}".strip(": ") or "the function gave no error text")


def _outcome_of_answer(dead_letter: DeadLetter, content: Any) -> Outcome:
    """Return ``handled`` only if the function reports that it handled every event."""
    answer = content if isinstance(content, dict) else {}
    trigger = dead_letter.route.trigger
    if trigger == "topic":
        missing = sorted(
            {event.id for event in dead_letter.events} - set(answer.get("handled", []))
        )
        if "handled" in answer and not missing:
            return Outcome("handled")
        error = f"it has no handler for {', '.join(sorted(dead_letter.types))}" if answer else ""
    elif trigger in ("stream", "queue"):
        if answer.get("batchItemFailures") == []:
            return Outcome("handled")
        error = "it reported the message as failed; see its log" if answer else ""
    else:
        return Outcome("handled")
    if error:
        return Outcome("failed", error)
    return Outcome(
        "unknown",
        f"{dead_letter.route.function} did not report an outcome. Deploy this release of it first;"
        " nothing more is redelivered to it",
    )


def _records(cloud: Cloud, batch: Json) -> Iterator[Json]:
    """Yield the stream records that a failure destination points to, as Lambda delivers them.

    Those between them that the function's event filter left out are yielded too: a filter only
    saves invocations, and functions ignore the records that it leaves out.
    """
    streams = cloud.client("dynamodbstreams")
    stream = batch["streamArn"]
    empty_pages = 0
    try:
        # the batch size counts only the records that passed the filter
        end = int(batch["endSequenceNumber"])
    except (TypeError, ValueError) as error:
        raise GoneError(f"it names no valid position in a stream: {error}") from None
    try:
        iterator = streams.get_shard_iterator(
            StreamArn=stream,
            ShardId=batch["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch["startSequenceNumber"],
        )["ShardIterator"]
        # an open shard always has a next page, and one before its last record may be empty
        while iterator and empty_pages < _MAX_EMPTY_PAGES:
            page = streams.get_records(ShardIterator=iterator)
            for record in page["Records"]:
                yield _as_lambda_event(record, stream)
                if int(record["dynamodb"]["SequenceNumber"]) >= end:
                    return
            empty_pages = 0 if page["Records"] else empty_pages + 1
            iterator = page.get("NextShardIterator")
    except ParamValidationError as error:
        raise GoneError(f"it names no valid position in a stream: {error}") from None
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in ("TrimmedDataAccessException", "ResourceNotFoundException"):
            raise
    table = stream.partition(":table/")[2].partition("/")[0]
    first, last = (
        batch.get(f"approximateArrivalOf{which}Record", "?") for which in ("First", "Last")
    )
    raise GoneError(
        f"the stream of {table} no longer holds the {batch['batchSize']} records from {first}"
        f" to {last}; docs/runbooks/dead-letters.md says what to do"
    )


def _as_lambda_event(record: Json, stream: str) -> Json:
    return {**json.loads(json.dumps(record, default=_json_value)), "eventSourceARN": stream}


def _json_value(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{value!r} cannot be part of a stream record")
