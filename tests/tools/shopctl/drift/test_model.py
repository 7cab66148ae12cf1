"""The resources that the repository declares for a stage, with resolved references."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from shopctl.aws.clients import Cloud
from shopctl.aws.target import Target
from shopctl.drift import model
from shopctl.drift.change import UNKNOWN
from shopctl.drift.kinds import messaging, settings, storage
from shopctl.project import services
from shopctl.project.layout import Layout
from support.sample_stages import PROD

LAYOUT = Layout.find()


class Nothing:
    """Any AWS service before anything is deployed."""

    class exceptions:  # noqa: N801 - botocore's name
        ResourceNotFoundException = KeyError

    def get_paginator(self, operation: str) -> "Nothing":
        self.operation = operation
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        if self.operation == "get_parameters_by_path":
            topic = {"Name": "/toyshop/prod/alarms/topic-arn", "Value": "arn:aws:sns:topic"}
            return [{"Parameters": [topic]}]
        raise ClientError({"Error": {"Code": "x", "Message": "does not exist"}}, self.operation)

    def get_parameters(self, **_: Any) -> dict[str, Any]:
        return {"Parameters": []}

    def describe_stacks(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "x", "Message": "does not exist"}}, "DescribeStacks")

    def describe_table(self, **_: Any) -> None:
        raise KeyError


class EmptyCloud(Cloud):
    """A cloud without resources."""

    def client(self, service: str) -> Any:
        return Nothing()

    def account(self) -> str:
        return "222222222222"


@pytest.fixture(scope="module")
def prod() -> model.Model:
    cloud = EmptyCloud("prod", region=PROD.region, parameters=PROD.parameters)
    to = Target(LAYOUT, PROD, cloud, tuple(services.load(LAYOUT.apps)))
    return model.build(to, {})


def test_resources_have_the_names_of_the_stage(prod: model.Model) -> None:
    tables = {one.name for one in prod.of("AWS::DynamoDB::Table")}
    assert "toyshop-prod-orders" in tables
    assert "toyshop-prod-file-manager-private-222222222222" in storage._buckets(prod)
    assert all(not one.name.startswith("${") for one in prod.resources)


def test_references_are_resolved(prod: model.Model) -> None:
    queue = messaging._queues(prod)["toyshop-prod-payments-charge-retry"]
    dead_letters = (
        "arn:aws:sqs:ap-southeast-2:222222222222:toyshop-prod-payments-charge-dead-letters"
    )
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == dead_letters
    uploads = messaging._queues(prod)["toyshop-prod-file-manager-uploads"]
    (statement,) = uploads["Policy"]["Statement"]
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "222222222222"}
    alarm = settings._alarms(prod)["toyshop-prod-orders-relay-dead-letters"]
    assert alarm["Dimensions"] == {"QueueName": "toyshop-prod-orders-relay-dead-letters"}


def test_conditions_are_evaluated_for_the_stage(prod: model.Model) -> None:
    assert storage._tables(prod)["toyshop-prod-orders"]["PointInTimeRecovery"] is True
    private = storage._buckets(prod)["toyshop-prod-file-manager-private-222222222222"]
    assert private["Policy"]["Statement"][0]["Sid"] == "EncryptedTransportOnly"


def test_value_that_only_aws_knows_equals_everything(prod: model.Model) -> None:
    stream = settings._parameters(prod)["/toyshop/prod/orders/stream-arn"]
    assert stream["Value"] is UNKNOWN
    assert stream == {"Value": "arn:aws:dynamodb:…"}
