"""The pipeline's permissions in a stage's account are those that its templates need."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from support import deployer_needs, iam_policies
from support.iam_policies import Condition
from support.paths import ROOT
from support.rendered_stage import Templates

DEPLOYER: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "deployer.yaml").read_text())
VALUES = {
    "AWS::Partition": "aws",
    "AWS::Region": deployer_needs.REGION,
    "AWS::AccountId": deployer_needs.ACCOUNT,
    "Stage": "prod",
}
POLICY = iam_policies.statements(DEPLOYER, VALUES)
# "IAM and AWS STS quotas": of a managed policy without white space, and of a role
LONGEST_POLICY = 6144
MOST_POLICIES = 10


def templates_of(stage: Templates) -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in stage.write_translated()}


def test_deployer_is_allowed_what_cloudformation_needs(prod: Templates) -> None:
    needs = deployer_needs.needs(templates_of(prod))
    assert len({need.type for need in needs}) > 25
    missing = {
        (need.type, need.action)
        for need in needs
        if not iam_policies.is_allowed(POLICY, need.action, need.arn, dict(need.sent))
    }
    assert sorted(missing) == []


def test_deployer_may_read_the_limits_that_a_deployment_checks() -> None:
    reads = ("lambda:GetAccountSettings", "ses:GetAccount")
    assert [action for action in reads if not iam_policies.is_allowed(POLICY, action, "*")] == []


POOL = "arn:aws:cognito-idp:ap-southeast-2:222222222222:userpool/p"
ROLES = "arn:aws:iam::222222222222:role/toyshop-prod-*"


@pytest.mark.parametrize(
    ("action", "resource", "condition", "allowed"),
    [
        ("cognito-idp:DeleteUserPool", POOL, None, True),
        ("cognito-idp:DeleteUserPool", POOL + "x", None, False),
        # AWS cannot limit it to a user pool
        ("cognito-idp:CreateUserPool", POOL, None, False),
        ("cognito-idp:CreateUserPool", "*", None, True),
        # it applies to a role, not to the user pool
        ("iam:PassRole", ROLES, "iam:PassedToService", True),
        ("iam:PassRole", POOL, "iam:PassedToService", False),
        # AWS does not provide this key for it
        ("iam:PassRole", ROLES, "lambda:FunctionArn", False),
    ],
)
def test_permission_that_does_not_match_is_noticed(
    action: str, resource: str, condition: str | None, allowed: bool
) -> None:
    conditions = (Condition("StringEquals", condition, ("a",)),) if condition else ()
    statement = iam_policies.Statement("Allow", (action,), (resource,), conditions)
    sent = {condition: "a"} if condition else {}
    assert iam_policies.is_allowed([statement], action, POOL, sent) == allowed


ARN = "arn:aws:lambda:r:1:function:toyshop-prod-x"


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "holds"),
    [
        ("StringEquals", "a*", "a*", True),
        ("StringEquals", "a*", "ab", False),
        ("StringLike", "a*", "ab", True),
        ("StringLike", "a*", "ba", False),
        ("ArnLike", "arn:aws:lambda:*:1:function:toyshop-prod-*", ARN, True),
        ("ArnEquals", "arn:aws:lambda:*:1:function:toyshop-prod-*", ARN, True),
        ("ArnLike", "arn:aws:lambda:r:1:function:toyshop-test-*", ARN, False),
        # one wildcard does not match several parts
        ("ArnLike", "arn:*:function:toyshop-prod-x", ARN, False),
        ("Bool", "false", "False", True),
        ("Bool", "false", "true", False),
    ],
)
def test_condition_compares_the_value(operator: str, wanted: str, value: str, holds: bool) -> None:
    condition = Condition(operator, "aws:key", ("other", wanted))
    assert condition.holds({"aws:key": value}) == holds
    assert not condition.holds({})


def test_unknown_operator_of_a_condition_is_an_error() -> None:
    with pytest.raises(NotImplementedError, match="DateLessThan"):
        Condition("DateLessThan", "aws:CurrentTime", ("2020-01-01",)).holds({})


def wrong_values() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the deployer once for each value of a condition, with another value instead."""
    for name, resource in DEPLOYER["Resources"].items():
        document = resource["Properties"].get("PolicyDocument", {})
        for number, statement in enumerate(document.get("Statement", [])):
            for operator, test in statement.get("Condition", {}).items():
                for key, wanted in test.items():
                    values = wanted if isinstance(wanted, list) else [wanted]
                    for index, value in enumerate(values):
                        changed = copy.deepcopy(DEPLOYER)
                        policy = changed["Resources"][name]["Properties"]["PolicyDocument"]
                        policy["Statement"][number]["Condition"][operator][key] = [
                            *values[:index],
                            "arn:aws:iam::111111111111:policy/other",
                            *values[index + 1 :],
                        ]
                        yield f"{statement['Sid']}: {key} is not {value}", changed


