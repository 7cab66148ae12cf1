"""Keeps items sorted, so that a query of an index or a page of a scan reads only what it returns.

By default, ministack evaluates the condition of a query for every item of the index's partition and
sorts the items, which takes seconds for a page of a list of 100,000 orders. For each page of a
scan, it sorts the whole table.
"""

import bisect
import re
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from ministack.services import dynamodb

_CONDITION = re.compile(
    r"\(*(?P<hash>#\w+) = :\w+\)*"
    r"(?: AND \(*(?P<range>#\w+) "
    r"(?:(?P<operator>=|<=|>=|<|>) (?P<value>:\w+)|BETWEEN (?P<low>:\w+) AND (?P<high>:\w+))\)*)?"
)


class _Entry(NamedTuple):
    """An entry of an index: its position, and the item's keys in the table."""

    position: tuple[Any, ...]
    keys: tuple[Any, Any]


class _Keys(NamedTuple):
    """The keys of an index: its hash keys, its range keys, and what its items are sorted by."""

    name: str | None
    hashes: list[str]
    ranges: list[str]
    order: list[tuple[str, str]]


_Partitions = dict[Any, list[_Entry]]
_TABLE = None
"""The index, and its only partition, in which the items of the table itself are sorted."""
_SCANNED = 4_096
"""How many items ministack searches for a page of a scan; most pages end earlier."""
_running = threading.local()


def install() -> None:
    """Replace the functions with which ministack finds the items of an index."""
    dynamodb._index_members = _members
    dynamodb._index_item = _index_item
    dynamodb._query = _remembered(dynamodb._query)
    dynamodb._scan = _page_by_page(dynamodb._scan)


def _remembered(query: Any) -> Any:
    """Remember the running query, which ministack still validates and answers."""

    def run(data: dict[str, Any]) -> Any:
        _running.query = data
        try:
            return query(data)
        finally:
            _running.query = None

    return run


def _page_by_page(scan: Any) -> Any:
    """Scan only the items that follow the start of the page."""

    def run(data: dict[str, Any]) -> Any:
        table = dynamodb._tables.get(data.get("TableName"))
        if table is None or data.keys() & {"IndexName", "Segment"} or _TABLE not in _indexes(table):
            return scan(data)
        entries, first = _indexes(table)[_TABLE].get(_TABLE, []), 0
        if start := data.get("ExclusiveStartKey"):
            position = _position(table, start, [])
            first = bisect.bisect_right(entries, position, key=_position_of)
        following = entries[first : first + _SCANNED]
        items = table["items"]
        # the thread that deletes expired items holds the lock
        with dynamodb._lock:
            table["items"] = {entry.keys[0]: items[entry.keys[0]] for entry in following}
            try:
                answer = scan(data)
            finally:
                table["items"] = items
        is_end = b"LastEvaluatedKey" not in answer[2]
        return scan(data) if is_end and len(following) == _SCANNED else answer

    return run


def _members(table: dict[str, Any]) -> "dict[str | None, _Narrowed]":
    """Return, for each index, the keys of the items in a partition that a query may return."""
    return {
        name: _Narrowed(table, name, partitions) for name, partitions in _indexes(table).items()
    }


class _Narrowed:
    """The partitions of an index, as far as the running query reads them."""

    def __init__(self, table: dict[str, Any], name: str | None, partitions: _Partitions) -> None:
        self._table, self._name, self._partitions = table, name, partitions

    def get(self, partition: Any, default: Any) -> Any:
        """Return the keys of items in a partition, in the order of the index."""
        entries = self._partitions.get(partition)
        if not entries:
            return default
        query = getattr(_running, "query", None)
        if query is not None:
            entries = _read(entries, query, self._table, self._name)
        return [entry.keys for entry in entries]


