"""The VPC of a stage: which functions run inside it, and the permissions that they need there."""

from collections.abc import Mapping
from typing import Any

from shopctl.project.manifest import Function
from shopctl.project.stages import Stage

# published by `infra/network.yaml`
SUBNETS = "network/subnet-ids"
SECURITY_GROUP = "network/security-group-id"
ENDPOINT = "network/execute-api-endpoint-id"

_MANAGE_INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
# AWS does not restrict these to a resource
_DESCRIBE = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets")


def is_inside(function: Function) -> bool:
    """Return whether a function runs inside the VPC: those that call private APIs do."""
    return bool(function.calls)


def settings(published: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the settings of Chalice that put a function into the VPC.

    Raises
    ------
    ShopProblem
        If the network is not deployed yet.
    """
    return {
        "subnet_ids": published[SUBNETS].split(","),
        "security_group_ids": [published[SECURITY_GROUP]],
    }


def statements(stage: Stage, function: str) -> list[dict[str, Any]]:
    """Return the policy statements that a function needs inside the VPC.

    Lambda creates network interfaces with the function's role; the function's own code may not.

    Parameters
    ----------
    function
        Name of the Lambda function.
    """
    place = f"{stage.region}:{stage.account}"
    return [
        {
            "Sid": "ManageInterfaces",
            "Effect": "Allow",
            "Action": list(_MANAGE_INTERFACES),
            "Resource": f"arn:aws:ec2:{place}:*/*",
        },
        {"Sid": "DescribeNetwork", "Effect": "Allow", "Action": list(_DESCRIBE), "Resource": "*"},
        {
            "Sid": "DenyFunctionCode",
            "Effect": "Deny",
            "Action": [*_MANAGE_INTERFACES, *_DESCRIBE],
            "Resource": "*",
            "Condition": {
                "ArnEquals": {
                    "lambda:SourceFunctionArn": f"arn:aws:lambda:{place}:function:{function}"
                }
            },
        },
    ]
