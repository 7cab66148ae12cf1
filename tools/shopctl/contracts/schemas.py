"""Differences between two JSON Schemas.

Each difference says whether the new schema accepts what the old one accepts, and vice
versa. Which of the two matters depends on whether the writer or the reader of the data is upgraded
first (``changes``). Keywords that the contracts' generator never writes are compared for equality,
which may report a compatible change as breaking.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from shopctl.contracts.changes import Difference

Schema = Mapping[str, Any]
Schemas = Mapping[str, Schema]
_Above = frozenset[tuple[str, str]]

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_TYPES = {
    "bool": "boolean", "int": "integer", "float": "number", "str": "string", "list": "array",
    "dict": "object", "NoneType": "null",
}  # fmt: skip
_COMPARED = {
    "$ref", "anyOf", "type", "enum", "const", "properties", "required", "additionalProperties",
    "items", "default", *_LOWER, *_UPPER,
}  # fmt: skip
_LOOKAHEAD = re.compile(r"^\^\(\?=[^()]*\)")


class _Alternative(NamedTuple):
    """One alternative of a schema, and its name if it has one."""

    name: str
    schema: Schema

    @property
    def kinds(self) -> frozenset[str]:
        """The JSON types that it accepts."""
        values = _values(self.schema)
        if values is not None:
            return frozenset(_TYPES[type(value).__name__] for value in values)
        kind = self.schema.get("type", "anything")
        return frozenset([kind] if isinstance(kind, str) else kind)


def differences(
    old: Schema, new: Schema, path: str, schemas: tuple[Schemas, Schemas]
) -> Iterator[Difference]:
    """Yield the differences between two schemas, and between those that they refer to.

    Parameters
    ----------
    path
        Prefix of the paths of unnamed schemas, such as ``body``.
    schemas
        Targets of references: the named schemas of the old and of the new release.
    """
    return _Comparison(*schemas).any(old, new, path, frozenset())


class _Comparison:
    def __init__(self, old: Schemas, new: Schemas) -> None:
        self._old = old
        self._new = new

    def any(self, old: Schema, new: Schema, path: str, above: _Above) -> Iterator[Difference]:
        if "default" in old and "default" in new and old["default"] != new["default"]:
            # a caller that omits the value now means something else
            yield Difference(
                path, f"has default {new['default']!r} instead of {old['default']!r}", False, True
            )
        before, after = _alternatives(old, self._old), _alternatives(new, self._new)
        pairs, lost, gained = _matched(before, after)
        for alternative in lost:
            yield Difference(path, f"can no longer be {_words(alternative)}", new_reads_old=False)
        for alternative in gained:
            yield Difference(path, f"can now be {_words(alternative)}", old_reads_new=False)
        for one, other in pairs:
            yield from self._one(one, other, path, above)

    def _one(
        self, old: _Alternative, new: _Alternative, path: str, above: _Above
    ) -> Iterator[Difference]:
        names = (old.name, new.name)
        if all(names):
            if names in above:  # a schema that contains itself
                return
            above |= {names}
            path = old.name
        if old.kinds != new.kinds and not _both_enumerated(old, new):
            yield _retyped(old, new, path)
            return
        yield from _of_values(old.schema, new.schema, path)
        yield from _of_bounds(old.schema, new.schema, path)
        yield from _of_other_keywords(old.schema, new.schema, path)
        yield from self._of_properties(old.schema, new.schema, path, above)
        yield from self._of_additional_properties(old.schema, new.schema, path, above)
        items = old.schema.get("items", {}), new.schema.get("items", {})
        yield from self.any(*items, f"{path}/*", above) if any(items) else ()

    def _of_properties(
        self, old: Schema, new: Schema, path: str, above: _Above
    ) -> Iterator[Difference]:
        before, after = old.get("properties", {}), new.get("properties", {})
        had_to_be, has_to_be = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(before.keys() - after.keys()):
            # readers miss it, required or not; the value that senders give is rejected or ignored
            yield Difference(f"{path}/{name}", "was removed", False, False)
        for name in sorted(after.keys() - before.keys()):
            yield Difference(
                f"{path}/{name}",
                "was added and is required" if name in has_to_be else "was added",
                new_reads_old=name not in has_to_be,
                # a strict schema (an `Input` within a response or an event) accepts no new field
                old_reads_new=old.get("additionalProperties") is not False,
            )
        for name in sorted(before.keys() & after.keys()):
            here = f"{path}/{name}"
            if name in has_to_be - had_to_be:
                yield Difference(here, "became required", new_reads_old=False)
            if name in had_to_be - has_to_be:
                yield Difference(here, "became optional", old_reads_new=False)
            yield from self.any(before[name], after[name], here, above)

    def _of_additional_properties(
        self, old: Schema, new: Schema, path: str, above: _Above
    ) -> Iterator[Difference]:
        before = old.get("additionalProperties", True)
        after = new.get("additionalProperties", True)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from self.any(before, after, f"{path}/*", above)
        elif before != after:
            # `false` accepts none, a schema some, `true` all
            narrower = after is False or before is True
            what = f"accepts {'fewer' if narrower else 'more'} additional fields"
            yield Difference(f"{path}/*", what, not narrower, narrower)


def _alternatives(schema: Schema, schemas: Schemas, name: str = "") -> list[_Alternative]:
    reference = str(schema.get("$ref", "")).rpartition("/")[2]
    if reference:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _alternatives({**schemas[reference], **beside}, schemas, reference)
    if "anyOf" in schema:
        return [found for one in schema["anyOf"] for found in _alternatives(one, schemas)]
    return [_Alternative(name, schema)]


def _matched(
    old: Sequence[_Alternative], new: Sequence[_Alternative]
) -> tuple[list[tuple[_Alternative, _Alternative]], list[_Alternative], list[_Alternative]]:
    """Pair alternatives of the same name, then of the same types, then the last two left."""
    pairs, lost, gained = [], list(old), list(new)
    for by_name in (True, False):
        for one in list(lost):
            for other in gained:
                if one.kinds == other.kinds and (one.name == other.name or not by_name):
                    pairs.append((one, other))
                    lost.remove(one)
                    gained.remove(other)
                    break
    if len(lost) == len(gained) == 1:
        pairs.append((lost.pop(), gained.pop()))
    return pairs, lost, gained


def _retyped(old: _Alternative, new: _Alternative, path: str) -> Difference:
    what = f"changed from {_words(old)} to {_words(new)}"
    return Difference(path, what, _within(old, new), _within(new, old))


def _within(one: _Alternative, other: _Alternative) -> bool:
    """Return whether every value of the types of one has a type of the other."""
    wider = other.kinds | ({"integer"} if "number" in other.kinds else set())
    return "anything" in other.kinds or one.kinds <= wider


def _words(alternative: _Alternative) -> str:
    return alternative.name or " or ".join(sorted(alternative.kinds))


def _values(schema: Schema) -> list[Any] | None:
    """Return the values that an enumerated schema accepts; None for any other schema."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _both_enumerated(old: _Alternative, new: _Alternative) -> bool:
    return _values(old.schema) is not None and _values(new.schema) is not None


