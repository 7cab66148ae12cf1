"""Counts what a simulated world uses of AWS, as AWS bills it: exact, and the same in every run.

DynamoDB's read and write units are computed from the sizes of the items, by the rules of its
developer guide ("Capacity unit consumption", "Item sizes and formats"), secondary indexes included:
embedded AWS and moto answer other figures.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from support.world import apps
from support.world.tables import Item, MemoryTable, entry_of
from support.world.world import World

READ_UNIT = 4096
WRITE_UNIT = 1024
_KEY_PREFIX = "toyshop-local-"


class Usage:
    """What was used since the counting began.

    Attributes
    ----------
    invocations
        Invocations of Lambda functions: ``orders api_handler``, ``payments charge`` …
    requests
        Requests to each API.
    operations
        Calls of AWS: ``dynamodb PutItem orders``, ``sns PublishBatch`` …
    read_units, write_units
        DynamoDB's request units by table and index: ``orders``, ``orders/by_time`` …
    sent
        Bytes sent: bodies of requests to APIs, messages published, objects stored and emails.
    answered
        Bytes of the bodies with which APIs answered.
    """

    def __init__(self) -> None:
        self.invocations: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()
        self.read_units: Counter[str] = Counter()
        self.write_units: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()

    def __str__(self) -> str:
        """Return all figures as a table."""
        lines = []
        for name, counts in vars(self).items():
            lines.append(f"{name.replace('_', ' ')}: {sum(counts.values()):g}")
            lines += [f"  {count:>8g}  {key}" for key, count in sorted(counts.items())]
        return "\n".join(lines)


@contextmanager
def counted(world: World) -> Iterator[Usage]:
    """Count what a world uses within the context."""
    usage = Usage()
    before = (world.calls.hop, world.serve_request, world.cloud.call)

    @contextmanager
    def hop(name: str, callers: tuple[str, ...] = ()) -> Iterator[None]:
        service, _, function = name.partition(" ")
        function = {"API": "api_handler", "relay": "on_dynamodb_record"}.get(function, function)
        usage.invocations[f"{service} {function}"] += 1
        with before[0](name, callers):
            yield

    def serve_request(
        service: str, method: str, path: str, body: bytes, *rest: Any, **more: Any
    ) -> Any:
        usage.requests[service] += 1
        usage.sent[f"{service} API"] += len(body)
        answer = before[1](service, method, path, body, *rest, **more)
        usage.answered[f"{service} API"] += len(answer.data)
        return answer

    def call(service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        return _count_call(usage, world, service, operation, params, before[2])

    replaced: Any = world
    replaced.calls.hop, replaced.serve_request, replaced.cloud.call = hop, serve_request, call
    connections: Any = apps.CONNECTIONS.current
    serve, connections._serve = connections._serve, serve_request
    try:
        yield usage
    finally:
        replaced.calls.hop, replaced.serve_request, replaced.cloud.call = before
        connections._serve = serve


def _count_call(
    usage: Usage,
    world: World,
    service: str,
    operation: str,
    params: dict[str, Any],
    do: Callable[..., dict[str, Any]],
) -> dict[str, Any]:
    table = params.get("TableName") or next(iter(params.get("RequestItems", {})), "")
    name = table.removeprefix(_KEY_PREFIX)
    usage.operations[f"{service} {operation} {name}".strip()] += 1
    if service == "dynamodb":
        return _count_units(usage, world.tables.tables[table], operation, params, name, do)
    if service == "sns":
        entries = params.get("PublishBatchRequestEntries", [])
        usage.sent["sns"] += sum(len(entry["Message"].encode()) for entry in entries)
    elif service == "s3":
        usage.sent["s3"] += len(params.get("Body", b""))
    elif service == "sesv2":
        usage.sent["ses"] += len(params["Content"]["Raw"]["Data"])
    elif service == "sqs":
        usage.sent["sqs"] += len(params.get("MessageBody", "").encode())
    return do(service, operation, params)


def _count_units(
    usage: Usage,
    table: MemoryTable,
    operation: str,
    params: dict[str, Any],
    name: str,
    do: Callable[..., dict[str, Any]],
) -> dict[str, Any]:
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        key = (params.get("Item") or params["Key"])["id"]["S"]
        before = table.items.get(key)
        try:
            answer = do("dynamodb", operation, params)
        except ClientError:
            # a condition that does not hold consumes the units of the stored item
            usage.write_units[name] += write_units(before, before)
            raise
        after = table.items.get(key)
        usage.write_units[name] += write_units(before, after)
        for index, (hash_key, range_key, projected) in table.indexes.items():
            if units := index_write_units(before, after, (hash_key, range_key), projected):
                usage.write_units[f"{name}/{index}"] += units
        return answer
    answer = do("dynamodb", operation, params)
    if operation == "GetItem":
        found = [answer["Item"]] if "Item" in answer else []
        usage.read_units[name] += read_units(found, consistent=params.get("ConsistentRead", False))
    elif operation == "BatchGetItem":
        for found_in, request in params["RequestItems"].items():
            consistent = bool(request.get("ConsistentRead"))
            found = answer["Responses"][found_in]
            # an item that is not there costs as much as a small one
            missing = len(request["Keys"]) - len(found)
            units = sum(read_units([item], consistent=consistent) for item in found)
            units += missing * read_units([], consistent=consistent)
            usage.read_units[found_in.removeprefix(_KEY_PREFIX)] += units
    elif operation in ("Query", "Scan"):
        place = f"{name}/{params['IndexName']}" if "IndexName" in params else name
        consistent = params.get("ConsistentRead", False)
        usage.read_units[place] += read_units(answer["Items"], consistent=consistent)
    return answer


def read_units(items: list[Item], *, consistent: bool) -> float:
    """Return the read units of items that one operation reads, whose sizes are added up."""
    size = sum(item_size(item) for item in items)
    return max(1, math.ceil(size / READ_UNIT)) * (1.0 if consistent else 0.5)


def write_units(before: Item | None, after: Item | None) -> int:
    """Return the write units of a write: those of the larger of the items before and after it."""
    size = max(item_size(item) if item else 0 for item in (before, after))
    return max(1, math.ceil(size / WRITE_UNIT))


def index_write_units(
    before: Item | None, after: Item | None, keys: tuple[str, str], projected: set[str] | None
) -> int:
    """Return the write units that a write of the table causes in an index.

    An item without one of the keys is not in the index. A changed key is a deletion and an
    insertion; an entry that stays as it is costs nothing.
    """
    old, new = (
        entry_of(item, projected) if item and item.keys() >= set(keys) else None
        for item in (before, after)
    )
    if old == new:
        return 0
    if old and new and any(old[key] != new[key] for key in keys):
        return write_units(old, None) + write_units(None, new)
    return write_units(old, new)


def item_size(item: Item) -> int:
    """Return the size of an item in bytes, as DynamoDB charges it."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case "N":
            digits = str(content).lstrip("-").replace(".", "").strip("0") or "0"
            return math.ceil(len(digits) / 2) + 1 + str(content).startswith("-")
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _value_size(one) for one in content)
        case "M":
            return 3 + sum(
                1 + len(name.encode()) + _value_size(one) for name, one in content.items()
            )
    raise NotImplementedError(f"the size of a value of type {kind}: {json.dumps(value)}")
