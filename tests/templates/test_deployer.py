"""What the pipeline may do in a stage's account is what its templates need."""

import json
import re
from typing import Any

import pytest
import yaml

from support.rendered_stage import ROOT, Templates

# how IAM calls what CloudFormation calls otherwise
IAM_NAMES = {"cognito": "cognito-idp"}


def allowed() -> set[str]:
    resources = yaml.safe_load((ROOT / "infra" / "deployer.yaml").read_text())["Resources"]
    statements: list[dict[str, Any]] = [
        statement
        for each in resources.values()
        if each["Type"] == "AWS::IAM::ManagedPolicy"
        for statement in each["Properties"]["PolicyDocument"]["Statement"]
    ]
    actions = [
        action
        for statement in statements
        if statement["Effect"] == "Allow"
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    ]
    return {action.partition(":")[0] for action in actions}


def test_deployer_reaches_each_kind_of_resource(prod: Templates) -> None:
    made = {
        resource["Type"].split("::")[1].lower()
        for path in prod.write_translated()
        for resource in json.loads(path.read_text())["Resources"].values()
    }
    assert len(made) > 8
    assert {IAM_NAMES.get(name, name) for name in made} - allowed() == set()


# by these CloudFormation names what it makes; of all else AWS gives the name
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
def test_what_the_deployer_makes_is_within_its_fence(prod: Templates, kind: str) -> None:
    names = [
        json.dumps(resource["Properties"][NAMES[kind]])
        for path in prod.write_translated()
        for resource in json.loads(path.read_text())["Resources"].values()
        if resource["Type"] == kind
    ]
    assert names
    assert [name for name in names if not FENCE.search(name)] == []
