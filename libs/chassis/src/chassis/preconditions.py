"""Preconditions: a caller changes the version of an entity that it has read, and no other.

``ETag`` carries the version of an entity, ``If-Match`` the versions that a caller may change, and
``If-None-Match`` the versions that it has (RFC 9110, 8.8.3 and 13.1).
"""

import re

import msgspec

from chassis.problems import BadRequest, PreconditionFailed, PreconditionRequired

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_STRONG_ETAG = r'"(0|[1-9][0-9]{0,17})"'


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


def _tags(value: str) -> list[str] | None:
    """Return the ETags of a list; ``None`` if it is malformed or has none."""
    before, *between = re.split(_TAG, value)
    after = between.pop() if between else '"'
    # a list may have empty elements (RFC 9110, 5.6.1.2)
    if "".join((before, *between, after)).strip(" \t,") or not all("," in gap for gap in between):
        return None
    return re.findall(_TAG, value)


def has_version(if_none_match: str, version: int) -> bool:
    """Return whether a client has a version of an entity, by weak comparison.

    A malformed header names no version, so that the client gets the entity.

    Parameters
    ----------
    if_none_match
        The value of ``If-None-Match``.
    version
        The entity's version now.

    Examples
    --------
    >>> has_version('"2", W/"3"', 3), has_version("*", 3), has_version('"2"', 3)
    (True, True, False)
    """
    if if_none_match.strip() == "*":
        return True
    return etag(version) in {tag.removeprefix("W/") for tag in _tags(if_none_match) or ()}


class Precondition(msgspec.Struct, frozen=True):
    """The versions that an entity may have for a change to be applied.

    Attributes
    ----------
    versions
        The versions that the caller has named; ``None`` if it accepts any.
    """

    versions: frozenset[int] | None

    @classmethod
    def from_header(cls, value: str | None) -> "Precondition":
        """Return the precondition of an ``If-Match`` header.

        Tags are compared strongly: a weak one, or one that this API does not issue, matches none.

        Parameters
        ----------
        value
            The header's value, several headers joined by commas; ``None`` if there is none.

        Raises
        ------
        PreconditionRequired
            If there is no header.
        BadRequest
            If it is neither ``*`` nor a list of ETags.
        """
        if value is None:
            raise PreconditionRequired(
                'Send If-Match with the ETag of the version that you read, such as "3".'
            )
        if value.strip() == "*":
            return cls(None)
        tags = _tags(value)
        if tags is None:
            raise BadRequest(
                'If-Match must be an ETag as you received it, such as "3", a list of them, or *.'
            )
        strong = (re.fullmatch(_STRONG_ETAG, tag) for tag in tags)
        return cls(frozenset(int(match[1]) for match in strong if match))

    def check(self, current_version: int) -> None:
        """Compare with the version that the entity has now.

        Parameters
        ----------
        current_version
            The entity's version now.

        Raises
        ------
        PreconditionFailed
            If it is not one of these.
        """
        if self.versions is not None and current_version not in self.versions:
            raise stale(current_version)

    def headers(self) -> dict[str, str]:
        """Return the header that passes the precondition on to another service."""
        if self.versions is None:
            return {"If-Match": "*"}
        # an empty tag is one that no version has
        return {"If-Match": ", ".join(map(etag, sorted(self.versions))) or '""'}
