"""The committed policies of the functions, as IAM reads them."""

import json
from typing import Any

from support.paths import APPS


def local_policies(service: str) -> dict[str, dict[str, Any]]:
    """Return the policy of each function of a service in the stage `local`, by role name."""
    directory = APPS / service / ".chalice"
    config = json.loads((directory / "config.json").read_text())
    return {
        local_role(service, function): json.loads(
            (directory / settings["iam_policy_file"]).read_text()
        )
        for function, settings in config["stages"]["local"]["lambda_functions"].items()
    }


def local_role(service: str, function: str) -> str:
    """Return the name of a function's role in the stage `local`."""
    return f"toyshop-local-{service}-{function}".replace("_", "-")


def as_list(value: str | list[str]) -> list[str]:
    """Return an element of a policy as a list; IAM also accepts a single string."""
    return [value] if isinstance(value, str) else value
