"""The users of a new local shop."""

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from shopctl.aws.clients import Cloud

POOL_ID = "us-east-1_ToyshopLo"
PASSWORD = "Toyshop-2026!"  # noqa: S105 - published with the local shop's users
STAFF = "staff"


@dataclass(frozen=True)
class SeedUser:
    """A user of the local shop; `group` is empty for customers."""

    email: str
    name: str
    group: str = ""


@dataclass(frozen=True)
class Credentials:
    """What a user signs in with."""

    email: str
    password: str = field(repr=False)


USERS = (
    SeedUser("alice@example.com", "Alice Archer"),
    SeedUser("bob@example.com", "Bob Brown"),
    SeedUser("staff@example.com", "Sam Staff", STAFF),
)
LOCAL_STAFF = Credentials("staff@example.com", PASSWORD)


def create(cloud: Cloud) -> int:
    """Create the users that do not exist yet.

    Returns
    -------
    int
        The number of users created; 0 if the shop has no user pool.
    """
    cognito = cloud.client("cognito-idp")
    try:
        cognito.describe_user_pool(UserPoolId=POOL_ID)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return 0
        raise
    return sum(_create(cognito, user) for user in USERS)


def _create(cognito: Any, user: SeedUser) -> bool:
    identity = {"UserPoolId": POOL_ID, "Username": user.email}
    try:
        cognito.admin_get_user(**identity)
    except ClientError as error:
        if error.response["Error"]["Code"] != "UserNotFoundException":
            raise
    else:
        return False
    attributes = {"email": user.email, "email_verified": "true", "name": user.name}
    cognito.admin_create_user(
        **identity,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
    )
    cognito.admin_set_user_password(**identity, Password=PASSWORD, Permanent=True)
    if user.group:
        _ensure_group(cognito, user.group)
        cognito.admin_add_user_to_group(**identity, GroupName=user.group)
    return True


def _ensure_group(cognito: Any, group: str) -> None:
    try:
        cognito.get_group(UserPoolId=POOL_ID, GroupName=group)
    except ClientError:
        cognito.create_group(UserPoolId=POOL_ID, GroupName=group)
