"""Adds users to the staff of a stage's shop."""

from typing import Any

from botocore.exceptions import ClientError

from shopctl.aws import ssm_parameters
from shopctl.aws.target import Target
from shopctl.project.errors import ShopProblem

GROUP = "staff"
USER_POOL = "storefront-api/user-pool-id"


def add(to: Target, email: str) -> bool:
    """Add a registered user to the group `staff`.

    Users are not created here, because they would get a temporary password, which the storefront's
    sign-in cannot replace.

    Returns
    -------
    bool
        Whether the user was added; False if they were staff already.

    Raises
    ------
    ShopProblem
        If nobody has signed up with this address, or the address is not confirmed.
    """
    pool = ssm_parameters.read(to.cloud)[USER_POOL]
    cognito = to.cloud.client("cognito-idp")
    user = find(cognito, pool, email)
    if user is None:
        raise ShopProblem(
            f"{email} is not a user of the stage {to.stage.name}.",
            f"Sign up in the shop ({to.origin}) first, and confirm the address.",
        )
    if not can_sign_in(user):
        raise ShopProblem(
            f"{email} cannot sign in: the account's status is {user['UserStatus']}.",
            "Confirm the address in the shop first, with the code from the email.",
        )
    name = {"UserPoolId": pool, "Username": user["Username"]}
    groups = cognito.admin_list_groups_for_user(**name)["Groups"]
    if any(group["GroupName"] == GROUP for group in groups):
        return False
    cognito.admin_add_user_to_group(**name, GroupName=GROUP)
    return True


def find(cognito: Any, pool: str, email: str) -> dict[str, Any] | None:
    """Return a user of a pool as Cognito describes them; None if there is none."""
    try:
        user: dict[str, Any] = cognito.admin_get_user(UserPoolId=pool, Username=email)
    except ClientError as error:
        if error.response["Error"]["Code"] == "UserNotFoundException":
            return None
        raise
    return user


def can_sign_in(user: dict[str, Any]) -> bool:
    """Return whether a user has confirmed the address and is enabled."""
    return bool(user["UserStatus"] == "CONFIRMED" and user["Enabled"])
