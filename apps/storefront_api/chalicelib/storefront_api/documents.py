"""What clients send, looked at before anything else is done with it."""

import re
from typing import Any

from chassis.problems import NotFound, Unprocessable
from chassis.redaction import find_card_number

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def refuse_card_numbers(document: Any) -> None:
    """Raise if there is what looks like a card number in a document, without repeating it.

    Raises
    ------
    Unprocessable
        If there is; ``errors`` names the field.
    """
    if pointer := find_card_number(document):
        raise Unprocessable.at(
            pointer,
            "This looks like a card number. Never send one to this shop: "
            "send the payment gateway's token",
        )


def known_id(value: str, what: str) -> str:
    """Return an id from a path that could be one.

    Raises
    ------
    NotFound
        If nothing of this shop can have it.
    """
    if not _ID.fullmatch(value):
        raise NotFound(f"There is no such {what}.")
    return value
