"""Who is asking, as the authorizer found it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from chalicelib.storefront_api.authorizer import Claims
from chassis.problems import Forbidden

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
    return {"sub": claims.sub, "groups": " ".join(claims.groups)}


def caller_of(request_context: Mapping[str, Any]) -> Caller:
    """Return who is asking.

    Parameters
    ----------
    request_context
        Of a request that the authorizer has let through.
    """
    told = request_context["authorizer"]
    return Caller(told["sub"], STAFF in told["groups"].split())