def test_wrong_value_of_a_condition_is_noticed(prod: Templates) -> None:
    needs = [need for need in deployer_needs.needs(templates_of(prod)) if need.sent]
    changes = list(wrong_values())
    assert len(changes) == 6
    for change, template in changes:
        policy = iam_policies.statements(template, VALUES)
        assert any(
            not iam_policies.is_allowed(policy, need.action, need.arn, dict(need.sent))
            for need in needs
        ), change


ROLE = f"arn:aws:iam::{deployer_needs.ACCOUNT}:role/toyshop-prod-x"
MAPPING = f"arn:aws:lambda:{deployer_needs.REGION}:{deployer_needs.ACCOUNT}"


@pytest.mark.parametrize(
    ("action", "arn", "key", "value"),
    [
        *(
            (f"lambda:{verb}EventSourceMapping", f"{MAPPING}:event-source-mapping:m1", key, value)
            for verb in ("Create", "Update", "Delete")
            for key, value in [("lambda:FunctionArn", f"{MAPPING}:function:toyshop-staging-x")]
        ),
        ("iam:AttachRolePolicy", ROLE, "iam:PolicyARN", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        ("iam:DetachRolePolicy", ROLE, "iam:PolicyARN", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        ("iam:PassRole", ROLE, "iam:PassedToService", "ec2.amazonaws.com"),
        ("iam:CreateServiceLinkedRole", POOL, "iam:AWSServiceName", "ecs.amazonaws.com"),
    ],
)
def test_conditions_of_the_deployer_exclude_other_values(
    action: str, arn: str, key: str, value: str
) -> None:
    assert not iam_policies.is_allowed(POLICY, action, arn, {key: value})
    assert not iam_policies.is_allowed(POLICY, action, arn)


def test_no_action_is_excluded_that_a_template_needs(prod: Templates) -> None:
    assert deployer_needs.unneeded_but_used(templates_of(prod)) == []


def test_actions_that_schemas_name_by_mistake_do_not_exist() -> None:
    assert [name for name in deployer_needs.NO_ACTIONS if iam_policies.exists(name)] == []


def test_roles_are_passed_to_lambda_and_codedeploy_alone() -> None:
    passing = [
        statement["Condition"]["StringEquals"]["iam:PassedToService"]
        for resource in DEPLOYER["Resources"].values()
        for statement in resource["Properties"].get("PolicyDocument", {}).get("Statement", [])
        if "iam:PassRole" in statement["Action"]
    ]
    assert passing == [["lambda.amazonaws.com", "codedeploy.amazonaws.com"]]


def test_actions_are_limited_to_resources_where_aws_supports_it() -> None:
    assert sorted(iam_policies.unrestricted(POLICY)) == []


def test_policies_fit_into_the_quotas() -> None:
    policies = {
        name: resource["Properties"]
        for name, resource in DEPLOYER["Resources"].items()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
    }
    attached = DEPLOYER["Resources"]["Deployer"]["Properties"]["ManagedPolicyArns"]
    assert attached == [{"Ref": name} for name in policies]
    assert len(attached) <= MOST_POLICIES
    # with the longest name of a stage
    values = {**VALUES, "Stage": "s" * 16}
    for name, properties in policies.items():
        document = json.dumps(properties["PolicyDocument"])
        text = re.sub(r'\{"Fn::Sub": ("[^"]*")\}', r"\1", document)
        filled = re.sub(r"\$\{([^}]*)\}", lambda found: values[found[1]], text)
        assert "Fn::" not in filled
        assert len(re.sub(r"\s", "", filled)) <= LONGEST_POLICY, name


# the properties with the name of a resource; all other names are generated by AWS
NAMES = {
    "AWS::Lambda::Function": "FunctionName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
}
FENCE = re.compile(r"toyshop-(\$\{Stage\}|prod)-")


@pytest.mark.parametrize("kind", NAMES)
def test_deployer_is_allowed_every_resource_name(prod: Templates, kind: str) -> None:
    names = [
        json.dumps(resource["Properties"][NAMES[kind]])
        for path in prod.write_translated()
        for resource in json.loads(path.read_text())["Resources"].values()
        if resource["Type"] == kind
    ]
    assert names
    assert [name for name in names if not FENCE.search(name)] == []
