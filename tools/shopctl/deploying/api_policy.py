"""Who may call a private API: the roles of the functions whose service says that it calls it.

`service.toml` names the services that call; of their functions those call whose own policy lets
them. From both the API's resource policy is made. In one account an Allow alone refuses nobody,
since a caller's own policy is enough: what refuses is a Deny of every other role.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shopctl.aws.clients import LOCAL_ACCOUNT
from shopctl.project import services
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

_EVERYONE = {"Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}


def policies(app: Path, stage: str) -> dict[str, dict[str, Any]]:
    """Return the policy of each function of an app, by its role's name.

    Raises
    ------
    ShopProblem
        If a file is missing or is not JSON.
    """
    directory = app / ".chalice"
    section = _json(directory / "config.json").get("stages", {}).get(stage, {})
    return {
        role_name(app.name, function, stage): _json(directory / settings["iam_policy_file"])
        for function, settings in section.get("lambda_functions", {}).items()
    }


def role_name(service: str, function: str, stage: str) -> str:
    """Return the name of a function's role, which is the function's name too."""
    return f"toyshop-{stage}-{service}-{function}".replace("_", "-")


def calling_roles(apps: Path, stage: str) -> dict[str, list[str]]:
    """Return which roles call each service's API.

    Parameters
    ----------
    apps
        The directory of the apps.
    stage
        A stage of their configurations.

    Returns
    -------
    dict
        Sorted names of roles, by the name of the service that they call.

    Raises
    ------
    ShopProblem
        If a service calls another by its manifest and no function of it may, or the other way.
    """
    manifests = services.read(apps)
    roles: dict[str, list[str]] = {name: [] for name in manifests}
    for caller, manifest in manifests.items():
        called = [
            (name, role)
            for role, policy in policies(apps / caller, stage).items()
            for name in manifests
            if _invokes(policy, role_name(name, "", stage).rstrip("-"))
        ]
        if differing := sorted({name for name, _ in called} ^ set(manifest.calls)):
            raise ShopProblem(
                f"The manifest and the policies of {caller} differ in whether it calls"
                f" {', '.join(differing)}.",
                f"Make [calls] of apps/{caller}/service.toml and execute-api:Invoke in"
                f" apps/{caller}/.chalice say the same.",
            )
        for name, role in called:
            roles[name].append(role)
    return {name: sorted(found) for name, found in roles.items()}


def resource_policy(roles: Iterable[str], account: str, partition: str = "aws") -> dict[str, Any]:
    """Return the resource policy of an API that only some roles may call.

    Parameters
    ----------
    roles
        Names of the roles; they need not exist yet, which named principals would have to.
    account
        The account that they are in.
    partition
        Of AWS.
    """
    arns = [f"arn:{partition}:iam::{account}:role/{role}" for role in sorted(roles)]
    # nobody calls: a condition without a value would be refused
    but_these = {"Condition": {"ArnNotEquals": {"aws:PrincipalArn": arns}}} if arns else {}
    statements = [
        {"Sid": "SignedCallers", "Effect": "Allow", **_EVERYONE},
        {"Sid": "NobodyButTheCallers", "Effect": "Deny", **_EVERYONE, **but_these},
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def no_other_way_in(vpc_endpoint: str) -> dict[str, Any]:
    """Return the statement of such a policy that calls come through a VPC endpoint only."""
    return {
        "Sid": "NoOtherWayIn",
        "Effect": "Deny",
        **_EVERYONE,
        "Condition": {"StringNotEquals": {"aws:SourceVpce": vpc_endpoint}},
    }


def policy_files(apps: Path, stage: str, account: str) -> dict[Path, str]:
    """Return what the file of each private API's policy of a stage must hold."""
    manifests, roles = services.read(apps), calling_roles(apps, stage)
    return {
        apps / name / ".chalice" / f"callers-{stage}.json": json.dumps(
            resource_policy(roles[name], account), indent=2
        )
        + "\n"
        for name, manifest in manifests.items()
        if manifest.visibility == "private"
    }


def main() -> int:
    """Write the policies of the stage `local`."""
    for path, content in policy_files(Layout.find().apps, "local", LOCAL_ACCOUNT).items():
        path.write_text(content)
    return 0


def _invokes(policy: Mapping[str, Any], api: str) -> bool:
    return any(
        f":{api}/" in resource
        for statement in policy["Statement"]
        if "execute-api:Invoke" in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    )


def as_list(value: str | list[str]) -> list[str]:
    """Return a policy's element as a list; one value may stand alone."""
    return [value] if isinstance(value, str) else value


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise ShopProblem(f"{path} is missing.", "Write it, or correct config.json.") from None
    except json.JSONDecodeError as error:
        raise ShopProblem(f"{path} is not valid JSON: {error}.", "Correct it.") from None


if __name__ == "__main__":
    sys.exit(main())
