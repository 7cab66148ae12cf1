"""The user pool of a stage."""

from shopctl.aws import ssm_parameters
from shopctl.aws.target import Target
from shopctl.operating.staff import USER_POOL


class NotDeployedError(Exception):
    """The storefront, which has the user pool, is not deployed."""


def of(to: Target) -> str:
    """Return the pool's id.

    Raises
    ------
    NotDeployedError
        If the storefront's resources are not deployed.
    """
    found = ssm_parameters.read(to.cloud).get(USER_POOL)
    if found is None:
        raise NotDeployedError
    return found
