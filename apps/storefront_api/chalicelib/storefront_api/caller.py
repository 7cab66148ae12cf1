"""Who is asking, as the authorizer found it."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from chalicelib.storefront_api.authorizer import Claims
from chassis.problems import Forbidden, Unauthorized

STAFF = "staff"


class Caller(msgspec.Struct, frozen=True):
    """Someone who is signed in. Everyone is a customer; those of the group ``staff`` are staff."""

    id: str
    is_staff: bool

    def must_be_staff(self) -> None:
        """Raise unless this is staff.

        Raises
        ------
        Forbidden
            If it is not.
        """
        if not self.is_staff:
            raise Forbidden("Only staff may do this.")


def authorizer_context(claims: Claims) -> dict[str, str]:
    """Return what the authorizer hands on; as texts: API Gateway carries nothing else."""
    return {
        "sub": claims.sub,
        "groups": " ".join(claims.groups),
        "expires": str(claims.expires),
    }


def caller_of(request_context: Mapping[str, Any]) -> Caller:
    """Return who is asking.

    Parameters
    ----------
    request_context
        Of a request that the authorizer has let through.

    Raises
    ------
    Unauthorized
        If the token has expired since: the gateway keeps the authorizer's answer for a while.
    """
    told = request_context["authorizer"]
    # an answer that is kept from before a release may not say it yet
    if float(told.get("expires", "inf")) <= time.time():
        raise Unauthorized("The access token has expired. Renew the session.")
    return Caller(told["sub"], STAFF in told["groups"].split())
