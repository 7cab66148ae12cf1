"""JSON bodies to contract types; an error names the field and says what it must be."""

import re
from typing import Any, TypeVar

import msgspec

from chassis import email_addresses
from chassis.email_addresses import InvalidAddressError
from chassis.json_text import check_members, text_of
from chassis.problems import BadRequest, FieldError, Unprocessable, label_of
from contracts.patterns import REQUIREMENTS
from contracts.problem import Code
from contracts.schema import EmailAddress

T = TypeVar("T")

MAX_DEPTH = 50
"""The deepest nesting of a document that the services inspect before they parse it."""

_AT = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`(?P<path>\$.*?)`)?$", re.DOTALL)
_FIELD = r"Object (?:contains unknown|missing required) field `(?P<name>[^`]+)`"
_STEP = r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]"

# msgspec's messages, which mention Python types and regular expressions
_TYPE = r"Expected `(?P<type>\w+)[^`]*`, got "
_LENGTH = r"Expected `(?P<type>\w+)` of length (?P<bound>[<>]=) (?P<number>\d+)"
_RANGE = r"Expected `(?:int|float)` (?P<bound>[<>]=?) (?P<number>\S+)"
_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "datetime": "a time, such as 2026-11-24T08:00:00Z",
    "bytes": "base64-encoded data",
}
_UNITS = {"str": "character", "array": "item", "object": "entry", "bytes": "byte"}
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def pointer_of(path: str) -> str:
    """Return the JSON pointer (RFC 6901) of a msgspec path such as ``$.lines[0].quantity``.

    For an entry of a dictionary it is the dictionary's pointer, since msgspec does not name the
    entry.
    """
    steps = []
    for step in re.finditer(_STEP, path.partition("[...]")[0]):
        name = step["name"] if step["name"] is not None else step["index"]
        steps.append(name.replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in steps)


def field_error(error: msgspec.ValidationError, noun: str = "field") -> FieldError:
    """Return which field a validation error is about and what it must be, for people.

    Parameters
    ----------
    error
        An error of msgspec.
    noun
        The word for a field in the text, such as ``parameter`` for one of a query.
    """
    match = _AT.match(str(error))
    assert match is not None  # the pattern matches every string
    what, pointer = match["what"], pointer_of(match["path"] or "$")
    if field := re.match(_FIELD, what):
        name = field["name"].replace("~", "~0").replace("/", "~1")
        code: Code = "unknown" if "unknown" in what else "required"
        return FieldError(pointer=f"{pointer}/{name}", detail=f"This {noun} is {code}", code=code)
    if isinstance(error.__cause__, InvalidAddressError):
        return FieldError(pointer=pointer, detail=what, code="format")
    detail, code = _requirement(what)
    if pointer.endswith("/amount") and code in ("too_small", "too_large"):
        detail += ", in the smallest unit of the currency (such as cents)"
    return FieldError(pointer=pointer, detail=detail, code=code)


def _requirement(message: str) -> tuple[str, Code]:
    """Return what a value must be and what is wrong with it, given msgspec's message about it."""
    if match := re.match(_TYPE, message):
        return f"Must be {_TYPES.get(match['type'], 'of another type')}", "type"
    if match := re.match(_LENGTH, message):
        detail = _length(match["type"], match["bound"], int(match["number"]))
        return detail, "too_short" if match["bound"] == ">=" else "too_long"
    if match := re.match(_RANGE, message):
        detail = f"Must be {_BOUNDS[match['bound']]} {_with_commas(match['number'])}"
        return detail, "too_small" if ">" in match["bound"] else "too_large"
    if message.startswith("Invalid enum value "):
        given = message.removeprefix("Invalid enum value ")
        return f"{given} is not one of the allowed values", "not_allowed"
    if "RFC3339" in message or "timezone" in message:
        return f"Must be {_TYPES['datetime']}", "format"
    if "base64" in message:
        return f"Must be {_TYPES['bytes']}", "format"
    for pattern, text in REQUIREMENTS.items():
        if message.endswith(f" {pattern!r}"):
            return text, "format"
    return "Is not valid", "invalid"


def _with_commas(number: str) -> str:
    return f"{int(number):,}" if number.isdecimal() else number


def _length(kind: str, bound: str, number: int) -> str:
    if (bound, number) == (">=", 1):
        return "Must not be empty"
    unit = _UNITS[kind]
    plural = {"entry": "entries"}.get(unit, f"{unit}s")
    return f"Must have {_BOUNDS[bound]} {number:,} {unit if number == 1 else plural}"


def parse_body(body: bytes, kind: type[T]) -> T:
    """Decode a JSON body.

    Parameters
    ----------
    body
        The body's bytes, with or without a byte order mark.
    kind
        The contract type to decode to.

    Raises
    ------
    BadRequest
        If it is not UTF-8 or not JSON, or a member is repeated.
    Unprocessable
        If a text has a control character or a field violates its schema; ``errors`` names it.
    """
    text = text_of(body)
    try:
        check_members(text)
        try:
            return msgspec.json.decode(text, type=kind, dec_hook=_value_of)
        except msgspec.ValidationError:
            # A syntax error further on takes precedence over an invalid field.
            msgspec.json.decode(text)
            raise
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except msgspec.DecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None


def decode_document(body: bytes) -> Any:
    """Decode a JSON body to plain values, for code that inspects it before it is parsed.

    Parameters
    ----------
    body
        The body's bytes, with or without a byte order mark.

    Raises
    ------
    BadRequest
        If it is not UTF-8 or not JSON, a member is repeated, or it is nested more deeply than
        ``MAX_DEPTH``.
    Unprocessable
        If a text has a control character; ``errors`` names it.
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
    """Convert a decoded document to a contract type, with the same errors as ``parse_body``.

    Parameters
    ----------
    document
        A document as ``decode_document`` returns it.
    kind
        The contract type to convert to.

    Raises
    ------
    Unprocessable
        If a field violates its schema; ``errors`` names it.
    """
    try:
        return msgspec.convert(document, kind, dec_hook=_value_of)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None


def _value_of(kind: type, value: object) -> object:
    """Return a value of a type that msgspec does not know: an email address, or any object."""
    if kind is not EmailAddress:
        return value
    if not isinstance(value, str):
        # worded like msgspec's own messages
        raise TypeError(f"Expected `str`, got `{type(value).__name__}`")
    return email_addresses.normalized(value)


def _invalid(error: msgspec.ValidationError) -> Unprocessable:
    wrong = field_error(error)
    label = label_of(wrong.pointer) or "The body"
    return Unprocessable(f"{label}: {wrong.detail}.", [wrong])


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396, section 2) and return the result.

    Parameters
    ----------
    target
        The document to change; it is not modified.
    patch
        The merge patch.

    Examples
    --------
    >>> merge_patch({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": 3}})
    {'b': {'c': 2, 'd': 3}}
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
