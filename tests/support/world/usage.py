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
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal
from unittest import mock

from botocore.exceptions import ClientError

from contracts.health import HEALTH
from contracts.operations import Operation
from support.world import apps
from support.world.tables import Item, MemoryTable, entry_of, key_of
from support.world.world import World

READ_UNIT = 4096
WRITE_UNIT = 1024
_KEY_PREFIX = "toyshop-local-"


@dataclass
class Visit:
    """One invocation of a function, without those that it has caused.

    Attributes
    ----------
    name
        The service, and the operation of its API or the function.
    calls
        Its calls of AWS, of the payment gateway and of other services.
    answered
        Bytes of the body of an API's answer.
    """

    name: str
    calls: Counter[str] = field(default_factory=Counter)
    read_units: float = 0
    write_units: float = 0
    answered: int = 0

    def __str__(self) -> str:
        """Return all figures in one line; answers are rounded up to 100 bytes, or to 10 KB."""
        calls = [f"{count} x {name}" if count > 1 else name for name, count in self.calls.items()]
        figures = [
            f"{self.read_units:g} read units" if self.read_units else "",
            f"{self.write_units:g} write units" if self.write_units else "",
            f"{_kilobytes(self.answered):g} KB" if self.answered else "",
        ]
        return "; ".join(filter(None, [", ".join(sorted(calls)) or "nothing", *figures]))


def _kilobytes(size: int) -> float:
    return math.ceil(size / 100) / 10 if size < 10_000 else math.ceil(size / 10_000) * 10


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
        DynamoDB's request units by table and index: ``orders``, ``orders/by_month`` …
    sent
        Bytes sent: bodies of requests to APIs, messages published, objects stored and emails.
    answered
        Bytes of the bodies with which APIs answered.
    visits
        All invocations, in the order in which they began.
    """

    def __init__(self) -> None:
        self.invocations: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()
        self.read_units: Counter[str] = Counter()
        self.write_units: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.visits: list[Visit] = []
        self._running: list[Visit] = []

    @contextmanager
    def visit(self, name: str) -> Iterator[Visit]:
        """Attribute the calls made within the context to an invocation."""
        visit = Visit(name)
        self.visits.append(visit)
        self._running.append(visit)
        try:
            yield visit
        finally:
            self._running.pop()

    @property
    def running(self) -> Visit:
        """The invocation that is running; what a client calls belongs to none."""
        return self._running[-1] if self._running else Visit("client")

    def add_units(self, kind: Literal["read", "write"], place: str, units: float) -> None:
        """Add read or write units of a table or an index."""
        getattr(self, f"{kind}_units")[place] += units
        running = self.running
        setattr(running, f"{kind}_units", getattr(running, f"{kind}_units") + units)

    def __str__(self) -> str:
        """Return all figures as a table."""
        lines = []
        for name, counts in vars(self).items():
            if not isinstance(counts, Counter):
                continue
            lines.append(f"{name.replace('_', ' ')}: {sum(counts.values()):g}")
            lines += [f"  {count:>8g}  {key}" for key, count in sorted(counts.items())]
        return "\n".join(lines)


@contextmanager
def counted(world: World) -> Iterator[Usage]:
    """Count what a world uses within the context."""
    usage = Usage()
    hop, serve, call_aws, call = (
        world.calls.hop,
        world.serve_request,
        world.cloud.call,
        world.calls.call,
    )
    operations: list[str] = []

    @contextmanager
    def visited_hop(name: str, callers: tuple[str, ...] = ()) -> Iterator[None]:
        service, _, function = name.partition(" ")
        function = {"API": "api_handler", "relay": "on_dynamodb_record"}.get(function, function)
        usage.invocations[f"{service} {function}"] += 1
        name = operations.pop() if operations else f"{service} {function}"
        with usage.visit(name), hop(name, callers):
            yield

    def serve_request(
        service: str, method: str, path: str, body: bytes, *rest: Any, **more: Any
    ) -> Any:
        operation = f"{service} {operation_of(service, method, path)}"
        usage.running.calls[operation] += 1
        operations.append(operation)
        usage.requests[service] += 1
        usage.sent[f"{service} API"] += len(body)
        number = len(usage.visits)
        answer = serve(service, method, path, body, *rest, **more)
        usage.answered[f"{service} API"] += len(answer.data)
        usage.visits[number].answered = len(answer.data)
        return answer

    def call_cloud(service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        return _count_call(usage, world, service, operation, params, call_aws)

    def call_anything(name: str, *rest: Any) -> Any:
        if name.startswith(("gateway ", "documents ")):
            usage.running.calls[name] += 1
        return call(name, *rest)

    connections: Any = apps.CONNECTIONS.current
    with (
        mock.patch.object(world.calls, "hop", visited_hop),
        mock.patch.object(world.calls, "call", call_anything),
        mock.patch.object(world.cloud, "call", call_cloud),
        mock.patch.object(world, "serve_request", serve_request),
        mock.patch.object(connections, "_serve", serve_request),
    ):
        yield usage


def operation_of(service: str, method: str, path: str) -> str:
    """Return the name of the operation of a service's API that serves a request."""
    parts = path.partition("?")[0].split("/")
    for operation in operations_of(service):
        template = operation.path.split("/")
        if operation.method == method and len(template) == len(parts):
            pairs = zip(template, parts, strict=True)
            if all(name.startswith("{") or name == part for name, part in pairs):
                return operation.name
    raise AssertionError(f"{service} has no operation {method} {path}")


