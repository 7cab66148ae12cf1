"""An in-memory fake of DynamoDB: conditional writes, stale reads, indexes and streams.

It uses DynamoDB's wire format at botocore's last step before HTTP, so that PynamoDB and the stores
run unchanged. ``test_simulated_world.py`` runs the same cases against this fake and against moto.
What it does not support, it rejects.
"""

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, dict[str, Any]]

_TERM = re.compile(
    r"\(*(?:attribute_(?P<not>not_)?exists \((?P<name>#\w+)\)|(?P<left>#\w+) = (?P<right>:\w+))\)*"
)
_KEYS = re.compile(
    r"\(?(?P<hash>#\w+) = (?P<wanted>:\w+)"
    r"(?: AND (?P<range>#\w+) (?:"
    r"(?P<bound>>=|<) (?P<limit>:\w+)|BETWEEN (?P<low>:\w+) AND (?P<high>:\w+))\))?"
)
_ACTION = re.compile(r"(?P<name>#\w+)(?P<equals> =)? (?P<value>:\w+)")


def client_error(operation: str, code: str, status: int = 400) -> ClientError:
    """Return an error of AWS as botocore raises it."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": code},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        operation,
    )


@dataclass
class MemoryTable:
    """One table and its stream.

    Attributes
    ----------
    indexes
        Hash key, range key and projected attributes (``None`` for all) of each index, by its name.
    stream
        All changes so far, oldest first, as Lambda delivers them.
    replicated
        Each item as eventually consistent reads see it, with the time at which they stop doing so.
    """

    name: str
    indexes: dict[str, tuple[str, str, set[str] | None]] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    stream: list[dict[str, Any]] = field(default_factory=list)
    replicated: dict[str, tuple[float, Item | None]] = field(default_factory=dict)

    def read(self, key: str, now: float, *, consistent: bool) -> Item | None:
        """Read an item; without ``consistent``, changes of the last moments are missing."""
        until, outdated = self.replicated.get(key, (now, None))
        if not consistent and now < until:
            return outdated
        return self.items.get(key)

    def change(self, key: str, after: Item | None, now: float, lag: float) -> None:
        """Write or delete an item; a write that changes nothing adds no stream record.

        Parameters
        ----------
        after
            The new item; ``None`` deletes it.
        now
            Unix time in seconds.
        lag
            Seconds in which eventually consistent reads do not return the change.
        """
        before = self.items.get(key)
        if before == after:
            return
        if self.replicated.get(key, (0.0, None))[0] <= now:
            self.replicated[key] = (now + lag, before)
        if after is None:
            del self.items[key]
        else:
            self.items[key] = after
        images = {"OldImage": before, "NewImage": after}
        self.stream.append(
            {
                "eventID": f"{self.name}-{len(self.stream)}",
                "eventName": "INSERT" if not before else "MODIFY" if after else "REMOVE",
                "eventSource": "aws:dynamodb",
                "awsRegion": "us-east-1",
                "eventSourceARN": f"arn:aws:dynamodb:us-east-1:000000000000:table/{self.name}",
                "dynamodb": {
                    "ApproximateCreationDateTime": now,
                    "Keys": {"id": {"S": key}},
                    "SequenceNumber": f"{len(self.stream) + 1:021}",
                    "SizeBytes": 100,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                    **{name: _copy_of(image) for name, image in images.items() if image},
                },
            }
        )


class MemoryTables:
    """The tables of all services, by name.

    Parameters
    ----------
    templates
        The parsed ``resources.yaml`` of each service.
    read_lag
        Seconds in which eventually consistent reads of an item do not return a change.
    """

    def __init__(self, templates: list[dict[str, Any]], read_lag: float) -> None:
        self._read_lag = read_lag
        # the tokens of the transactions that were carried out
        self._transactions: set[str] = set()
        self.tables: dict[str, MemoryTable] = {}
        for template in templates:
            for resource in template["Resources"].values():
                if resource["Type"] == "AWS::DynamoDB::Table":
                    table = _table(resource["Properties"])
                    self.tables[table.name] = table

    def call(self, operation: str, params: dict[str, Any], now: float) -> dict[str, Any]:
        """Answer an operation as DynamoDB does.

        Raises
        ------
        ClientError
            With ``ConditionalCheckFailedException`` or ``ResourceNotFoundException``.
        NotImplementedError
            If the fake does not support the operation or its condition.
        """
        if operation == "BatchGetItem":
            return self._batch_get(params, now)
        if operation == "TransactWriteItems":
            return self._transact(params, now)
        table = self._table(operation, params["TableName"])
        if operation == "GetItem":
            consistent = params.get("ConsistentRead", False)
            item = table.read(params["Key"]["id"]["S"], now, consistent=consistent)
            return {"Item": _copy_of(item)} if item else {}
        if operation == "Query":
            return _query(table, params)
        if operation == "Scan":
            return _scan(table, params)
        if operation not in ("PutItem", "UpdateItem", "DeleteItem"):
            raise NotImplementedError(f"the fake of DynamoDB does not support {operation}")
        key = key_of(params)
        if not _satisfies(table.items.get(key), params):
            raise client_error(operation, "ConditionalCheckFailedException")
        after = None
        if operation == "PutItem":
            after = _copy_of(params["Item"])
        elif operation == "UpdateItem":
            after = _updated(table.items[key], params)
        table.change(key, after, now, self._read_lag)
        # what PynamoDB asks for
        return {"Attributes": _copy_of(after)} if after and operation == "UpdateItem" else {}

    def _transact(self, params: dict[str, Any], now: float) -> dict[str, Any]:
        if params["ClientRequestToken"] in self._transactions:
            return {}
        writes = [next(iter(item.items())) for item in params["TransactItems"]]
        codes = []
        for kind, write in writes:
            item = self._table(kind, write["TableName"]).items.get(key_of(write))
            codes.append("None" if _satisfies(item, write) else "ConditionalCheckFailed")
        if codes != ["None"] * len(writes):
            error = client_error("TransactWriteItems", "TransactionCanceledException")
            error.response["CancellationReasons"] = [{"Code": code} for code in codes]  # type: ignore[typeddict-unknown-key]
            raise error
        for kind, write in writes:
            after = {"Put": write.get("Item"), "Delete": None}[kind]
            table = self._table(kind, write["TableName"])
            table.change(key_of(write), after and _copy_of(after), now, self._read_lag)
        self._transactions.add(params["ClientRequestToken"])
        return {}

    def _table(self, operation: str, name: str) -> MemoryTable:
        if name not in self.tables:
            raise client_error(operation, "ResourceNotFoundException")
        return self.tables[name]

    def _batch_get(self, params: dict[str, Any], now: float) -> dict[str, Any]:
        found = {}
        for name, request in params["RequestItems"].items():
            table, consistent = self._table("BatchGetItem", name), request.get("ConsistentRead")
            keys = [key["id"]["S"] for key in request["Keys"]]
            items = [table.read(key, now, consistent=bool(consistent)) for key in keys]
            found[name] = [_copy_of(item) for item in items if item]
        return {"Responses": found, "UnprocessedKeys": {}}


def key_of(write: dict[str, Any]) -> str:
    """Return the id of the item that an operation writes."""
    item_id: str = (write.get("Item") or write["Key"])["id"]["S"]
    return item_id


def entry_of(item: Item, projected: set[str] | None) -> Item:
    """Return the entry of an item in an index with some projected attributes."""
    return {name: value for name, value in item.items() if projected is None or name in projected}


def _copy_of(item: Item) -> Item:
    return {name: dict(value) for name, value in item.items()}


def _table(properties: dict[str, Any]) -> MemoryTable:
    indexes = {}
    for index in properties.get("GlobalSecondaryIndexes", []):
        hash_key, range_key = (part["AttributeName"] for part in index["KeySchema"])
        projection = index["Projection"]
        attributes = {"id", hash_key, range_key, *projection.get("NonKeyAttributes", ())}
        projected = None if projection["ProjectionType"] == "ALL" else attributes
        indexes[index["IndexName"]] = (hash_key, range_key, projected)
    name = properties["TableName"]["Fn::Sub"].replace("${Stage}", "local")
    return MemoryTable(name, indexes)


def _satisfies(item: Item | None, params: dict[str, Any]) -> bool:
    expression = params.get("ConditionExpression")
    if expression is None:
        return True
    names = params.get("ExpressionAttributeNames", {})
    values = params.get("ExpressionAttributeValues", {})
    for term in expression.split(" AND "):
        match = _TERM.fullmatch(term)
        if match is None:
            raise NotImplementedError(f"the fake of DynamoDB does not support the condition {term}")
        value = (item or {}).get(names[match["name"] or match["left"]])
        if match["name"]:
            if (value is None) != bool(match["not"]):
                return False
        elif value != values[match["right"]]:
            return False
    return True


def _updated(item: Item, params: dict[str, Any]) -> Item:
    """Apply an update expression that sets and increments attributes."""
    after = _copy_of(item)
    names, values = params["ExpressionAttributeNames"], params["ExpressionAttributeValues"]
    for clause in re.split(r" (?=SET |ADD |REMOVE |DELETE )", params["UpdateExpression"]):
        action, _, terms = clause.partition(" ")
        for term in terms.split(", "):
            match = _ACTION.fullmatch(term)
            if match is None or (action, match["equals"]) not in (("SET", " ="), ("ADD", None)):
                raise NotImplementedError(f"the fake of DynamoDB does not support {clause}")
            name, value = names[match["name"]], values[match["value"]]
            if action == "ADD":
                before = int(after.get(name, {"N": "0"})["N"])
                value = {"N": str(before + int(value["N"]))}
            after[name] = value
    return after


def _scan(table: MemoryTable, params: dict[str, Any]) -> dict[str, Any]:
    if len(table.items) > params.get("Limit", len(table.items)) or "ExclusiveStartKey" in params:
        raise NotImplementedError("the fake of DynamoDB scans a table in one page")
    wanted = {**params, "ConditionExpression": params.get("FilterExpression")}
    items = [_copy_of(item) for item in table.items.values() if _satisfies(item, wanted)]
    return {"Items": items, "Count": len(items), "ScannedCount": len(table.items)}


def _query(table: MemoryTable, params: dict[str, Any]) -> dict[str, Any]:
    hash_key, range_key, projected = table.indexes[params["IndexName"]]
    match = _KEYS.fullmatch(params["KeyConditionExpression"])
    names, values = params["ExpressionAttributeNames"], params["ExpressionAttributeValues"]
    if match is None or names[match["hash"]] != hash_key:
        raise NotImplementedError("the fake of DynamoDB only queries one partition of an index")
    if match["range"] and names[match["range"]] != range_key:
        raise NotImplementedError("the second condition must be about the range key")

    def is_within(item: Item) -> bool:
        key = item[range_key]["S"]
        if match["low"]:
            return bool(values[match["low"]]["S"] <= key <= values[match["high"]]["S"])
        if match["bound"] == "<":
            return bool(key < values[match["limit"]]["S"])
        return not match["bound"] or bool(key >= values[match["limit"]]["S"])

    wanted = values[match["wanted"]]
    items = sorted(
        (item for item in table.items.values() if item.get(hash_key) == wanted and is_within(item)),
        key=lambda item: (item[range_key]["S"], item["id"]["S"]),
        reverse=not params.get("ScanIndexForward", True),
    )
    start = params.get("ExclusiveStartKey")
    if start is not None:
        ids = [item["id"]["S"] for item in items]
        items = items[ids.index(start["id"]["S"]) + 1 :]
    page = list(itertools.islice(items, params.get("Limit")))
    response: dict[str, Any] = {
        "Items": [_copy_of(entry_of(item, projected)) for item in page],
        "Count": len(page),
        "ScannedCount": len(page),
    }
    if len(page) < len(items):
        response["LastEvaluatedKey"] = {
            name: page[-1][name] for name in ("id", hash_key, range_key)
        }
    return response
