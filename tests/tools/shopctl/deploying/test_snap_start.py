"""SnapStart: which functions start from snapshots, and what it does not support."""

import copy
import re
from typing import Any

import msgspec
import pytest

from shopctl.deploying import snap_start, stage_template
from shopctl.project.errors import ShopProblem
from support.sample_stages import PROD

URI = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015/functions/${%s}/invocations"


def function(**properties: Any) -> dict[str, Any]:
    name = {"FunctionName": {"Fn::Sub": "toyshop-${Stage}-any"}, "Runtime": "python3.11"}
    return {"Type": "AWS::Serverless::Function", "Properties": name | properties}


def template(**properties: Any) -> dict[str, Any]:
    """Return a template as Chalice packages it, whose API's function has these properties."""
    body = {
        "paths": {"/": {"uri": {"Fn::Sub": URI % "APIHandler.Arn"}}},
        "securityDefinitions": {"authorizerUri": {"Fn::Sub": URI % "JwtAuthorizer.Arn"}},
    }
    api = {"Name": {"Fn::Sub": "toyshop"}, "StageName": "api", "DefinitionBody": body}
    return {
        "Resources": {
            "APIHandler": function(**properties),
            "JwtAuthorizer": function(),
            "Charge": function(),
            "RestAPI": {"Type": "AWS::Serverless::Api", "Properties": api},
        }
    }


def snapshots(made: dict[str, Any]) -> list[str]:
    return [
        name
        for name, one in made["Resources"].items()
        if one.get("Properties", {}).get("SnapStart") == {"ApplyOn": "PublishedVersions"}
    ]


def test_only_functions_that_a_person_waits_for_start_from_snapshots() -> None:
    given = template()
    before = copy.deepcopy(given)
    made = stage_template.apply(given, PROD, embedded=False)
    assert snapshots(made) == ["APIHandler", "JwtAuthorizer"]
    assert given == before
    # AND each is invoked by an alias, because $LATEST has no snapshot
    assert all(
        made["Resources"][name]["Properties"]["AutoPublishAlias"] for name in snapshots(made)
    )


def test_functions_are_the_same_before_and_after_aliases_are_added() -> None:
    made = stage_template.apply(template(), PROD, embedded=False)
    assert snap_start.functions(template()) == snap_start.functions(made)


def test_snapshots_need_no_gradual_release() -> None:
    stage = msgspec.structs.replace(PROD, gradual_release=None)
    made = stage_template.apply(template(), stage, embedded=False)
    properties = made["Resources"]["APIHandler"]["Properties"]
    assert properties["AutoPublishAlias"] == "live"
    assert "DeploymentPreference" not in properties


@pytest.mark.parametrize(
    ("changes", "embedded"), [({"snap_start": False}, False), ({"aws": "http://here"}, True)]
)
def test_stage_without_the_setting_and_the_embedded_aws_have_none(
    changes: dict[str, Any], embedded: bool
) -> None:
    stage = msgspec.structs.replace(PROD, **changes)
    assert snapshots(stage_template.apply(template(), stage, embedded=embedded)) == []


def test_templates_for_aws_name_the_python_of_its_releases() -> None:
    made = stage_template.apply(template(), PROD, embedded=False)
    assert made["Resources"]["Charge"]["Properties"]["Runtime"] == "python3.13"
    # the embedded AWS runs what this Python has built
    made = stage_template.apply(template(), PROD, embedded=True)
    assert made["Resources"]["Charge"]["Properties"]["Runtime"] == "python3.11"
    assert snap_start.PYTHON <= stage_template.LAMBDA_PYTHON


@pytest.mark.parametrize(
    ("properties", "what"),
    [
        ({"Runtime": "python3.11"}, "the runtime python3.11"),
        ({"FileSystemConfigs": [{}]}, "FileSystemConfigs"),
        ({"ProvisionedConcurrencyConfig": {}}, "ProvisionedConcurrencyConfig"),
        ({"EphemeralStorage": {"Size": 513}}, "EphemeralStorage above 512 MB"),
    ],
)
def test_what_snap_start_does_not_support_is_refused(properties: dict[str, Any], what: str) -> None:
    given = template(**{"Runtime": "python3.13"} | properties)
    given["Resources"]["JwtAuthorizer"]["Properties"]["Runtime"] = "python3.12"
    expected = re.escape(f"SnapStart does not support {what}, which APIHandler has.")
    with pytest.raises(ShopProblem, match=expected):
        snap_start.apply(given)


def test_storage_that_snap_start_supports_is_accepted() -> None:
    given = template(Runtime="python3.13", EphemeralStorage={"Size": 512})
    given["Resources"]["JwtAuthorizer"]["Properties"]["Runtime"] = "python3.12"
    assert snapshots(snap_start.apply(given)) == ["APIHandler", "JwtAuthorizer"]
