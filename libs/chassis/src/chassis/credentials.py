"""AWS credentials and region of the process.

On Lambda and on the local cloud they are in the environment, and reading them there needs nothing
else. Otherwise botocore finds them: in a profile, or at the endpoint of Lambda SnapStart, whose
credentials it renews before they expire.
"""

import os
from typing import NamedTuple

from chassis import aws


class Credentials(NamedTuple):
    """What a request is signed with; ``token`` is ``None`` for credentials that do not expire."""

    access_key: str
    secret_key: str
    token: str | None


def current() -> Credentials | None:
    """Return the credentials that are valid now, or ``None`` if the process has none."""
    variables = os.environ
    access_key = variables.get("AWS_ACCESS_KEY_ID")
    secret_key = variables.get("AWS_SECRET_ACCESS_KEY")
    if access_key and secret_key:
        return Credentials(access_key, secret_key, variables.get("AWS_SESSION_TOKEN") or None)
    found = aws.session().get_credentials()
    if found is None:
        return None
    frozen = found.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


def region() -> str | None:
    """Return the region of the environment or of botocore's profile."""
    return os.environ.get("AWS_DEFAULT_REGION") or aws.session().get_config_variable("region")
