"""The staff of a stage's shop."""

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
    if is_staff(cognito, name):
        return False
    cognito.admin_add_user_to_group(**name, GroupName=GROUP)
    return True


def remove(to: Target, email: str) -> bool:
    """Remove a user from the group `staff`, and sign them out everywhere.

    Signing out revokes the refresh tokens. An access token keeps its rights until it expires.

    Returns
    -------
    bool
        Whether the user was removed; False if they were not staff.

    Raises
    ------
    ShopProblem
        If nobody has signed up with this address.
    """
    pool = ssm_parameters.read(to.cloud)[USER_POOL]
    cognito = to.cloud.client("cognito-idp")
    user = find(cognito, pool, email)
    if user is None:
        raise ShopProblem(
            f"{email} is not a user of the stage {to.stage.name}.",
            f"./shop staff list --stage {to.stage.name} prints the addresses of its staff.",
        )
    name = {"UserPoolId": pool, "Username": user["Username"]}
    removed = is_staff(cognito, name)
    if removed:
        cognito.admin_remove_user_from_group(**name, GroupName=GROUP)
    # also after an interruption between the two
    cognito.admin_user_global_sign_out(**name)
    return removed


def members(cognito: Any, pool: str) -> list[dict[str, Any]]:
    """Return the staff users of a pool as Cognito describes them."""
    pages = cognito.get_paginator("list_users_in_group")
    return [
        user for page in pages.paginate(UserPoolId=pool, GroupName=GROUP) for user in page["Users"]
    ]


def addresses(to: Target) -> list[tuple[str, bool]]:
    """Return the email addresses of the staff in order, and whether each can sign in."""
    pool = ssm_parameters.read(to.cloud)[USER_POOL]
    return sorted(
        (_email_of(user), can_sign_in(user))
        for user in members(to.cloud.client("cognito-idp"), pool)
    )


def _email_of(user: dict[str, Any]) -> str:
    attributes = {one["Name"]: one["Value"] for one in user["Attributes"]}
    return str(attributes.get("email", user["Username"]))


def is_staff(cognito: Any, name: dict[str, Any]) -> bool:
    """Return whether a user is in the group `staff`.

    Parameters
    ----------
    name
        ``UserPoolId`` and ``Username``.
    """
    groups = cognito.admin_list_groups_for_user(**name)["Groups"]
    return any(group["GroupName"] == GROUP for group in groups)


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
