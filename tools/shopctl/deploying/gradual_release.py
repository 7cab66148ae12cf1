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

from shopctl.deploying.alarms.resources import Window, described, metric_alarm, resource
from shopctl.deploying.metrics import Metric
from shopctl.project.stages import GradualRelease

ALIAS = "live"
_FUNCTION = "AWS::Serverless::Function"
_INVOCATION = re.compile(r"(?<=/functions/\$\{)(\w+)\.Arn(?=\}/invocations)")
_ERROR_RATE = 0.05
_WINDOW = Window(60)


def apply(
    template: Mapping[str, Any], how: GradualRelease | None, runbooks: str = "docs/runbooks"
) -> dict[str, Any]:
    """Return a packaged template whose functions are invoked by their alias.

    Parameters
    ----------
    template
        Template as Chalice packages it; it is not changed.
    how
        How the alias moves; None moves it at once and needs no CodeDeploy.
    runbooks
        URL of `docs/runbooks`, which the descriptions of alarms link to.
    """
    changed = copy.deepcopy(dict(template))
    resources: dict[str, Any] = changed["Resources"]
    functions = [name for name, found in resources.items() if found["Type"] == _FUNCTION]
    for each in resources.values():
        if each["Type"] == "AWS::Lambda::Permission":
            # an API's permission refers to its function, an authorizer's to its function's ARN
            (invoked,) = each["Properties"]["FunctionName"].values()
            function = invoked if isinstance(invoked, str) else invoked[0]
            each["Properties"]["FunctionName"] = {"Ref": f"{function}.Alias"}
        elif each["Type"] == "AWS::Serverless::Api":
            body = each["Properties"]["DefinitionBody"]
            each["Properties"]["DefinitionBody"] = _by_alias(body)
    runbook = f"{runbooks}/releases.md"
    added = _api_alarms(resources, runbook) if how else {}
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
            added[alarm_id] = _function_alarm(name, properties["FunctionName"]["Fn::Sub"], runbook)
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


def _function_alarm(logical_id: str, name: str, runbook: str) -> dict[str, Any]:
    dimensions = (
        ("FunctionName", {"Ref": logical_id}),
        ("Resource", {"Fn::Sub": f"${{{logical_id}}}:{ALIAS}"}),
        ("ExecutedVersion", {"Fn::GetAtt": [f"{logical_id}.Version", "Version"]}),
    )
    what = f"The new version of {logical_id} fails: its release is rolled back"
    return resource(
        name,
        "-new-version-errors",
        {
            "AlarmDescription": described("Ticket", what, runbook),
            **metric_alarm(Metric("AWS/Lambda", "Errors", dimensions), "Sum", 0, _WINDOW),
        },
    )


def _api_alarms(resources: Mapping[str, Any], runbook: str) -> dict[str, dict[str, Any]]:
    found = {}
    for logical_id, api in resources.items():
        if api["Type"] != "AWS::Serverless::Api":
            continue
        properties = api["Properties"]
        name = properties["Name"]["Fn::Sub"]
        dimensions = (("ApiName", {"Fn::Sub": name}), ("Stage", properties["StageName"]))
        what = "The API responds with 5xx: the release in progress is rolled back"
        found[f"{logical_id}ReleaseFaults"] = resource(
            name,
            "-release-faults",
            {
                "AlarmDescription": described("Ticket", what, runbook),
                # the average of this metric is the share of responses
                **metric_alarm(
                    Metric("AWS/ApiGateway", "5XXError", dimensions),
                    "Average",
                    _ERROR_RATE,
                    _WINDOW,
                ),
            },
        )
    return found
