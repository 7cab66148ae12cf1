"""Gradual releases: packaged templates whose functions are invoked by their alias."""

import copy
from typing import Any

from shopctl.deploying import gradual_release

URI = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015/functions/${%s}/invocations"


def function(name: str) -> dict[str, Any]:
    properties = {"FunctionName": {"Fn::Sub": f"toyshop-${{Stage}}-{name}"}}
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


TEMPLATE: dict[str, Any] = {
    "Resources": {
        "APIHandler": function("api-handler"),
        "Charge": function("charge"),
        "RestAPI": {
            "Type": "AWS::Serverless::Api",
            "Properties": {
                "Name": {"Fn::Sub": "toyshop-${Stage}"},
                "StageName": "api",
                "DefinitionBody": {"paths": {"/": [{"uri": {"Fn::Sub": URI % "APIHandler.Arn"}}]}},
            },
        },
        "APIHandlerInvokePermission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {"FunctionName": {"Ref": "APIHandler"}},
        },
        "JwtInvokePermission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {"FunctionName": {"Fn::GetAtt": ["Charge", "Arn"]}},
        },
    },
    "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["APIHandler", "Arn"]}}},
}


def test_invocations_use_the_alias_and_the_given_template_is_unchanged() -> None:
    before = copy.deepcopy(TEMPLATE)
    resources = gradual_release.apply(TEMPLATE, "Canary10Percent5Minutes")["Resources"]
    assert before == TEMPLATE
    (route,) = resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"]["/"]
    assert route["uri"] == {"Fn::Sub": URI % "APIHandlerAliaslive"}
    for permission, alias in (
        ("APIHandlerInvokePermission", "APIHandler.Alias"),
        ("JwtInvokePermission", "Charge.Alias"),
    ):
        assert resources[permission]["Properties"]["FunctionName"] == {"Ref": alias}


def test_each_function_has_its_own_alarm_and_the_apis() -> None:
    resources = gradual_release.apply(TEMPLATE, "Linear10PercentEvery1Minute")["Resources"]
    preference = resources["Charge"]["Properties"]["DeploymentPreference"]
    assert preference == {
        "Type": "Linear10PercentEvery1Minute",
        "Alarms": [{"Ref": "ChargeNewVersionErrors"}, {"Ref": "RestAPIReleaseFaults"}],
    }
    assert all(alarm["Ref"] in resources for alarm in preference["Alarms"])


def test_immediate_release_needs_neither_codedeploy_nor_alarms() -> None:
    resources = gradual_release.apply(TEMPLATE, None)["Resources"]
    assert resources.keys() == TEMPLATE["Resources"].keys()
    properties = resources["Charge"]["Properties"]
    assert properties["AutoPublishAlias"] == "live"
    assert "DeploymentPreference" not in properties


def test_old_versions_are_deleted() -> None:
    # each version is billed for its snapshot
    resources = gradual_release.apply(TEMPLATE, None)["Resources"]
    for name in ("APIHandler", "Charge"):
        assert resources[name]["Properties"]["VersionDeletionPolicy"] == "Delete"
