"""The resource policy of a private API: which roles may call it.

Within one account an Allow alone rejects nobody, since a caller's own policy is sufficient. So a
Deny rejects every other role.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shopctl.deploying import network
from shopctl.project import aws_names
from shopctl.project.services import Service
from shopctl.project.stages import Stage

_EVERYONE = {"Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}


def of(service: Service, stage: Stage, published: Mapping[str, str]) -> dict[str, Any]:
    """Return the resource policy of a service's API.

    Parameters
    ----------
    published
        Values that the stage's services and infrastructure published.

    Raises
    ------
    ShopProblem
        If the stage has a network, which is not deployed yet.
    """
    policy = resource_policy(calling_roles(service, stage), stage.account)
    if stage.network:
        policy["Statement"].append(only_through(published[network.ENDPOINT]))
    return policy


def calling_roles(service: Service, stage: Stage) -> list[str]:
    """Return the names of the roles that may call a service's API."""
    return [aws_names.role(stage, *caller) for caller in service.callers]


def resource_policy(roles: Iterable[str], account: str, partition: str = "aws") -> dict[str, Any]:
    """Return the resource policy of an API that only some roles may call.

    Parameters
    ----------
    roles
        Names of the roles. They need not exist yet, unlike principals named in a policy.
    account
        Id of the roles' account.
    partition
        AWS partition.
    """
    arns = [f"arn:{partition}:iam::{account}:role/{role}" for role in sorted(roles)]
    # without callers there is no condition: IAM rejects one without a value
    except_callers = {"Condition": {"ArnNotEquals": {"aws:PrincipalArn": arns}}} if arns else {}
    statements = [
        {"Sid": "AllowSignedCalls", "Effect": "Allow", **_EVERYONE},
        {"Sid": "DenyOtherRoles", "Effect": "Deny", **_EVERYONE, **except_callers},
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def only_through(vpc_endpoint: str) -> dict[str, Any]:
    """Return the statement that denies calls through anything but a VPC endpoint."""
    return {
        "Sid": "DenyOtherNetworks",
        "Effect": "Deny",
        **_EVERYONE,
        "Condition": {"StringNotEquals": {"aws:SourceVpce": vpc_endpoint}},
    }
