"""The rules for passwords: those of the user pool, checked before it is asked.

The user pool would answer some of them only for addresses that have an account.
"""

import re

from chassis.problems import Unprocessable

MINIMUM_LENGTH = 12
SYMBOLS = "^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+-"
"""What counts as a symbol, besides a space (Cognito Developer Guide, "Password policies")."""
POLICY = (
    f"A password must have at least {MINIMUM_LENGTH} characters, including an upper-case and a "
    "lower-case letter from A to Z, a digit and a symbol such as !"
)
"""The password policy of ``resources.yaml``, for people."""
NO_SPACE_AROUND = "A password must be one line, and neither begin nor end with a space"

_PATTERN = re.compile(r"\S+[^\n\r\x85\u2028\u2029]*\S+", re.ASCII)
"""Cognito's ``^[\\S]+.*[\\S]+$``, a pattern of Java, in which ``.`` is no line separator."""
_REQUIRED = ("[A-Z]", "[a-z]", "[0-9]", f"[ {re.escape(SYMBOLS)}]")


def check(password: str) -> None:
    """Raise unless the user pool accepts a password.

    Raises
    ------
    Unprocessable
        If it does not; ``errors`` names ``/password`` and the text says what is required.
    """
    if len(password) >= MINIMUM_LENGTH and not _PATTERN.fullmatch(password):
        raise Unprocessable.at("/password", NO_SPACE_AROUND)
    if len(password) < MINIMUM_LENGTH or not all(re.search(one, password) for one in _REQUIRED):
        raise Unprocessable.at("/password", POLICY)
