"""Cognito's lock-out after failed sign-ins, which ministack lacks.

Source: Amazon Cognito Developer Guide, "Lockout behavior for failed sign-in attempts": after five
failures a user is locked out for a second, and with each further failure for twice as long, up to
about 15 minutes. Attempts during a lock-out do not count. A success, or 15 minutes without an
attempt, ends it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_FREE_FAILURES = 5
_LONGEST = 900.0
_MOST_USERS = 10_000
_BY_PASSWORD = ("USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH")
# a user who does not exist is locked out as well, so that nobody learns which addresses exist
_FAILURES = (b"NotAuthorizedException", b"UserNotFoundException")


@dataclass
class _Attempts:
    failures: int = 0
    last: float = 0.0
    locked_until: float = 0.0


class LockOut:
    """Counts the failed sign-ins of each user.

    Parameters
    ----------
    clock
        Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._users: OrderedDict[str, _Attempts] = OrderedDict()

    def is_locked(self, user: str) -> bool:
        """Return whether a user is locked out."""
        attempts, now = self._users.get(user), self._clock()
        if attempts is not None and now - max(attempts.last, attempts.locked_until) >= _LONGEST:
            del self._users[user]
            return False
        return attempts is not None and now < attempts.locked_until

    def failed(self, user: str) -> None:
        """Count a failure; the oldest users are forgotten if there are too many."""
        attempts = self._users.setdefault(user, _Attempts())
        self._users.move_to_end(user)
        attempts.failures += 1
        attempts.last = self._clock()
        beyond = attempts.failures - _FREE_FAILURES
        if beyond >= 0:
            attempts.locked_until = attempts.last + min(2.0 ** min(beyond, 10), _LONGEST)
        if len(self._users) > _MOST_USERS:
            self._users.popitem(last=False)

    def succeeded(self, user: str) -> None:
        """Forget the failures of a user."""
        self._users.pop(user, None)


def install() -> None:
    """Patch the sign-in of ministack's user pools."""
    from ministack.core.responses import error_response_json
    from ministack.services import cognito

    lock_out = LockOut()

    def limited(sign_in: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        def sign_in_unless_locked(data: dict[str, Any]) -> Any:
            name = (data.get("AuthParameters") or {}).get("USERNAME")
            if data.get("AuthFlow") not in _BY_PASSWORD or not isinstance(name, str):
                return sign_in(data)
            user = f"{data.get('ClientId')} {name.lower()}"
            if lock_out.is_locked(user):
                return error_response_json(
                    "NotAuthorizedException", "Password attempts exceeded", 400
                )
            response = sign_in(data)
            if response[0] == 200:
                lock_out.succeeded(user)
            elif any(failure in response[2] for failure in _FAILURES):
                lock_out.failed(user)
            return response

        return sign_in_unless_locked

    cognito._initiate_auth = limited(cognito._initiate_auth)
    cognito._admin_initiate_auth = limited(cognito._admin_initiate_auth)
