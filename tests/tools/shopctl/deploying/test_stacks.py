"""Creating and updating stacks with a fake CloudFormation."""

import json
from pathlib import Path
from typing import Any

import pytest

from shopctl.aws import cloudformation
from shopctl.deploying import stacks
from shopctl.project.errors import ShopProblem
from support.fake_cloudformation import FakeCloud, package, refused


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


def test_new_stack_is_created_with_its_code_and_parameters(
    cloud: FakeCloud, tmp_path: Path
) -> None:
    # WHEN a service is released for the first time
    outcomes = stacks.deploy_packages(cloud, [package(tmp_path, "file_manager")])
    # THEN its stack is created with code in the bucket and the stage's parameters
    assert outcomes == {"toyshop-local-file-manager": "created"}
    stack = cloud.formation.stacks["toyshop-local-file-manager"]
    (key,) = cloud.storage.kept("file_manager/")
    assert f'"Key": "{key}"' in stack["TemplateBody"]
    assert stack["Parameters"] == [{"ParameterKey": "Stage", "ParameterValue": "local"}]
    # AND the REST API, which inherits the stack's tags, gets a fixed id
    assert {"Key": "ms-custom-id", "Value": "toyshop-local-file-manager"} in stack["Tags"]


def test_only_a_changed_stack_is_updated(cloud: FakeCloud, tmp_path: Path) -> None:
    stacks.deploy_packages(cloud, [package(tmp_path)])
    again = stacks.deploy_packages(cloud, [package(tmp_path)])
    assert again == {"toyshop-local-orders": "unchanged"}
    assert len(cloud.formation.calls) == 1
    cloud.formation.ends = "UPDATE_COMPLETE"
    changed = stacks.deploy_packages(cloud, [package(tmp_path, "orders", b"new")])
    assert changed == {"toyshop-local-orders": "updated"}


def test_old_releases_are_deleted_locally_and_kept_on_aws(tmp_path: Path) -> None:
    for local, kept in ((True, 2), (False, 4)):
        cloud = FakeCloud(local=local)
        for version in range(4):
            stacks.deploy_packages(cloud, [package(tmp_path, "orders", b"%d" % version)])
        assert len(cloud.storage.kept("orders/")) == kept
        assert len(cloud.storage.kept("releases/orders/")) == kept
        tags = cloud.formation.stacks[f"toyshop-{cloud.stage}-orders"]["Tags"]
        assert any(tag["Key"] == "ms-custom-id" for tag in tags) == local


def test_service_is_released_after_those_it_depends_on(cloud: FakeCloud, tmp_path: Path) -> None:
    packages = [
        package(tmp_path, "front", b"f", "orders", "mail"),
        package(tmp_path, "orders", b"o"),
        package(tmp_path, "mail", b"m"),
    ]
    stacks.deploy_packages(cloud, packages)
    assert cloud.formation.calls[-1] == ("create", "toyshop-local-front")


def test_failure_names_the_first_resource_and_the_reason(cloud: FakeCloud, tmp_path: Path) -> None:
    # GIVEN a stack that fails: newest event first, as AWS returns them
    cloud.formation.ends = "ROLLBACK_COMPLETE"
    cloud.formation.events = [
        {"LogicalResourceId": "orders", "ResourceStatus": "ROLLBACK_IN_PROGRESS"},
        {
            "LogicalResourceId": "Other",
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": "Resource creation cancelled",
        },
        {
            "LogicalResourceId": "Table",
            "ResourceType": "AWS::DynamoDB::Table",
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": "Table already exists.",
        },
    ]
    # WHEN it is deployed THEN one sentence names the cause
    sentence = (
        r"^The stack toyshop-local-orders failed:"
        r" Table \(AWS::DynamoDB::Table\): Table already exists\.$"
    )
    with pytest.raises(ShopProblem, match=sentence):
        stacks.deploy_packages(cloud, [package(tmp_path)])


