"""IAM roles and their policies."""

from typing import Any

from shopctl.drift.kinds.kind import Facts, Kind, belongs_to_stage, pages, policy
from shopctl.drift.model import ROLE, DeclaredResource, Model


def _roles(model: Model) -> Facts:
    return {declared.name: _role(model, declared) for declared in model.of(ROLE)}


def _role(model: Model, declared: DeclaredResource) -> dict[str, Any]:
    properties = declared.properties
    # Chalice gives a role's policy the name of the role
    by_chalice = model.to.stage.mode == "chalice"
    return {
        "AssumeRolePolicy": policy(properties["AssumeRolePolicyDocument"]),
        "Policies": {
            declared.name if by_chalice else one["PolicyName"]: policy(one["PolicyDocument"])
            for one in properties.get("Policies", [])
        },
        "ManagedPolicies": sorted(map(str, properties.get("ManagedPolicyArns", []))),
        "PermissionsBoundary": properties.get("PermissionsBoundary"),
    }


def _actual_roles(model: Model) -> Facts:
    found = pages(model.to.cloud, "iam", "list_roles", "Roles")
    return {
        role["RoleName"]: _actual_role(model, role)
        for role in found
        if belongs_to_stage(model.to, role["RoleName"])
    }


def _actual_role(model: Model, role: dict[str, Any]) -> dict[str, Any]:
    cloud, name = model.to.cloud, role["RoleName"]
    client = cloud.client("iam")
    inline = pages(cloud, "iam", "list_role_policies", "PolicyNames", RoleName=name)
    attached = pages(cloud, "iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    return {
        "AssumeRolePolicy": policy(role["AssumeRolePolicyDocument"]),
        "Policies": {
            one: policy(client.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"])
            for one in inline
        },
        "ManagedPolicies": sorted(one["PolicyArn"] for one in attached),
        "PermissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
    }


KINDS = (Kind("role", (ROLE,), _roles, _actual_roles, of_release=True),)
