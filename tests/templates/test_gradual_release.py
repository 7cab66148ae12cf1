"""The translated templates of a stage with gradual releases invoke functions by their aliases."""

import json
import re
from typing import Any

import pytest

from support.paths import APPS
from support.rendered_stage import Templates

FUNCTION = re.compile(r"functions/\$\{(\w+)(\.Arn)?\}/invocations")


def of_type(template: dict[str, Any], kind: str) -> dict[str, Any]:
    found = template["Resources"].items()
    return {name: each["Properties"] for name, each in found if each["Type"] == kind}


@pytest.fixture(params=sorted(path.parent.name for path in APPS.glob("*/service.toml")))
def template(request: pytest.FixtureRequest, prod: Templates) -> dict[str, Any]:
    found: dict[str, Any] = prod.translated[request.param]
    return found


def aliases(template: dict[str, Any]) -> dict[str, str]:
    """Return the function of each alias, by the alias's logical id."""
    found = of_type(template, "AWS::Lambda::Alias").items()
    return {name: alias["FunctionName"]["Ref"] for name, alias in found}


def test_code_deploy_updates_the_alias_of_every_function(template: dict[str, Any]) -> None:
    functions = set(of_type(template, "AWS::Lambda::Function"))
    assert functions == set(aliases(template).values())
    groups = of_type(template, "AWS::CodeDeploy::DeploymentGroup")
    for alias, function in aliases(template).items():
        # WHEN the alias is updated THEN its own deployment group does it
        update = template["Resources"][alias]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        group = groups[update["DeploymentGroupName"]["Ref"]]
        assert group["DeploymentConfigName"]["Fn::Sub"][1] == {
            "ConfigName": "Canary10Percent5Minutes"
        }
        # AND an alarm of the new version or of the API rolls it back
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        watched = [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]
        assert watched == [f"{function}NewVersionErrors", "RestAPIReleaseFaults"]


def test_alarms_watch_the_new_version(template: dict[str, Any]) -> None:
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    for alias, function in aliases(template).items():
        version = template["Resources"][alias]["Properties"]["FunctionVersion"]
        alarm = alarms[f"{function}NewVersionErrors"]
        assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {
            "FunctionName": {"Ref": function},
            "Resource": {"Fn::Sub": f"${{{function}}}:live"},
            "ExecutedVersion": version,
        }
        assert alarm["MetricName"] == "Errors"
    (api,) = of_type(template, "AWS::ApiGateway::RestApi").values()
    faults = alarms["RestAPIReleaseFaults"]
    assert faults["Dimensions"][0] == {"Name": "ApiName", "Value": api["Name"]}


def test_integrations_and_authorizers_invoke_aliases(template: dict[str, Any]) -> None:
    (api,) = of_type(template, "AWS::ApiGateway::RestApi").values()
    invoked = {name for name, _ in FUNCTION.findall(json.dumps(api))}
    assert invoked
    assert invoked <= set(aliases(template))
    # and those of authorizers
    assert invoked == {
        name
        for name, function in aliases(template).items()
        if function in ("APIHandler", "JwtAuthorizer")
    }


def test_events_invoke_aliases(template: dict[str, Any]) -> None:
    known = [{"Ref": name} for name in aliases(template)]
    for mapping in of_type(template, "AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionName"] in known
    for subscription in of_type(template, "AWS::SNS::Subscription").values():
        assert subscription["Endpoint"] in known
    for rule in of_type(template, "AWS::Events::Rule").values():
        assert all(target["Arn"] in known for target in rule["Targets"])


def test_permissions_allow_invoking_aliases(template: dict[str, Any]) -> None:
    permissions = of_type(template, "AWS::Lambda::Permission").values()
    assert permissions
    known = [{"Ref": name} for name in aliases(template)]
    assert [each for each in permissions if each["FunctionName"] not in known] == []


def test_retries_and_failure_destinations_belong_to_aliases(template: dict[str, Any]) -> None:
    for config in of_type(template, "AWS::Lambda::EventInvokeConfig").values():
        assert config["Qualifier"] == "live"


def test_reserved_concurrency_belongs_to_the_function(
    template: dict[str, Any], prod: Templates
) -> None:
    # AWS reserves concurrency for all versions of a function together
    for name, properties in of_type(template, "AWS::Lambda::Function").items():
        for release in prod.releases.values():
            source = release["Resources"].get(name, {}).get("Properties", {})
            if source.get("FunctionName") == properties["FunctionName"]:
                wanted = source.get("ReservedConcurrentExecutions")
                assert properties.get("ReservedConcurrentExecutions") == wanted


def test_only_functions_of_the_api_start_from_snapshots(template: dict[str, Any]) -> None:
    # GIVEN functions that the API invokes, and event handlers
    functions = of_type(template, "AWS::Lambda::Function")
    waited_for = {"APIHandler", "JwtAuthorizer"} & set(functions)
    # THEN only the former have snapshots, and each has a version for them
    found = {name for name, properties in functions.items() if "SnapStart" in properties}
    assert found == waited_for
    assert all(functions[name]["SnapStart"] == {"ApplyOn": "PublishedVersions"} for name in found)


def test_a_release_deletes_the_versions_before_it(template: dict[str, Any]) -> None:
    versions = [
        resource
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Version"
    ]
    assert len(versions) == len(of_type(template, "AWS::Lambda::Function"))
    assert {version["DeletionPolicy"] for version in versions} == {"Delete"}


def test_stage_without_gradual_releases_has_no_alias(staging: Templates) -> None:
    for template in staging.translated.values():
        assert aliases(template) == {}
        assert of_type(template, "AWS::CodeDeploy::DeploymentGroup") == {}
        assert "SnapStart" not in json.dumps(template)


@pytest.mark.parametrize(
    ("name", "value"),
    [("Timeout", 29), ("Environment", {"Variables": {"CURRENCY": "EUR"}}), ("MemorySize", 1024)],
)
def test_changed_setting_creates_a_new_version(prod: Templates, name: str, value: Any) -> None:
    # GIVEN a release with the same code and a changed setting
    changed = json.loads(json.dumps(prod.releases["orders"]))
    changed["Resources"]["APIHandler"]["Properties"][name] = value
    # WHEN AWS translates it
    versions = [
        {name for name in each["Resources"] if name.startswith("APIHandlerVersion")}
        for each in (prod.translated["orders"], prod.translate(changed))
    ]
    # THEN its version is a new resource
    assert versions[0] != versions[1]


def test_rotated_key_makes_a_new_version_of_the_functions_that_use_it(prod: Templates) -> None:
    # GIVEN the release of payments with a version of the gateway's keys, as it is sent
    release = json.dumps(prod.releases["payments"])
    key = ":SecretString:api_key"
    assert f"{key}}}}}" in release

    def versions(of_key: str) -> set[str]:
        sent = json.loads(release.replace(key, f"{key}::{of_key}"))
        return set(of_type(prod.translate(sent), "AWS::Lambda::Version"))

    before = versions("v1")
    assert versions("v1") == before
    # WHEN they are rotated THEN CloudFormation publishes new versions, to which the aliases move
    assert before
    assert not versions("v2") & before
