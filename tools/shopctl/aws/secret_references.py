"""Resolves references to Secrets Manager, as CloudFormation does."""

import json
import re
from collections.abc import Mapping

from shopctl.aws.clients import Cloud

_SECRET = re.compile(r"\{\{resolve:secretsmanager:([^:}]+):SecretString:([^:}]+)\}\}")


def resolved(cloud: Cloud, variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with the references to secrets replaced by their values."""

    def secret(found: re.Match[str]) -> str:
        stored = cloud.client("secretsmanager").get_secret_value(SecretId=found[1])
        return str(json.loads(stored["SecretString"])[found[2]])

    return {name: _SECRET.sub(secret, value) for name, value in variables.items()}