def _of_values(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    before, after = _values(old), _values(new)
    if before is None and after is not None:
        yield Difference(path, f"can now only be {_listed(after)}", new_reads_old=False)
    elif before is not None and after is None:
        yield Difference(path, "is no longer limited to certain values", old_reads_new=False)
    elif before is not None and after is not None:
        if lost := [value for value in before if value not in after]:
            yield Difference(path, f"can no longer be {_listed(lost)}", new_reads_old=False)
        if gained := [value for value in after if value not in before]:
            yield Difference(path, f"can now be {_listed(gained)}", old_reads_new=False)


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(repr, values))


def _of_bounds(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    for keyword in (*_LOWER, *_UPPER):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        narrower = after is not None and (
            before is None or (after > before if keyword in _LOWER else after < before)
        )
        what = f"has {keyword} {_or_none(after)} instead of {_or_none(before)}"
        yield Difference(path, what, not narrower, narrower)


def _of_other_keywords(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    """Yield differences of patterns, formats and all keywords that are not compared above."""
    for keyword in sorted((old.keys() | new.keys()) - _COMPARED):
        before, after = old.get(keyword), new.get(keyword)
        if before != after:
            what = f"has {keyword} {_or_none(after)} instead of {_or_none(before)}"
            if keyword == "pattern":
                yield Difference(path, what, _is_wider(new, old), _is_wider(old, new))
            else:
                yield Difference(path, what, after is None, before is None)


def _is_wider(schema: Schema, other: Schema) -> bool:
    """Return whether the pattern of a schema is known to accept all that the other one accepts."""
    pattern, than = schema.get("pattern"), other.get("pattern")
    if pattern is None:
        return True
    if than is None:
        values = _values(other)
        return values is not None and all(re.search(pattern, str(value)) for value in values)
    # a lookahead at the start only adds a condition
    return bool(_LOOKAHEAD.sub("^", than, count=1) == pattern)


def _or_none(value: Any) -> Any:
    return "none" if value is None else value
