"""Makes a release gradual: traffic moves from the current version of a function to the new one.

Chalice's template invokes functions by name, which is always their newest code. Here each gets the
alias ``live``, and everything that invokes a function invokes the alias. CodeDeploy moves the alias
from one version to the next: first for part of the traffic, minutes later for the rest, and back to
the previous version if an alarm fires meanwhile.
"""

import copy
import re
from collections.abc import Mapping
from typing import Any

from shopctl.deploying import alarms
from shopctl.project.stages import GradualRelease

ALIAS = "live"
_FUNCTION = "AWS::Serverless::Function"
_INVOCATION = re.compile(r"(?<=/functions/\$\{)(\w+)\.Arn(?=\}/invocations)")
_ERROR_RATE = 0.05
_PERIOD = {"Period": 60, "EvaluationPeriods": 1}


def apply(template: Mapping[str, Any], how: GradualRelease | None) -> dict[str, Any]:
    """Return a packaged template whose functions are invoked by their alias.

    Parameters
    ----------
    template
        Template as Chalice packages it; it is not changed.
    how
        How the alias moves; None moves it at once and needs no CodeDeploy.
    """
    changed = copy.deepcopy(dict(template))
    resources: dict[str, Any] = changed["Resources"]
    functions = [name for name, found in resources.items() if found["Type"] == _FUNCTION]
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::Permission":
            # an API's permission refers to its function, an authorizer's to its function's ARN
            (invoked,) = resource["Properties"]["FunctionName"].values()
            function = invoked if isinstance(invoked, str) else invoked[0]
            resource["Properties"]["FunctionName"] = {"Ref": f"{function}.Alias"}
        elif resource["Type"] == "AWS::Serverless::Api":
            body = resource["Properties"]["DefinitionBody"]
            resource["Properties"]["DefinitionBody"] = _by_alias(body)
    added = _api_alarms(resources) if how else {}
    api_alarms = [{"Ref": name} for name in added]
    for name in functions:
        properties = resources[name]["Properties"]
        # a new version for any new setting; SAM alone compares code, variables and memory
        properties |= {
            "AutoPublishAlias": ALIAS,
            "AutoPublishAliasAllProperties": True,
            # each version is billed for its snapshot, and its code counts towards a quota; a
            # rollback publishes the earlier code again
            "VersionDeletionPolicy": "Delete",
        }
        if how:
            alarm_id = f"{name}NewVersionErrors"
            added[alarm_id] = _function_alarm(name, properties["FunctionName"]["Fn::Sub"])
            properties["DeploymentPreference"] = {
                "Type": how,
                "Alarms": [{"Ref": alarm_id}, *api_alarms],
            }
    resources |= added
    return changed


def _by_alias(value: Any) -> Any:
    """Make an API's integrations and authorizers invoke aliases."""
    if isinstance(value, dict):
        return {key: _by_alias(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_by_alias(child) for child in value]
    if isinstance(value, str):
        return _INVOCATION.sub(rf"\1Alias{ALIAS}", value)
    return value


def _function_alarm(logical_id: str, name: str) -> dict[str, Any]:
    metric = alarms.function_metric(
        {"Ref": logical_id},
        Resource={"Fn::Sub": f"${{{logical_id}}}:{ALIAS}"},
        ExecutedVersion={"Fn::GetAtt": [f"{logical_id}.Version", "Version"]},
    )
    return alarms.alarm(
        f"{name}-new-version-errors",
        f"The new version of {logical_id} fails: its release is rolled back",
        **{**metric, "MetricName": "Errors", "Statistic": "Sum", "Threshold": 0, **_PERIOD},
    )


def _api_alarms(resources: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for logical_id, resource in resources.items():
        if resource["Type"] != "AWS::Serverless::Api":
            continue
        properties = resource["Properties"]
        name = properties["Name"]["Fn::Sub"]
        found[f"{logical_id}ReleaseFaults"] = alarms.alarm(
            f"{name}-release-faults",
            "The API responds with 5xx: the release in progress is rolled back",
            **{
                **alarms.api_metric({"Fn::Sub": name}, properties["StageName"]),
                "MetricName": "5XXError",
                # the average of this metric is the share of responses
                "Statistic": "Average",
                "Threshold": _ERROR_RATE,
                **_PERIOD,
            },
        )
    return found
