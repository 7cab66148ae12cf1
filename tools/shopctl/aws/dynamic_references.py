"""Dynamic references of templates: ``{{resolve:ssm:…}}`` and ``{{resolve:secretsmanager:…}}``.

CloudFormation does not notice that the value behind a reference has changed: it resolves an SSM
parameter again only in an update with another template, and a secret only in an update of its
resource. The references of a template are therefore pinned before it is sent: see ADR 0033.
"""

import functools
import json
import re
from collections.abc import Mapping, Sequence

from botocore.exceptions import ClientError

from shopctl.aws.clients import Cloud

_REFERENCE = re.compile(r"\{\{resolve:(ssm|secretsmanager):((?:\$\{[^}]*\}|[^}])+)\}\}")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
# the id or ARN of a secret, and a key of its JSON; not one with a version
_SECRET = re.compile(r"((?:arn:(?:[^:]*:){5})?[^:]+)(?::SecretString(?::([^:]*))?)?:*")
# names per call of GetParameters
_MAX_NAMES = 10


def pinned(cloud: Cloud, body: str, parameters: Sequence[Mapping[str, str]]) -> str:
    """Return a template whose text changes when a parameter or secret behind a reference changes.

    A reference to an SSM parameter becomes its value. A reference to a secret gets the id of its
    current version; its value is not read. A reference to something that does not exist, or whose
    name only the stack knows, stays as it is: CloudFormation resolves it or refuses the template.

    Parameters
    ----------
    body
        The template as JSON.
    parameters
        Values of the parameters that the template declares.
    """
    values = {one["ParameterKey"]: one["ParameterValue"] for one in parameters}
    kinds: dict[str, dict[str, str]] = {"ssm": {}, "secretsmanager": {}}
    for found in _REFERENCE.finditer(body):
        target = _VARIABLE.sub(lambda name: values.get(name[1], name[0]), found[2])
        if "${" not in target:
            kinds[found[1]][found.group()] = target
    replaced = _parameters(cloud, kinds["ssm"]) | _secrets(cloud, kinds["secretsmanager"])
    return _REFERENCE.sub(lambda found: replaced.get(found.group(), found.group()), body)


def resolved(cloud: Cloud, variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with the references to secrets replaced by their present values."""

    @functools.cache
    def read(secret: str) -> str:
        found = cloud.client("secretsmanager").get_secret_value(SecretId=secret)
        return str(found["SecretString"])

    def value(found: re.Match[str]) -> str:
        secret = _SECRET.fullmatch(found[2]) if found[1] == "secretsmanager" else None
        if secret is None:
            return found.group()
        content = read(secret[1])
        return str(json.loads(content)[secret[2]]) if secret[2] else content

    return {name: _REFERENCE.sub(value, text) for name, text in variables.items()}


def _parameters(cloud: Cloud, targets: Mapping[str, str]) -> dict[str, str]:
    """Return the values of SSM parameters, escaped for JSON, by the reference to each."""
    # a name with a colon has a version
    names = sorted({name for name in targets.values() if ":" not in name})
    values: dict[str, str] = {}
    for start in range(0, len(names), _MAX_NAMES):
        answer = cloud.client("ssm").get_parameters(Names=names[start : start + _MAX_NAMES])
        # CloudFormation does not resolve an encrypted parameter in such a reference
        values |= {
            found["Name"]: json.dumps(found["Value"])[1:-1]
            for found in answer["Parameters"]
            if found["Type"] != "SecureString"
        }
    return {text: values[name] for text, name in targets.items() if name in values}


def _secrets(cloud: Cloud, targets: Mapping[str, str]) -> dict[str, str]:
    """Return references with the secrets' current versions, by the reference without a version."""
    parts = {text: found for text, name in targets.items() if (found := _SECRET.fullmatch(name))}
    versions = {
        secret: _current_version(cloud, secret) for secret in {p[1] for p in parts.values()}
    }
    return {
        text: f"{{{{resolve:secretsmanager:{found[1]}:SecretString:{found[2] or ''}::{version}}}}}"
        for text, found in parts.items()
        if (version := versions[found[1]])
    }


def _current_version(cloud: Cloud, secret: str) -> str:
    """Return the id of a secret's current version; empty if there is none."""
    client = cloud.client("secretsmanager")
    try:
        stages = client.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return ""
        raise
    return next((str(version) for version, names in stages.items() if "AWSCURRENT" in names), "")
