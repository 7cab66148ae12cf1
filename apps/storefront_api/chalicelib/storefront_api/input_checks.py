"""Checks of client input that come before it is parsed or used."""

import re
from typing import Any

from chassis.problems import NotFound, Unprocessable
from chassis.redaction import find_card_number

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def refuse_card_numbers(document: Any) -> None:
    """Raise if a document contains what looks like a card number; the error does not repeat it.

    Raises
    ------
    Unprocessable
        If it does; ``errors`` names the field.
    """
    if pointer := find_card_number(document):
        raise Unprocessable.at(
            pointer,
            "This looks like a card number. Enter one only where you choose how to pay",
            "card_number",
        )


def valid_id(value: str, what: str) -> str:
    """Return an id from a path if it has the format of the shop's ids.

    Parameters
    ----------
    value
        The id.
    what
        The kind of thing that it identifies, for the error message.

    Raises
    ------
    NotFound
        If it has another format, so that nothing can have this id.
    """
    if not _ID.fullmatch(value):
        raise NotFound(f"There is no such {what}.")
    return value
