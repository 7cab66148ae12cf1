"""The user pool of a stage."""

from shopctl.aws import ssm_parameters
from shopctl.aws.target import Target
from shopctl.operating.staff import USER_POOL


def of(to: Target) -> str:
    """Return the pool's id.

    Raises
    ------
    ShopProblem
        If the storefront's resources are not deployed.
    """
    return ssm_parameters.read(to.cloud)[USER_POOL]