def test_failed_validation_names_each_resource_and_reason(cloud: FakeCloud, tmp_path: Path) -> None:
    # GIVEN a reason that only refers to events of another kind
    cloud.formation.ends = "ROLLBACK_COMPLETE"
    cloud.formation.events = [
        {
            "LogicalResourceId": "toyshop-local-orders",
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": "Validation failed with 2 error(s). Call DescribeEvents.",
        }
    ]
    failed = {"OperationId": "2", "ResourceType": "AWS::SQS::Queue", "ValidationStatus": "FAILED"}
    cloud.formation.operation_events = [
        {"OperationId": "2", "OperationStatus": "FAILED"},
        {
            **failed,
            "LogicalResourceId": "Queue",
            "ValidationStatusReason": "Unsupported property.",
            "ValidationPath": "/Resources/Queue/Properties/Colour",
        },
        {**failed, "LogicalResourceId": "Other", "ValidationStatusReason": "Already there."},
        {**failed, "OperationId": "1", "ValidationStatusReason": "Of an earlier operation."},
    ]
    # WHEN it is deployed THEN the events are named
    sentence = (
        r"^The stack toyshop-local-orders failed: Queue \(AWS::SQS::Queue\): Unsupported property"
        r" \(at /Resources/Queue/Properties/Colour\); Other \(AWS::SQS::Queue\): Already there\.$"
    )
    with pytest.raises(ShopProblem, match=sentence):
        stacks.deploy_packages(cloud, [package(tmp_path)])


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("The maximum number of VPCs has been reached.", "Request a higher limit from Service"),
        ("User: arn:x is not authorized to perform: sns:Tag", "Use credentials with the missing"),
        ("toyshop-prod-orders already exists in stack arn:y", "Delete what has this name already"),
        ("Your account must be verified before", "Ask AWS Support to verify the account"),
        ("Properties validation failed", "Correct the service's resources.yaml"),
    ],
)
def test_failure_has_a_fitting_remedy(
    cloud: FakeCloud, tmp_path: Path, reason: str, remedy: str
) -> None:
    cloud.formation.ends = "ROLLBACK_COMPLETE"
    failed = {"LogicalResourceId": "A", "ResourceStatus": "CREATE_FAILED"}
    cloud.formation.events = [{**failed, "ResourceStatusReason": reason}]
    with pytest.raises(ShopProblem) as problem:
        stacks.deploy_packages(cloud, [package(tmp_path)])
    assert problem.value.remedy.startswith(remedy)
    assert problem.value.remedy.endswith("and run the command again.")


def test_stack_whose_creation_failed_is_created_again(cloud: FakeCloud, tmp_path: Path) -> None:
    cloud.formation.ends = "ROLLBACK_COMPLETE"
    with pytest.raises(ShopProblem):
        stacks.deploy_packages(cloud, [package(tmp_path)])
    cloud.formation.ends = "CREATE_COMPLETE"
    assert stacks.deploy_packages(cloud, [package(tmp_path)]) == {"toyshop-local-orders": "created"}
    assert [action for action, _ in cloud.formation.calls] == ["create", "delete", "create"]


def test_stack_is_created_without_deletion_protection_and_then_protected(cloud: FakeCloud) -> None:
    protected = {
        "Pool": {
            "Properties": {"DeletionProtection": {"Fn::If": ["Retained", "ACTIVE", "INACTIVE"]}}
        },
        "Table": {"Properties": {"DeletionProtectionEnabled": True}},
        "Topic": {"Type": "AWS::SNS::Topic"},
    }
    body = json.dumps({"Resources": protected})
    sent: list[dict[str, Any]] = cloud.formation.requests
    # GIVEN a creation that fails: nothing that CloudFormation has to delete is protected
    cloud.formation.ends = "ROLLBACK_COMPLETE"
    with pytest.raises(ShopProblem):
        stacks.deploy_template(cloud, "pool", body, "infra/x.yaml")
    (failed,) = sent
    created = json.loads(failed["TemplateBody"])["Resources"]
    assert created["Pool"]["Properties"] == {"DeletionProtection": "INACTIVE"}
    assert created["Table"]["Properties"] == {"DeletionProtectionEnabled": False}
    assert created["Topic"] == protected["Topic"]
    # WHEN the creation succeeds THEN the protection follows at once
    cloud.formation.ends = "CREATE_COMPLETE"
    assert stacks.deploy_template(cloud, "pool", body, "infra/x.yaml") == "created"
    assert [json.loads(one["TemplateBody"]) for one in sent[1:]] == [
        {"Resources": created},
        {"Resources": protected},
    ]
    assert stacks.deploy_template(cloud, "pool", body, "infra/x.yaml") == "unchanged"


