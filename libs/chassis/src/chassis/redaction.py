"""Detection and masking of what must never be logged: card numbers, credentials, addresses."""

import re
from typing import Any

import msgspec

# what may separate digits: any space, any dash
_BETWEEN = r" \-\u00a0\u00ad\u2000-\u200a\u2010-\u2015\u202f\u2212\u3000\ufe58\ufe63\uff0d"
_DIGIT_RUN = re.compile(rf"\d(?:[{_BETWEEN}]*\d){{13,}}")
# The lengths are bounded (RFC 5321, 4.5.3.1): without bounds the time is quadratic in the text.
_EMAIL = r"[^\s@<>\"']{1,64}@[^\s@<>\"']{1,255}\.[A-Za-z]{2,}"
# numbers that card issuers assign, by their first digits and length (ISO/IEC 7812)
_ISSUED = (
    r"4(?:\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3[0689]\d{12,17}|35\d{14,17}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|62\d{14,17}|(?:5018|5020|5038|6304|6759|676[123])\d{10,15}"
)
# Ids that a service creates (chassis.ids, W3C trace contexts, UUIDs): their digits are random.
_ID = (
    r"(?<![A-Za-z0-9])("
    r"[a-z]{3}_[0-7][0-9A-HJKMNP-TV-Z]{25}"
    r"|00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
    r"|[0-9a-f]{32}"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    r")(?![A-Za-z0-9])"
)
_JWT = r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
_KEY = r"\b(?:sk|rk|whsec)_[A-Za-z0-9_]+|\bpi_[A-Za-z0-9]+_secret_[A-Za-z0-9]+"
_SECRET_NAMES = re.compile(r"(password|token|secret|authorization|api_key|cookie|email)", re.I)
MASK = "***"


def _has_luhn_digit(digits: str) -> bool:
    """Return whether the check digit is right (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _contains_card(run: str) -> bool:
    # Other digits may precede or follow a card number, so every run of whole groups is tried.
    groups = re.findall(r"\d+", run)
    for start in range(len(groups)):
        digits = ""
        for group in groups[start : start + 19]:
            digits += group
            if len(digits) > 19:
                break
            if len(digits) >= 14 and _has_luhn_digit(digits):
                return True
    return False


def contains_card_number(text: str) -> bool:
    """Return whether a text contains what looks like a card number.

    That is 14 to 19 digits with a valid Luhn digit, possibly separated by spaces or dashes. The
    digits of ids count as well.

    Examples
    --------
    >>> contains_card_number("4242 4242 4242 4242")
    True
    """
    return any(_contains_card(run[0]) for run in _DIGIT_RUN.finditer(text))


def _is_entered_card_number(text: str) -> bool:
    """Return whether a text that somebody entered contains a card number.

    The digits of an email address are a card number only if they are all that is before the ``@``
    and an issuer may have assigned them: addresses may be made of random numbers.
    """
    if not re.fullmatch(_EMAIL, text):
        return any(map(contains_card_number, re.split(_ID, text)[::2]))
    local = re.sub(rf"[{_BETWEEN}]", "", text.partition("@")[0])
    if not local.isdecimal():
        return False
    digits = "".join(str(int(digit)) for digit in local)  # of any script
    return bool(re.fullmatch(_ISSUED, digits)) and _has_luhn_digit(digits)


def find_card_number(document: Any, pointer: str = "") -> str | None:
    """Return the JSON pointer of the first card number in a document, ``None`` if it has none.

    Ids and email addresses that only happen to contain such digits have none.

    Parameters
    ----------
    document
        A decoded JSON document, or a part of one.
    pointer
        The JSON pointer of that part.
    """
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
    elif _is_entered_card_number(str(document)):
        return pointer or "/"
    return None


def _masked_text(text: str) -> str:
    # Looking for a character that every match contains is faster than the pattern.
    if "@" in text:
        text = re.sub(_EMAIL, MASK, text)
    if "eyJ" in text:
        text = re.sub(_JWT, MASK, text)
    if "_" in text:
        text = re.sub(_KEY, MASK, text)
    if not _DIGIT_RUN.search(text):
        return text
    parts = re.split(_ID, text)
    parts[::2] = [_DIGIT_RUN.sub(_masked_run, part) for part in parts[::2]]
    return "".join(parts)


def _masked_run(run: re.Match[str]) -> str:
    return MASK if _contains_card(run[0]) else run[0]


def masked(value: Any, name: str = "") -> Any:
    """Return a copy of a value in which everything secret is masked.

    Parameters
    ----------
    value
        The value of a log field, of any type.
    name
        The name of the field, which may itself show that the value is secret.
    """
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
    # anything else, such as a contract type, a date or an error, in its JSON representation
    return masked(msgspec.to_builtins(value, enc_hook=str))