def _read(
    entries: list[_Entry], query: dict[str, Any], table: dict[str, Any], name: str | None
) -> list[_Entry]:
    """Return the entries that a query reads, or all if the query has an unusual form."""
    found = _CONDITION.fullmatch(query.get("KeyConditionExpression") or "")
    hashes, ranges = dynamodb._index_key_lists(dynamodb._index_def(table, name))
    names, values = query.get("ExpressionAttributeNames", {}), query["ExpressionAttributeValues"]
    if found is None or len(hashes) > 1 or len(ranges) > 1 or names.get(found["hash"]) != hashes[0]:
        return entries
    first, last = 0, len(entries)

    def before(reference: str) -> int:
        return bisect.bisect_left(entries, value_of(reference), key=_range_value)

    def after(reference: str) -> int:
        return bisect.bisect_right(entries, value_of(reference), key=_range_value)

    def value_of(reference: str) -> Any:
        return dynamodb._sort_key_value(
            values[reference], dynamodb._get_attr_type(table, ranges[0])
        )

    if found["range"]:
        if not ranges or names.get(found["range"]) != ranges[0]:
            return entries
        lowest = found["low"] or found["value"]
        highest = found["high"] or found["value"]
        match found["operator"]:
            case "<":
                last = before(highest)
            case "<=":
                last = after(highest)
            case ">":
                first = after(lowest)
            case ">=":
                first = before(lowest)
            case _:
                first, last = before(lowest), after(highest)
    forward = query.get("ScanIndexForward", True)
    if start := query.get("ExclusiveStartKey"):
        position = _position(table, start, ranges)
        if forward:
            first = max(first, bisect.bisect_right(entries, position, key=_position_of))
        else:
            last = min(last, bisect.bisect_left(entries, position, key=_position_of))
    if limit := int(query.get("Limit") or 0):
        if forward:
            last = min(last, first + limit)
        else:
            first = max(first, last - limit)
    return entries[first:last]


def _position_of(entry: _Entry) -> tuple[Any, ...]:
    return entry.position


def _range_value(entry: _Entry) -> Any:
    return entry.position[0]


def _position(table: dict[str, Any], item: dict[str, Any], ranges: list[str]) -> tuple[Any, ...]:
    return tuple(
        dynamodb._index_order_value(item, name, kind)
        for name, kind in dynamodb._index_order_keys(table, ranges)
    )


def _names(table: dict[str, Any]) -> set[str | None]:
    """Return the names of a table's indexes, and ``_TABLE`` if the table itself is kept sorted."""
    names: set[str | None] = {name for name, _, _ in dynamodb._index_key_schemas(table)}
    hash_key = table["pk_name"]
    if not table["sk_name"] and dynamodb._get_attr_type(table, hash_key) == "S":
        names.add(_TABLE)
    return names


def _indexes(table: dict[str, Any]) -> dict[str | None, _Partitions]:
    """Return the partitions of each index, which are built when one is first read."""
    indexes: dict[str | None, _Partitions] | None = table.get(dynamodb._INDEX_MEMBERS)
    if indexes is None:
        indexes = {name: {} for name in _names(table)}
        table[dynamodb._INDEX_MEMBERS] = indexes
        keys = _keys(table)
        for hash_value, items in table["items"].items():
            for range_value, item in items.items():
                for entries, entry in _entries(indexes, keys, (hash_value, range_value), item):
                    entries.append(entry)
        for partitions in indexes.values():
            for entries in partitions.values():
                entries.sort(key=_position_of)
    return indexes


def _keys(table: dict[str, Any]) -> list[_Keys]:
    """Return the keys of each index, and those of the table if it is kept sorted."""
    found = [
        _Keys(name, hashes, ranges, dynamodb._index_order_keys(table, ranges))
        for name, hashes, ranges in dynamodb._index_key_schemas(table)
    ]
    if _TABLE in _names(table):
        found.append(_Keys(_TABLE, [], [], dynamodb._index_order_keys(table, [])))
    return found


def _entries(
    indexes: dict[str | None, _Partitions],
    keys: list[_Keys],
    place: tuple[Any, Any],
    item: dict[str, Any],
) -> Iterator[tuple[list[_Entry], _Entry]]:
    """Yield the entries of an item, each with the partition that it belongs to."""
    for name, hashes, ranges, order in keys:
        if name is _TABLE:
            partition = _TABLE
        else:
            partition = dynamodb._index_partition(item, hashes, ranges)
            if partition is None:
                continue
        position = tuple(dynamodb._index_order_value(item, one, kind) for one, kind in order)
        yield indexes[name].setdefault(partition, []), _Entry(position, place)


def _index_item(
    table: dict[str, Any], hash_value: Any, range_value: Any, item: dict[str, Any], add: bool
) -> None:
    """Add an item to the indexes of its table, or remove it."""
    indexes = table.get(dynamodb._INDEX_MEMBERS)
    if indexes is None:
        return
    if indexes.keys() != _names(table):
        # an index was created or deleted
        del table[dynamodb._INDEX_MEMBERS]
        return
    for entries, entry in _entries(indexes, _keys(table), (hash_value, range_value), item):
        place = bisect.bisect_left(entries, entry.position, key=_position_of)
        if add:
            entries.insert(place, entry)
        elif place < len(entries) and entries[place] == entry:
            del entries[place]
