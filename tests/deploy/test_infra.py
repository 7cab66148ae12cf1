"""The infrastructure of a stage, network and alarms, with both ways of deploying.

Each test continues where the one before it ended.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.deploy.trial import ACCOUNT, Trial


def alarms(trial: Trial, stage: str) -> dict[str, dict[str, Any]]:
    """Return the stage's alarms by name."""
    pages = trial.cloud.client("cloudwatch").get_paginator("describe_alarms").paginate()
    found = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}
    return {name: each for name, each in found.items() if name.startswith(f"toyshop-{stage}-")}


def notified(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return the topics that alarms notify, except parts of composite alarms, which do it."""
    actions = {
        topic
        for alarm in found.values()
        if not alarm["AlarmDescription"].startswith("Part of ")
        for topic in alarm["AlarmActions"] or ["none"]
    }
    return sorted(actions)


def kept_logs(trial: Trial) -> dict[str, int | None]:
    """Return the retention of each function's log in days."""
    pages = trial.cloud.client("logs").get_paginator("describe_log_groups").paginate()
    found = [group for page in pages for group in page["logGroups"]]
    return {group["logGroupName"]: group.get("retentionInDays") for group in found}


def template(trial: Trial, service: str) -> dict[str, Any]:
    """Return the resources of a service's stack; its CloudFormation ignores a VpcConfig."""
    stack = f"toyshop-inside-{service}"
    body = trial.cloud.client("cloudformation").get_template(StackName=stack)["TemplateBody"]
    content = json.loads(body) if isinstance(body, str) else body
    return dict(content["Resources"])


def subnets(trial: Trial, function: str) -> list[str]:
    found = trial.cloud.client("lambda").get_function_configuration(FunctionName=function)
    return list((found.get("VpcConfig") or {}).get("SubnetIds", []))


def dead_letters_of_topic(trial: Trial, stage: str) -> str:
    """Return the dead-letter queue of the subscription of the function `images`."""
    sns = trial.cloud.client("sns")
    topic = trial.published("file-manager/topic-arn", stage)
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])
    return str(json.loads(attributes["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"])


def test_services_are_refused_without_alarms_and_network(trial: Trial) -> None:
    deploy = ("deploy", "--stage", "inside", "file_manager", "toys")
    assert "The stage has no alarms yet" in trial.shop(*deploy, fails=True)
    assert "created" in trial.shop("deploy", "--stage", "inside", "--infra", "alarms")
    output = trial.shop(*deploy, fails=True)
    assert "The stage has no network yet" in output
    assert "--stage inside --infra network" in output
    # AND nothing of them was created
    assert list(trial.stacks("inside")) == ["toyshop-inside-alarms"]


def test_services_are_deployed_into_their_network(trial: Trial) -> None:
    # GIVEN the network
    output = trial.shop("deploy", "--stage", "inside", "--infra", "network", "--infra", "alarms")
    assert "toyshop-inside-network created" in output
    assert "toyshop-inside-alarms unchanged" in output
    # WHEN two services are deployed
    trial.shop("deploy", "--stage", "inside", "file_manager", "toys")
    # THEN the functions that call the other service are inside, and the called ones are not
    wanted = trial.published("network/subnet-ids", "inside").split(",")
    assert len(wanted) == 2
    group = trial.published("network/security-group-id", "inside")
    inside = {"SubnetIds": wanted, "SecurityGroupIds": [group]}
    for function in ("APIHandler", "Images", "ImagesRetry"):
        assert template(trial, "toys")[function]["Properties"]["VpcConfig"] == inside
    called = template(trial, "file-manager")
    assert not [name for name, each in called.items() if "VpcConfig" in each.get("Properties", {})]
    # AND the private API accepts calls only through its endpoint
    endpoint = trial.published("network/execute-api-endpoint-id", "inside")
    api = trial.published("file-manager/api-id", "inside")
    policy = trial.cloud.client("apigateway").get_rest_api(restApiId=api)["policy"]
    assert "aws:SourceVpce" in policy
    assert endpoint in policy


def test_every_alarm_notifies_the_topic(trial: Trial) -> None:
    topic = trial.published("alarms/topic-arn", "inside")
    found = alarms(trial, "inside")
    assert notified(found) == [topic]
    metrics = {alarm["MetricName"] for alarm in found.values()}
    assert metrics == {
        "ApproximateNumberOfMessagesVisible",
        "5XXError",
        "Latency",
        "Errors",
        "DestinationDeliveryFailures",
        "IteratorAge",
        "Throttles",
        "toyshop.breaker.open",
        "toyshop.events.failing",
        "toyshop.events.parked",
        "toyshop.file.time_to_ready",
    }
    dashboards = trial.cloud.client("cloudwatch").list_dashboards()["DashboardEntries"]
    assert {each["DashboardName"] for each in dashboards} >= {
        "toyshop-inside-file-manager",
        "toyshop-inside-toys",
    }
    sns = trial.cloud.client("sns")
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert subscription["Protocol"] == "email"
    assert subscription["Endpoint"] == "operations@trial.example"


def test_alarms_notify_a_topic_that_was_created_again(trial: Trial) -> None:
    # GIVEN another topic than the alarms were deployed with
    first = trial.published("alarms/topic-arn", "inside")
    parameters = trial.cloud.client("ssm")
    topic = {"Name": "/toyshop/inside/alarms/topic-arn", "Type": "String", "Overwrite": True}
    deploy = ("deploy", "--stage", "inside", "--resources", "file_manager", "toys")
    for arn in (f"{first}-again", first):
        parameters.put_parameter(**topic, Value=arn)
        # WHEN the resources are deployed THEN every alarm notifies it
        assert "2 of 2 stacks changed" in trial.shop(*deploy)
        actions = {
            name: alarm["AlarmActions"]
            for name, alarm in alarms(trial, "inside").items()
            if name.endswith("dead-letters")
        }
        assert actions
        assert all(found == [arn] for found in actions.values())
        assert "0 of 2 stacks changed" in trial.shop(*deploy)


def test_logs_are_kept_for_a_month(trial: Trial) -> None:
    kept = kept_logs(trial)
    for function in ("toys-api-handler", "toys-images-retry", "file-manager-on-dynamodb-record"):
        assert kept[f"/aws/lambda/toyshop-inside-{function}"] == 30


def test_every_subscription_has_a_dead_letter_queue(trial: Trial) -> None:
    queue = dead_letters_of_topic(trial, "inside")
    assert queue.endswith(":toyshop-inside-toys-images-dead-letters")
    sqs = trial.cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    (statement,) = json.loads(attributes["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    topic = trial.published("file-manager/topic-arn", "inside")
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": topic}}


def test_stage_and_infrastructure_are_deleted(trial: Trial) -> None:
    trial.shop("delete", "--stage", "inside")
    output = trial.shop("delete", "--stage", "inside", "--infra", "network", "--infra", "alarms")
    assert output.splitlines() == [
        "toyshop-inside-alarms deleted",
        "toyshop-inside-network deleted",
    ]
    assert trial.stacks("inside") == {}


@pytest.fixture
def own_inside(trial: Trial) -> Iterator[None]:
    infra = ("--infra", "network", "--infra", "alarms")
    trial.shop("deploy", "--stage", "owninside", *infra)
    trial.shop("deploy", "--stage", "owninside", "--resources", "file_manager", "toys")
    yield
    for service in ("toys", "file_manager"):
        trial.chalice("owninside", service, "delete")


@pytest.mark.usefixtures("own_inside")
def test_chalice_deploy_does_the_same(trial: Trial) -> None:
    for service in ("file_manager", "toys"):
        trial.shop("configure", "--stage", "owninside", service)
        trial.chalice("owninside", service)
        output = trial.shop("deliver", "--stage", "owninside", service)
        # Chalice does not create the log group of the API's function
        assert "api_handler: log group" in output
        assert "unchanged" in trial.shop("deliver", "--stage", "owninside", service)
    wanted = trial.published("network/subnet-ids", "owninside").split(",")
    assert sorted(subnets(trial, "toyshop-toys-owninside")) == sorted(wanted)
    assert subnets(trial, "toyshop-file-manager-owninside") == []
    kept = kept_logs(trial)
    assert kept["/aws/lambda/toyshop-toys-owninside"] == 30
    assert kept["/aws/lambda/toyshop-toys-owninside-images"] == 30
    queue = dead_letters_of_topic(trial, "owninside")
    assert queue.endswith(":toyshop-owninside-toys-images-dead-letters")
    topic = trial.published("alarms/topic-arn", "owninside")
    assert notified(alarms(trial, "owninside")) == [topic]


def test_users_are_mailed_through_ses_once_its_domain_is_verified(trial: Trial) -> None:
    deploy = ("deploy", "--stage", "retained", "--resources")
    refused = trial.shop(*deploy, "storefront_api", fails=True)
    assert "SES has not verified the domain retained.example" in refused
    assert "--resources notifications" in refused
    assert trial.stacks("retained") == {}
    # the embedded SES verifies a domain at once
    trial.shop(*deploy, "notifications")
    assert "created" in trial.shop(*deploy, "storefront_api")
    assert "unchanged" in trial.shop(*deploy, "storefront_api")
    cognito = trial.cloud.client("cognito-idp")
    pool_id = trial.published("storefront-api/user-pool-id", "retained")
    pool = cognito.describe_user_pool(UserPoolId=pool_id)["UserPool"]
    assert pool["EmailConfiguration"] == {
        "EmailSendingAccount": "DEVELOPER",
        "From": "Toy Shop <accounts@retained.example>",
        "SourceArn": f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/retained.example",
    }
    assert pool["VerificationMessageTemplate"]["EmailSubject"] == "Your code for the Toy Shop"
    # AND it cannot be deleted, although its stack was created without the protection
    assert pool["DeletionProtection"] == "ACTIVE"


def test_stage_that_retained_its_data_is_deleted_without_a_rest(trial: Trial) -> None:
    # GIVEN the stage of the test before, which no longer retains its data
    declared = trial.root / "stages.toml"
    text = declared.read_text()
    before, after = text.split("[retained]")
    declared.write_text(
        f"{before}[retained]{after.replace('retain_data = true', 'retain_data = false', 1)}"
    )
    try:
        # WHEN it is deleted with the deployed templates THEN that is refused before any change
        refused = trial.shop("delete", "--stage", "retained", fails=True)
        assert "toyshop-retained-storefront-api-resources would leave resources" in refused
        assert len(trial.stacks("retained")) == 2
        # AND it is deleted with its data after what the message asks for
        deploy = ("deploy", "--stage", "retained", "--resources")
        trial.shop(*deploy, "notifications", "storefront_api")
        trial.shop("delete", "--stage", "retained")
        assert trial.stacks("retained") == {}
        pools = trial.cloud.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
        assert [one["Name"] for one in pools if one["Name"].startswith("toyshop-retained-")] == []
        tables = trial.cloud.client("dynamodb").list_tables()["TableNames"]
        assert [name for name in tables if name.startswith("toyshop-retained-")] == []
    finally:
        declared.write_text(text)
