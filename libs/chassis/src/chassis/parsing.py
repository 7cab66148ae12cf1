"""Bodies and queries into contract types, with the wrong field named."""

import re
from typing import Any, TypeVar

import msgspec

from chassis.problems import BadRequest, FieldError, Unprocessable

T = TypeVar("T")

MAX_DEPTH = 50

_AT = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`(?P<path>\$.*?)`)?$", re.DOTALL)
_FIELD = re.compile(r"Object (?:contains unknown|missing required) field `(?P<name>[^`]+)`")
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]")


def pointer_of(path: str) -> str:
    """Return the JSON pointer (RFC 6901) of a msgspec path such as ``$.lines[0].quantity``.

    Of a dictionary's entry msgspec does not say which one; the pointer is the dictionary's.
    """
    steps = []
    for step in _STEP.finditer(path.partition("[...]")[0]):
        name = step["name"] if step["name"] is not None else step["index"]
        steps.append(name.replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in steps)


def field_error(error: msgspec.ValidationError) -> FieldError:
    """Return which field a validation error is about and what was expected of it."""
    match = _AT.match(str(error))
    assert match is not None  # the pattern matches every string
    what, pointer = match["what"], pointer_of(match["path"] or "$")
    if field := _FIELD.match(what):
        pointer = f"{pointer}/{field['name'].replace('~', '~0').replace('/', '~1')}"
        unknown = "unknown" in what
        what = "This field is not known here" if unknown else "This field is required"
    return FieldError(pointer=pointer, detail=what)


def parse_body(body: bytes, kind: type[T]) -> T:
    """Decode a JSON body.

    Raises
    ------
    BadRequest
        If it is not JSON at all.
    Unprocessable
        If a field fails its schema; ``errors`` names it.
    """
    try:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.ValidationError:
            # A wrong field may come before a syntax error, which is what matters then.
            msgspec.json.decode(body)
            raise
    except msgspec.ValidationError as error:
        wrong = field_error(error)
        raise Unprocessable(
            f"The body fails its schema at '{wrong.pointer or '/'}': {wrong.detail}.", [wrong]
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None


def decode_document(body: bytes) -> Any:
    """Decode a JSON body to what JSON can hold, for what must look at it before it is parsed.

    Raises
    ------
    BadRequest
        If it is not JSON, or nested so deeply that walking through it would be a risk.
    """
    document = parse_body(body, object)
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return document
    raise BadRequest("The body is nested too deeply.")


def parse_document(document: object, kind: type[T]) -> T:
    """Convert a document that is decoded already, as ``parse_body`` would.

    Raises
    ------
    Unprocessable
        If a field fails its schema; ``errors`` names it.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        wrong = field_error(error)
        raise Unprocessable(
            f"The body fails its schema at '{wrong.pointer or '/'}': {wrong.detail}.", [wrong]
        ) from None


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396, section 2) and return the result."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
