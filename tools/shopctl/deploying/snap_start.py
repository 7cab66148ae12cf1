"""SnapStart: functions that users wait for start from a snapshot of their process.

Lambda takes the snapshot when a version is published, and restores it instead of importing the
function's modules. ``chassis.startup`` keeps whatever must be unique out of the snapshot.
"""

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from shopctl.project.errors import ShopProblem

PYTHON = (3, 12)
"""The first version of Python that SnapStart supports."""

_FUNCTION = "AWS::Serverless::Function"
# by its ARN, or by its alias
_INVOKED = re.compile(r"/functions/\$\{(\w+?)(?:\.Arn|Aliaslive)\}/invocations")
# "SnapStart does not support provisioned concurrency, Amazon EFS, or ephemeral storage greater than
# 512 MB": https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
_UNSUPPORTED = ("ProvisionedConcurrencyConfig", "FileSystemConfigs")
_STORAGE_MB = 512


def functions(template: Mapping[str, Any]) -> list[str]:
    """Return the logical ids of the functions that an API invokes, its authorizers included.

    Parameters
    ----------
    template
        Template as Chalice packages it, with or without aliases.
    """
    apis = [one for one in template["Resources"].values() if one["Type"] == "AWS::Serverless::Api"]
    return sorted(set(_INVOKED.findall(json.dumps(apis))))


def apply(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template with SnapStart for the functions that an API invokes.

    Parameters
    ----------
    template
        Template whose functions are invoked by their alias; it is not changed.

    Raises
    ------
    ShopProblem
        If a function has a setting that SnapStart does not support.
    """
    changed = copy.deepcopy(dict(template))
    for name in functions(changed):
        properties = changed["Resources"][name]["Properties"]
        _check(name, properties)
        properties["SnapStart"] = {"ApplyOn": "PublishedVersions"}
    return changed


def _check(name: str, properties: Mapping[str, Any]) -> None:
    found = [setting for setting in _UNSUPPORTED if setting in properties]
    if properties.get("EphemeralStorage", {}).get("Size", _STORAGE_MB) > _STORAGE_MB:
        found.append(f"EphemeralStorage above {_STORAGE_MB} MB")
    version = re.fullmatch(r"python(\d+)\.(\d+)", properties["Runtime"])
    if not version or tuple(map(int, version.groups())) < PYTHON:
        found.append(f"the runtime {properties['Runtime']}")
    if found:
        raise ShopProblem(
            f"SnapStart does not support {' and '.join(found)}, which {name} has.",
            "Remove the setting, or snap_start from the stage in stages.toml.",
        )