def test_stack_that_was_interrupted_before_its_protection_is_protected(cloud: FakeCloud) -> None:
    body = json.dumps({"Resources": {"Table": {"Properties": {"DeletionProtectionEnabled": True}}}})
    stacks.deploy_template(cloud, "table", body.replace("true", "false"), "infra/x.yaml")
    cloud.formation.ends = "UPDATE_COMPLETE"
    assert stacks.deploy_template(cloud, "table", body, "infra/x.yaml") == "updated"
    assert cloud.formation.stacks["table"]["TemplateBody"] == body


def test_stack_that_cannot_be_deleted_is_not_created_again(
    cloud: FakeCloud, tmp_path: Path
) -> None:
    cloud.formation.ends = "ROLLBACK_FAILED"
    with pytest.raises(ShopProblem):
        stacks.deploy_packages(cloud, [package(tmp_path)])
    cloud.formation.deleted = "DELETE_FAILED"
    with pytest.raises(ShopProblem, match="toyshop-local-orders cannot be deleted"):
        stacks.deploy_packages(cloud, [package(tmp_path)])
    assert [call for call, _ in cloud.formation.calls] == ["create", "delete"]


def test_stack_with_a_change_set_in_review_is_created_again(
    cloud: FakeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a stack without resources, which nobody will change until its change set is executed
    cloud.formation.stacks["toyshop-local-orders"] = {
        "StackName": "toyshop-local-orders",
        "StackId": "arn:toyshop-local-orders",
        "StackStatus": "REVIEW_IN_PROGRESS",
    }
    monkeypatch.setattr(cloudformation, "_TIMEOUT_SECONDS", 1)
    # WHEN the service is deployed THEN the command does not wait for it
    assert stacks.deploy_packages(cloud, [package(tmp_path)]) == {"toyshop-local-orders": "created"}
    assert [action for action, _ in cloud.formation.calls] == ["delete", "create"]


def test_end_of_a_deletion_is_waited_for(
    cloud: FakeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a stack in review that is still so for a moment after its deletion was requested
    stack = {"StackName": "s", "StackId": "arn:s", "StackStatus": "REVIEW_IN_PROGRESS"}
    cloud.formation.stacks["s"] = stack
    statuses = iter(["REVIEW_IN_PROGRESS", "REVIEW_IN_PROGRESS", "DELETE_IN_PROGRESS"])

    def describe(StackName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        if (status := next(statuses, None)) is None:
            raise refused("ValidationError", f"Stack with id {StackName} does not exist")
        return {"Stacks": [{**stack, "StackStatus": status}]}

    monkeypatch.setattr(cloud.formation, "describe_stacks", describe)
    monkeypatch.setattr(cloud.formation, "delete_stack", lambda **_: None)
    # WHEN it is deleted THEN the command returns once it is gone
    assert cloudformation.delete(cloud, "s")
    assert next(statuses, None) is None


def test_large_template_is_uploaded_to_the_bucket(cloud: FakeCloud, tmp_path: Path) -> None:
    large = package(tmp_path)
    large.template["Description"] = "x" * 60_000
    try:
        stacks.deploy_packages(cloud, [large])
    finally:
        del large.template["Description"]
    stack = cloud.formation.stacks["toyshop-local-orders"]
    assert "TemplateBody" not in stack
    assert stack["TemplateURL"].startswith("https://s3/toyshop-local-deployments-123456789012/")