def operations_of(service: str) -> list[Operation[Any]]:
    """Return the operations of a service's API; fixed paths precede those with parameters."""
    module = {"file_manager": "files", "storefront_api": "storefront"}.get(service, service)
    contract = import_module(f"contracts.{module}")
    found = {operation.name: operation for operation in (*contract.OPERATIONS, HEALTH)}
    if service == "storefront_api":
        found = {operation.name: operation for operation in contract.OPERATIONS}
    return sorted(found.values(), key=lambda operation: operation.path.count("{"))


def _count_call(
    usage: Usage,
    world: World,
    service: str,
    operation: str,
    params: dict[str, Any],
    do: Callable[..., dict[str, Any]],
) -> dict[str, Any]:
    table = params.get("TableName") or next(iter(params.get("RequestItems", {})), "")
    for item in params.get("TransactItems", []):
        table = next(iter(item.values()))["TableName"]
    name = table.removeprefix(_KEY_PREFIX)
    called = f"{service} {operation} {name}".strip()
    usage.operations[called] += 1
    usage.running.calls[called] += 1
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
    if operation in ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"):
        # a transaction takes two units for each
        each = 2 if operation == "TransactWriteItems" else 1
        transaction = [next(iter(item.values())) for item in params.get("TransactItems", [])]
        keys = [key_of(write) for write in transaction or [params]]
        before = {key: table.items.get(key) for key in keys}
        try:
            answer = do("dynamodb", operation, params)
        except ClientError:
            # a condition that does not hold consumes the units of the stored item
            for item in before.values():
                usage.add_units("write", name, each * write_units(item, item))
            raise
        for key, item in before.items():
            after = table.items.get(key)
            usage.add_units("write", name, each * write_units(item, after))
            for index, (hash_key, range_key, projected) in table.indexes.items():
                if units := index_write_units(item, after, (hash_key, range_key), projected):
                    usage.add_units("write", f"{name}/{index}", units)
        return answer
    answer = do("dynamodb", operation, params)
    if operation == "GetItem":
        found = [answer["Item"]] if "Item" in answer else []
        usage.add_units(
            "read", name, read_units(found, consistent=params.get("ConsistentRead", False))
        )
    elif operation == "BatchGetItem":
        for found_in, request in params["RequestItems"].items():
            consistent = bool(request.get("ConsistentRead"))
            found = answer["Responses"][found_in]
            # an item that is not there costs as much as a small one
            missing = len(request["Keys"]) - len(found)
            units = sum(read_units([item], consistent=consistent) for item in found)
            units += missing * read_units([], consistent=consistent)
            usage.add_units("read", found_in.removeprefix(_KEY_PREFIX), units)
    elif operation in ("Query", "Scan"):
        place = f"{name}/{params['IndexName']}" if "IndexName" in params else name
        consistent = params.get("ConsistentRead", False)
        usage.add_units("read", place, read_units(answer["Items"], consistent=consistent))
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
