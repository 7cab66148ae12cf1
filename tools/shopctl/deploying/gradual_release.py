"""Makes a release shift gradually: from the version that is live to the new one, and back.

Chalice's template names functions as such, which is always their newest code. Here each gets the
alias ``live``, everything that invokes a function is led to the alias, and CodeDeploy moves the
alias from one version to the next: a part of the traffic first, the rest minutes later, all of
it back to the version before if an alarm goes off meanwhile.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

Shift = Literal[
    "Canary10Percent5Minutes",
    "Canary10Percent10Minutes",
    "Canary10Percent15Minutes",
    "Linear10PercentEvery1Minute",
    "Linear10PercentEvery2Minutes",
]
"""How CodeDeploy moves the traffic; all end well before `./shop deploy` stops waiting."""

ALIAS = "live"
_FUNCTION = "AWS::Serverless::Function"
_INVOCATION = re.compile(r"(?<=/functions/\$\{)(\w+)\.Arn(?=\}/invocations)")
_FAULTS_PER_ANSWER = 0.05


def apply(template: Mapping[str, Any], shift: Shift | None) -> dict[str, Any]:
    """Return a packaged template whose functions are invoked by their alias.

    Parameters
    ----------
    template
        As Chalice packages it.
    shift
        How the alias moves; None moves it at once and needs no CodeDeploy.

    Returns
    -------
    dict
        A template of its own; the given one stays as it is.
    """
    shifted = copy.deepcopy(dict(template))
    resources: dict[str, Any] = shifted["Resources"]
    functions = [name for name, found in resources.items() if found["Type"] == _FUNCTION]
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::Permission":
            # the API's names its function, an authorizer's its function's ARN
            (invoked,) = resource["Properties"]["FunctionName"].values()
            function = invoked if isinstance(invoked, str) else invoked[0]
            resource["Properties"]["FunctionName"] = {"Ref": f"{function}.Alias"}
        elif resource["Type"] == "AWS::Serverless::Api":
            body = resource["Properties"]["DefinitionBody"]
            resource["Properties"]["DefinitionBody"] = _by_alias(body)
    alarms: dict[str, Any] = {}
    if shift:
        alarms = dict(_alarms_of_api(resources))
    of_api = [{"Ref": name} for name in alarms]
    for name in functions:
        properties = resources[name]["Properties"]
        # a version for any new setting too: SAM by itself looks at code, variables and memory
        properties |= {"AutoPublishAlias": ALIAS, "AutoPublishAliasAllProperties": True}
        if shift:
            alarm = f"{name}NewVersionErrors"
            alarms[alarm] = _errors_of_new_version(name, properties["FunctionName"])
            properties["DeploymentPreference"] = {
                "Type": shift,
                "Alarms": [{"Ref": alarm}, *of_api],
            }
    resources |= alarms
    return shifted


def _by_alias(value: Any) -> Any:
    """Lead an API's integrations and authorizers to aliases."""
    if isinstance(value, dict):
        return {key: _by_alias(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_by_alias(child) for child in value]
    if isinstance(value, str):
        return _INVOCATION.sub(rf"\1Alias{ALIAS}", value)
    return value


def _errors_of_new_version(function: str, name: Mapping[str, str]) -> dict[str, Any]:
    return _alarm(
        {"Fn::Sub": f"{name['Fn::Sub']}-new-version-errors"},
        f"The new version of {function} fails: its release is taken back",
        {
            "Namespace": "AWS/Lambda",
            "MetricName": "Errors",
            "Statistic": "Sum",
            "Threshold": 0,
            "Dimensions": [
                {"Name": "FunctionName", "Value": {"Ref": function}},
                {"Name": "Resource", "Value": {"Fn::Sub": f"${{{function}}}:{ALIAS}"}},
                {
                    "Name": "ExecutedVersion",
                    "Value": {"Fn::GetAtt": [f"{function}.Version", "Version"]},
                },
            ],
        },
    )


def _alarms_of_api(resources: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for logical_id, resource in resources.items():
        if resource["Type"] != "AWS::Serverless::Api":
            continue
        properties = resource["Properties"]
        name = properties["Name"]["Fn::Sub"]
        yield (
            f"{logical_id}ReleaseFaults",
            _alarm(
                {"Fn::Sub": f"{name}-release-faults"},
                "The API answers with 5xx: the release under way is taken back",
                {
                    "Namespace": "AWS/ApiGateway",
                    "MetricName": "5XXError",
                    # of this metric the average is the share of answers
                    "Statistic": "Average",
                    "Threshold": _FAULTS_PER_ANSWER,
                    "Dimensions": [
                        {"Name": "ApiName", "Value": {"Fn::Sub": name}},
                        {"Name": "Stage", "Value": properties["StageName"]},
                    ],
                },
            ),
        )


def _alarm(name: dict[str, str], description: str, metric: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": name,
            "AlarmDescription": description,
            **metric,
            "Period": 60,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        },
    }
