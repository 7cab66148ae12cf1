"""Checks of JSON texts that msgspec does not make: repeated members and control characters."""

import re
from collections.abc import Iterator
from json import JSONDecoder
from typing import Any

from chassis.problems import BadRequest, Unprocessable

NO_CONTROL = "Must not contain control characters"

# The control characters of Unicode, without tab, line feed and carriage return: a text of several
# lines contains these.
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
# in a JSON text, those below U+0020 are always escaped
_ESCAPED_CONTROL = r"\\(?:[bf]|u00(?:0[0-8bBcCeEfF]|1|7[fF]|[89]))"
_DELETE_OR_C1 = r"[\x7f-\x9f]"

_Place = tuple[Any, str] | None
"""A place in a document: the place of its parent, and its name or index there."""


class _RepeatedMemberError(Exception):
    """An object has two members of one name."""


class _Members(list[tuple[str, Any]]):
    """All members of an object."""


def _check_names(members: list[tuple[str, Any]]) -> None:
    if len(dict(members)) != len(members):
        raise _RepeatedMemberError


# msgspec keeps the last of repeated members. This decoder reads their names only, converts no
# number, and takes as long as msgspec takes for the same text and a contract type.
_NAMES = JSONDecoder(object_pairs_hook=_check_names, parse_int=str, parse_float=str)
_MEMBERS = JSONDecoder(object_pairs_hook=_Members, parse_int=str, parse_float=str)


def text_of(body: bytes) -> str:
    """Return the text of a JSON body, without a byte order mark.

    Parameters
    ----------
    body
        The body's bytes.

    Raises
    ------
    BadRequest
        If they are not UTF-8.
    """
    try:
        return body.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise BadRequest("The body is not valid UTF-8.") from None


def contains_control(text: str) -> bool:
    r"""Return whether a text contains a control character that no field accepts.

    Tab, line feed and carriage return are none of these: a field of one line refuses them by its
    pattern, and a description of several lines accepts them.

    Examples
    --------
    >>> contains_control("two\nlines"), contains_control("\x00")
    (False, True)
    """
    return not text.isprintable() and re.search(_CONTROL, text) is not None


def check_members(text: str) -> None:
    """Check that no object has repeated members, and that no text has control characters.

    A text that is not JSON passes, because the decoder describes what is wrong with it.

    Parameters
    ----------
    text
        A JSON text.

    Raises
    ------
    BadRequest
        If an object has two members of one name; ``errors`` names them.
    Unprocessable
        If a text or a name contains a control character; ``errors`` names the field.
    RecursionError
        If it is nested too deeply.
    """
    try:
        _NAMES.decode(text)
    except _RepeatedMemberError:
        if (pointer := _repeated(text)) is not None:
            raise BadRequest.at(pointer, "Must not be repeated", "repeated") from None
        return
    except ValueError:
        return
    if _may_have_control(text) and (pointer := _with_control(text)) is not None:
        raise Unprocessable.at(pointer, NO_CONTROL, "control_character")


def _may_have_control(text: str) -> bool:
    """Return quickly whether a JSON text may have a control character in one of its texts."""
    escaped = "\\" in text and re.search(_ESCAPED_CONTROL, text) is not None
    return escaped or (
        ("\x7f" in text or not text.isascii()) and re.search(_DELETE_OR_C1, text) is not None
    )


def _repeated(text: str) -> str | None:
    """Return the pointer of the first repeated member; ``None`` if the text is not JSON."""
    try:
        document = _MEMBERS.decode(text)
    except ValueError:
        return None
    for place, node in _nodes(document):
        if isinstance(node, _Members):
            names: set[str] = set()
            for name, _ in node:
                if name in names:
                    return _pointer((place, name))
                names.add(name)
    return None


def _with_control(text: str) -> str | None:
    """Return the pointer of the first text, or of the parent of the first name, with a control."""
    for place, node in _nodes(_MEMBERS.decode(text)):
        texts = [name for name, _ in node] if isinstance(node, _Members) else [node]
        if any(isinstance(text, str) and contains_control(text) for text in texts):
            return _pointer(place)
    return None


def _nodes(document: Any) -> Iterator[tuple[_Place, Any]]:
    """Yield every part of a document and its place, in the order of the text."""
    pending: list[tuple[_Place, Any]] = [(None, document)]
    while pending:
        place, node = pending.pop()
        yield place, node
        children: list[tuple[_Place, Any]] = []
        if isinstance(node, _Members):
            children = [((place, name), value) for name, value in node]
        elif isinstance(node, list):
            children = [((place, str(index)), value) for index, value in enumerate(node)]
        pending += reversed(children)


def _pointer(place: _Place) -> str:
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(step.replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in reversed(steps))
