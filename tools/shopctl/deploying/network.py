"""The network of a stage: which functions run inside it, and what they need for that."""

from collections.abc import Mapping
from typing import Any

from shopctl.deploying.api_policy import as_list
from shopctl.project.stages import Stage

# what `infra/network.yaml` publishes
SUBNETS = "network/subnet-ids"
SECURITY_GROUP = "network/security-group-id"
ENDPOINT = "network/execute-api-endpoint-id"

_INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
# AWS holds these to no resource
_LOOKS = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets")


def is_inside(policy: Mapping[str, Any]) -> bool:
    """Return whether a function runs inside by its policy: those that call private APIs do."""
    return any(
        "execute-api:Invoke" in as_list(statement["Action"]) for statement in policy["Statement"]
    )


def settings(published: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the settings of Chalice that put a function into the network."""
    return {
        "subnet_ids": published[SUBNETS].split(","),
        "security_group_ids": [published[SECURITY_GROUP]],
    }


def statements(stage: Stage, function: str) -> list[dict[str, Any]]:
    """Return what a function's policy says more inside.

    Lambda makes network interfaces in the function's name; its own code may not.
    """
    place = f"{stage.region}:{stage.account}"
    return [
        {
            "Sid": "Interfaces",
            "Effect": "Allow",
            "Action": list(_INTERFACES),
            "Resource": f"arn:aws:ec2:{place}:*/*",
        },
        {"Sid": "Looks", "Effect": "Allow", "Action": list(_LOOKS), "Resource": "*"},
        {
            "Sid": "NotItsCode",
            "Effect": "Deny",
            "Action": [*_INTERFACES, *_LOOKS],
            "Resource": "*",
            "Condition": {
                "ArnEquals": {
                    "lambda:SourceFunctionArn": f"arn:aws:lambda:{place}:function:{function}"
                }
            },
        },
    ]
