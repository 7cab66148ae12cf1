"""Preconditions: a caller changes the version of an entity that it has read, and no other.

``ETag`` carries the version of an entity and ``If-Match`` the version that a caller requires
(RFC 9110, 8.8.3 and 13.1.1).
"""

import re

import msgspec

from chassis.problems import BadRequest, PreconditionFailed, PreconditionRequired

_STRONG_ETAG = re.compile(r'^"([0-9]{1,15})"$')


def etag(version: int) -> str:
    """Return the ETag of a version.

    Examples
    --------
    >>> etag(3)
    '"3"'
    """
    return f'"{version}"'


def stale(current_version: int) -> PreconditionFailed:
    """Return the error for a caller that would overwrite a change that it has not seen.

    Parameters
    ----------
    current_version
        The entity's version now.
    """
    return PreconditionFailed(
        f"This has changed since you read it; its ETag is now {etag(current_version)}."
        " Read it again, then send your change with the new ETag."
    )


class Precondition(msgspec.Struct, frozen=True):
    """The version that an entity must have for a change to be applied.

    Attributes
    ----------
    version
        The version that the caller has read.
    """

    version: int

    @classmethod
    def from_header(cls, value: str | None) -> "Precondition":
        """Return the precondition of an ``If-Match`` header.

        Parameters
        ----------
        value
            The header's value; ``None`` if the request has no such header.

        Raises
        ------
        PreconditionRequired
            If there is no header.
        BadRequest
            If it is not a single strong ETag of this API.
        """
        if value is None:
            raise PreconditionRequired(
                'Send If-Match with the ETag of the version that you read, such as "3".'
            )
        match = _STRONG_ETAG.match(value.strip())
        if not match:
            raise BadRequest('If-Match must be a single ETag as you received it, such as "3".')
        return cls(int(match[1]))

    def check(self, current_version: int) -> None:
        """Compare with the version that the entity has now.

        Parameters
        ----------
        current_version
            The entity's version now.

        Raises
        ------
        PreconditionFailed
            If the entity has changed since the caller read it.
        """
        if self.version != current_version:
            raise stale(current_version)

    def headers(self) -> dict[str, str]:
        """Return the header that passes the precondition on to another service."""
        return {"If-Match": etag(self.version)}
