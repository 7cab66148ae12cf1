"""Differences between two JSON Schemas, and who is affected."""

from typing import Any

import pytest

from shopctl.contracts.changes import Difference, Use, change_of
from shopctl.contracts.schemas import differences

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
NULL = {"type": "null"}
BOTH, NEW_READS_OLD, OLD_READS_NEW, NEITHER = (
    (True, True), (True, False), (False, True), (False, False),
)  # fmt: skip


def of(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    return schema | {"additionalProperties": False}


def any_of(*alternatives: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": list(alternatives)}


CASES = {
    "a field is removed": (of("a", "b", a=STRING, b=STRING), of("a", a=STRING),
        NEITHER, "it/b", "was removed"),
    "an optional field is removed": (of(a=STRING), of(), NEITHER, "it/a", "was removed"),
    "an optional field is added": (of(), of(a=STRING), BOTH, "it/a", "was added"),
    "a required field is added": (of(), of("a", a=STRING),
        OLD_READS_NEW, "it/a", "was added and is required"),
    "a field is added where readers are strict": (strict(of()), strict(of(a=STRING)),
        NEW_READS_OLD, "it/a", "was added"),
    "a field becomes required": (of(a=STRING), of("a", a=STRING),
        OLD_READS_NEW, "it/a", "became required"),
    "a field becomes optional": (of("a", a=STRING), of(a=STRING),
        NEW_READS_OLD, "it/a", "became optional"),
    "a field is retyped": (of(a=STRING), of(a=INTEGER),
        NEITHER, "it/a", "changed from string to integer"),
    "an integer becomes a number": (of(a=INTEGER), of(a={"type": "number"}),
        NEW_READS_OLD, "it/a", "changed from integer to number"),
    "a number becomes an integer": (of(a={"type": "number"}), of(a=INTEGER),
        OLD_READS_NEW, "it/a", "changed from number to integer"),
    "any type is accepted": (of(a=STRING), of(a={}),
        NEW_READS_OLD, "it/a", "changed from string to anything"),
    "any type is no longer accepted": (of(a={}), of(a=STRING),
        OLD_READS_NEW, "it/a", "changed from anything to string"),
    "an enum is narrowed": ({"enum": ["x", "y"]}, {"enum": ["x"]},
        OLD_READS_NEW, "it", "can no longer be 'y'"),
    "an enum is widened": ({"enum": ["x"]}, {"enum": ["x", "y"]},
        NEW_READS_OLD, "it", "can now be 'y'"),
    "an enum is widened by a number": ({"enum": ["x"]}, {"enum": ["x", 1]},
        NEW_READS_OLD, "it", "can now be 1"),
    "a string becomes an enum": (STRING, {"enum": ["x"]},
        OLD_READS_NEW, "it", "can now only be 'x'"),
    "an enum becomes a string": ({"enum": ["x"]}, STRING,
        NEW_READS_OLD, "it", "is no longer limited to certain values"),
    "a constant becomes another": ({"const": "x"}, {"const": "y"},
        OLD_READS_NEW, "it", "can no longer be 'x'"),
    "null is allowed": (of(a=STRING), of(a=any_of(STRING, NULL)),
        NEW_READS_OLD, "it/a", "can now be null"),
    "null is not allowed": (of(a=any_of(STRING, NULL)), of(a=STRING),
        OLD_READS_NEW, "it/a", "can no longer be null"),
    "a field that may be null is retyped": (any_of(STRING, NULL), any_of(INTEGER, NULL),
        NEITHER, "it", "changed from string to integer"),
    "a maximum is lowered": ({"type": "integer", "maximum": 9}, {"type": "integer", "maximum": 8},
        OLD_READS_NEW, "it", "has maximum 8 instead of 9"),
    "a maximum is raised": ({"type": "integer", "maximum": 8}, {"type": "integer", "maximum": 9},
        NEW_READS_OLD, "it", "has maximum 9 instead of 8"),
    "a maximum is set": (STRING, STRING | {"maxLength": 9},
        OLD_READS_NEW, "it", "has maxLength 9 instead of none"),
    "a minimum is raised": (STRING | {"minLength": 1}, STRING | {"minLength": 2},
        OLD_READS_NEW, "it", "has minLength 2 instead of 1"),
    "a minimum is dropped": ({"type": "array", "minItems": 1}, {"type": "array"},
        NEW_READS_OLD, "it", "has minItems none instead of 1"),
    "a pattern is changed": (STRING | {"pattern": "^a"}, STRING | {"pattern": "^b"},
        NEITHER, "it", "has pattern ^b instead of ^a"),
    "a pattern is set": (STRING, STRING | {"pattern": "^b"},
        OLD_READS_NEW, "it", "has pattern ^b instead of none"),
    "a condition at the start of a pattern is dropped": (
        STRING | {"pattern": r"^(?=.*\S)[^x]*$"}, STRING | {"pattern": "^[^x]*$"},
        NEW_READS_OLD, "it", r"has pattern ^[^x]*$ instead of ^(?=.*\S)[^x]*$"),
    "a condition at the start of a pattern is set": (
        STRING | {"pattern": "^[^x]*$"}, STRING | {"pattern": r"^(?=.*\S)[^x]*$"},
        OLD_READS_NEW, "it", r"has pattern ^(?=.*\S)[^x]*$ instead of ^[^x]*$"),
    "a format is dropped": (STRING | {"format": "date-time"}, STRING,
        NEW_READS_OLD, "it", "has format none instead of date-time"),
    "an unknown keyword is changed": (STRING | {"x": 1}, STRING | {"x": 2},
        NEITHER, "it", "has x 2 instead of 1"),
    "a default is changed": (of(a=INTEGER | {"default": 1}), of(a=INTEGER | {"default": 2}),
        OLD_READS_NEW, "it/a", "has default 2 instead of 1"),
    "items are retyped": ({"type": "array", "items": STRING}, {"type": "array", "items": INTEGER},
        NEITHER, "it/*", "changed from string to integer"),
    "values of a mapping are retyped": (of() | {"additionalProperties": STRING},
        of() | {"additionalProperties": INTEGER},
        NEITHER, "it/*", "changed from string to integer"),
    "additional fields get a type": (
        of(),
        of() | {"additionalProperties": STRING},
        OLD_READS_NEW,
        "it/*",
        "accepts fewer additional fields",
    ),
    "a schema becomes strict": (of(), strict(of()),
        OLD_READS_NEW, "it/*", "accepts fewer additional fields"),
    "a schema becomes tolerant": (strict(of()), of(),
        NEW_READS_OLD, "it/*", "accepts more additional fields"),
}  # fmt: skip


def found(old: Any, new: Any, **schemas: tuple[Any, Any]) -> list[Difference]:
    before = {name: pair[0] for name, pair in schemas.items()}
    after = {name: pair[1] for name, pair in schemas.items()}
    return list(differences(old, new, "it", (before, after)))


@pytest.mark.parametrize("case", CASES)
def test_difference_is_described_with_who_reads_whom(case: str) -> None:
    old, new, (new_reads_old, old_reads_new), path, what = CASES[case]
    assert Difference(path, what, new_reads_old, old_reads_new) in found(old, new)
    assert found(old, old) == found(new, new) == []


@pytest.mark.parametrize("case", [case for case in CASES if case != "a constant becomes another"])
def test_each_case_has_one_difference(case: str) -> None:
    old, new, *_ = CASES[case]
    assert len(found(old, new)) == 1


@pytest.mark.parametrize(("values", "accepted"), [(["AU", "NZ"], True), (["AU", "NZL"], False)])
def test_pattern_restricts_only_values_that_it_does_not_match(
    values: list[str], accepted: bool
) -> None:
    changes = found({"enum": values}, STRING | {"pattern": "^[A-Z]{2}$"})
    assert all(change.new_reads_old for change in changes) == accepted
    assert not all(change.old_reads_new for change in changes)


def test_path_starts_at_the_nearest_named_schema() -> None:
    reference = {"$ref": "#/components/schemas/Money"}
    money = (of("amount", amount=INTEGER), of("amount", amount=STRING))
    old = of(lines={"type": "array", "items": of(price=any_of(reference, NULL))})
    (difference,) = found(old, old, Money=money)
    assert difference.path == "Money/amount"


def test_alternatives_are_compared_by_name() -> None:
    a, b = {"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}
    schemas = {"A": (of(x=STRING), of(x=STRING)), "B": (of(y=STRING), of(y=INTEGER))}
    (difference,) = found(any_of(a, b), any_of(b, a), **schemas)
    assert difference.path == "B/y"


@pytest.mark.parametrize("others", [(STRING, INTEGER), (STRING,)])
def test_removed_alternative_is_reported_by_name(others: Any) -> None:
    a = {"$ref": "#/components/schemas/A"}
    (difference,) = found(any_of(a, *others), any_of(*others), A=(of(), of()))
    assert difference == Difference("it", "can no longer be A", new_reads_old=False)


def test_recursive_schema_is_compared_once() -> None:
    reference = {"$ref": "#/components/schemas/Tree"}
    old = of(leaf=STRING, children={"type": "array", "items": reference})
    new = of(leaf=INTEGER, children={"type": "array", "items": reference})
    (difference,) = found(reference, reference, Tree=(old, new))
    assert difference.path == "Tree/leaf"


def test_keywords_beside_a_reference_are_compared() -> None:
    reference = {"$ref": "#/components/schemas/Name"}
    (difference,) = found(reference, reference | {"maxLength": 9}, Name=(STRING, STRING))
    assert difference == Difference("Name", "has maxLength 9 instead of none", new_reads_old=False)


def test_renaming_a_schema_is_not_a_difference() -> None:
    old, new = ({"$ref": f"#/components/schemas/{name}"} for name in ("A", "B"))
    schemas = ({"A": of(x=STRING)}, {"B": of(x=STRING)})
    assert list(differences(old, new, "it", schemas)) == []


CALLERS = "callers that send the old request"
READERS = "callers that read the old response"
OLD_CONSUMERS = "consumers of the old release"
NEW_CONSUMERS = "consumers of the new release (events still in queues)"


@pytest.mark.parametrize(
    ("case", "use", "breaks"),
    [
        ("an enum is narrowed", "input", (CALLERS,)),
        ("an enum is narrowed", "output", ()),
        ("an enum is narrowed", "event", (NEW_CONSUMERS,)),
        ("an enum is widened", "input", ()),
        ("an enum is widened", "output", (READERS,)),
        ("an enum is widened", "event", (OLD_CONSUMERS,)),
        ("null is allowed", "input", ()),
        ("null is allowed", "output", (READERS,)),
        ("a required field is added", "input", (CALLERS,)),
        ("a required field is added", "output", ()),
        # an upgraded consumer still receives old events from its queues
        ("a required field is added", "event", (NEW_CONSUMERS,)),
        ("an optional field is added", "input", ()),
        ("an optional field is added", "output", ()),
        ("an optional field is added", "event", ()),
        ("a field is added where readers are strict", "input", ()),
        ("a field is added where readers are strict", "event", (OLD_CONSUMERS,)),
        ("a field is removed", "input", (CALLERS,)),
        ("a field is removed", "output", (READERS,)),
        ("a field is removed", "event", (NEW_CONSUMERS, OLD_CONSUMERS)),
        ("a field is retyped", "input", (CALLERS,)),
        ("a field is retyped", "output", (READERS,)),
        ("a maximum is lowered", "input", (CALLERS,)),
        ("a maximum is lowered", "output", ()),
        ("a pattern is set", "input", (CALLERS,)),
        ("a default is changed", "input", (CALLERS,)),
        ("a default is changed", "output", ()),
    ],
)
def test_who_is_affected_by_a_difference_depends_on_its_use(
    case: str, use: Use, breaks: Any
) -> None:
    old, new, *_ = CASES[case]
    (difference,) = found(old, new)
    change = change_of("apis/x", "POST /x body", use, difference)
    assert change.breaks == breaks
    assert change.breaking is bool(breaks)
    assert difference.path in str(change)
    assert ("compatible" in str(change)) is not change.breaking
