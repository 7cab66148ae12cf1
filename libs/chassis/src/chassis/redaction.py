"""What must never be kept or logged: card numbers, tokens, passwords, addresses."""

import re
from typing import Any

import msgspec

# between digits: any space, any dash
_BETWEEN = r" \-\u00a0\u00ad\u2000-\u200a\u2010-\u2015\u202f\u2212\u3000\ufe58\ufe63\uff0d"
_DIGIT_RUN = re.compile(rf"\d(?:[{_BETWEEN}]*\d){{13,}}")
# The lengths are bounded (RFC 5321, 4.5.3.1), since without a bound a long text takes its square.
_EMAIL = re.compile(r"[^\s@<>\"']{1,64}@[^\s@<>\"']{1,255}\.[A-Za-z]{2,}")
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_KEY = re.compile(r"\b(?:sk|rk|whsec)_[A-Za-z0-9_]+|\bpi_[A-Za-z0-9]+_secret_[A-Za-z0-9]+")
_SECRET_NAMES = re.compile(r"(password|token|secret|authorization|api_key|cookie|email)", re.I)
MASK = "***"


def _luhn_holds(digits: str) -> bool:
    """Check the last digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _card_in(run: str) -> bool:
    # A card number may stand beside other digits, so every stretch of whole groups is tried.
    groups = re.findall(r"\d+", run)
    for start in range(len(groups)):
        digits = ""
        for group in groups[start : start + 19]:
            digits += group
            if len(digits) > 19:
                break
            if len(digits) >= 14 and _luhn_holds(digits):
                return True
    return False


def contains_card_number(text: str) -> bool:
    """Tell whether a text holds what looks like a card number.

    That is 14 to 19 digits, spaces or dashes between them, for which the Luhn check holds.
    """
    return any(_card_in(run[0]) for run in _DIGIT_RUN.finditer(text))


def find_card_number(document: Any, pointer: str = "") -> str | None:
    """Return the JSON pointer of the first card number in a decoded document, if there is one."""
    if isinstance(document, dict):
        for name, value in document.items():
            if contains_card_number(str(name)):
                return pointer or "/"
            step = str(name).replace("~", "~0").replace("/", "~1")
            if found := find_card_number(value, f"{pointer}/{step}"):
                return found
    elif isinstance(document, list):
        for index, value in enumerate(document):
            if found := find_card_number(value, f"{pointer}/{index}"):
                return found
    elif isinstance(document, str | int) and contains_card_number(str(document)):
        return pointer or "/"
    return None


def _masked_text(text: str) -> str:
    # Each pattern costs more than a look for what none of its matches is without.
    if "@" in text:
        text = _EMAIL.sub(MASK, text)
    if "eyJ" in text:
        text = _JWT.sub(MASK, text)
    if "_" in text:
        text = _KEY.sub(MASK, text)
    return _DIGIT_RUN.sub(lambda run: MASK if _card_in(run[0]) else run[0], text)


def masked(value: Any, name: str = "") -> Any:
    """Return a copy of a value for the log, with everything secret masked."""
    if name and _SECRET_NAMES.search(name) and value is not None:
        return MASK
    if isinstance(value, dict):
        return {masked(str(key)): masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    if isinstance(value, str):
        return _masked_text(value)
    if isinstance(value, int):
        return MASK if contains_card_number(str(value)) else value
    if value is None or isinstance(value, float):
        return value
    # anything else is masked as what it would be written as: a contract type, a date, an error
    return masked(msgspec.to_builtins(value, enc_hook=str))
