"""Cognito's rules for passwords, which ministack knows in part.

Sources: Amazon Cognito Developer Guide, "Password policies"; the API's pattern of a password,
``^[\\S]+.*[\\S]+$``.
"""

import re
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import cognito

_LONGEST = 256
# a pattern of Java: `\S` is all but ASCII white space, `.` is all but line separators
_PATTERN = re.compile(r"\S+[^\n\r\x85\u2028\u2029]*\S+", re.ASCII)
_SYMBOLS = "^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+- "
_KINDS = (
    ("RequireUppercase", "uppercase", "[A-Z]"),
    ("RequireLowercase", "lowercase", "[a-z]"),
    ("RequireNumbers", "numeric", "[0-9]"),
    ("RequireSymbols", "symbol", f"[{re.escape(_SYMBOLS)}]"),
)


def install() -> None:
    """Refuse the passwords that Cognito refuses.

    ministack lets letters and digits of all scripts meet a policy, and accepts spaces at the ends.
    """

    def policy_errors(pool: dict[str, Any], password: str) -> list[str]:
        policy = pool.get("Policies", {}).get("PasswordPolicy", {})
        shortest = policy.get("MinimumLength", 8)
        errors = [
            f"Password must have {name} characters"
            for setting, name, pattern in _KINDS
            if policy.get(setting, True) and not re.search(pattern, password)
        ]
        if len(password) < shortest:
            errors.insert(0, f"Password must have length greater than or equal to {shortest}")
        return errors

    validate = cognito._validate_password

    def checked(pool: dict[str, Any], password: str) -> Any:
        if len(password) > _LONGEST or not _PATTERN.fullmatch(password):
            return error_response_json(
                "InvalidParameterException",
                "1 validation error detected: Value at 'password' failed to satisfy constraint: "
                r"Member must satisfy regular expression pattern: ^[\S]+.*[\S]+$",
                400,
            )
        return validate(pool, password)

    cognito._password_policy_errors, cognito._validate_password = policy_errors, checked
