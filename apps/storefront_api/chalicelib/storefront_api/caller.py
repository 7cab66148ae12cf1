"""The caller of a request, as the authorizer identified them."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from chalicelib.storefront_api.authorizer import Claims
from chassis.api import ServiceApp
from chassis.problems import Forbidden, Unauthorized

STAFF = "staff"


class Caller(msgspec.Struct, frozen=True):
    """An authenticated user. Every user is a customer; members of the group ``staff`` are staff."""

    id: str
    is_staff: bool

    def must_be_staff(self) -> None:
        """Raise unless the caller is staff.

        Raises
        ------
        Forbidden
            If the caller is not staff.
        """
        if not self.is_staff:
            raise Forbidden("Only staff may do this.")


def authorizer_context(claims: Claims) -> dict[str, str]:
    """Return the authorizer's context for the API; API Gateway passes on strings only."""
    return {
        "sub": claims.sub,
        "groups": " ".join(claims.groups),
        "expires": str(claims.expires),
    }


def access_token_of(app: ServiceApp) -> str:
    """Return the access token of the current request, which the authorizer has verified."""
    return (app.header("authorization") or "").split()[-1]


def caller_of(request_context: Mapping[str, Any]) -> Caller:
    """Return the caller of a request.

    Parameters
    ----------
    request_context
        The request's context, with the authorizer's context in it.

    Raises
    ------
    Unauthorized
        If the token has expired since the authorizer verified it: API Gateway caches the result.
    """
    context = request_context["authorizer"]
    # a result cached from an earlier release may have no expiry
    if float(context.get("expires", "inf")) <= time.time():
        raise Unauthorized("The access token has expired. Renew the session.")
    return Caller(context["sub"], STAFF in context["groups"].split())
