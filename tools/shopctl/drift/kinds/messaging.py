"""Queues, topics and their subscriptions."""

import json
from collections.abc import Mapping
from typing import Any

from shopctl.drift.change import UNKNOWN
from shopctl.drift.kinds.kind import (
    BETWEEN,
    Facts,
    Kind,
    belongs_to_stage,
    name_in_arn,
    pages,
    policy,
    reported,
)
from shopctl.drift.model import FUNCTION, Model
from shopctl.project import aws_names

_QUEUE, _QUEUE_POLICY = "AWS::SQS::Queue", "AWS::SQS::QueuePolicy"
_TOPIC, _TOPIC_POLICY = "AWS::SNS::Topic", "AWS::SNS::TopicPolicy"
_SECONDS = {
    "VisibilityTimeout": 30,
    "MessageRetentionPeriod": 345_600,
    "DelaySeconds": 0,
    "ReceiveMessageWaitTimeSeconds": 0,
}


def _queues(model: Model) -> Facts:
    policies = {
        name_in_arn(str(url)): declared.properties["PolicyDocument"]
        for declared in model.of(_QUEUE_POLICY)
        for url in declared.properties["Queues"]
    }
    return {
        declared.name: {
            **{name: declared.properties.get(name, value) for name, value in _SECONDS.items()},
            "RedrivePolicy": declared.properties.get("RedrivePolicy"),
            "RedriveAllowPolicy": declared.properties.get("RedriveAllowPolicy"),
            "SqsManagedSseEnabled": declared.properties.get("SqsManagedSseEnabled", True),
            "KmsMasterKeyId": declared.properties.get("KmsMasterKeyId"),
            "Policy": policy(policies.get(declared.name)),
        }
        for declared in model.of(_QUEUE)
    }


def _actual_queues(model: Model) -> Facts:
    cloud = model.to.cloud
    prefix = aws_names.resource(model.to.stage.name, "")
    facts: Facts = {}
    for url in pages(cloud, "sqs", "list_queues", "QueueUrls", QueueNamePrefix=prefix):
        answer = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        found: Mapping[str, str] = answer["Attributes"]
        facts[name_in_arn(url)] = {
            **{name: int(found.get(name, value)) for name, value in _SECONDS.items()},
            "RedrivePolicy": _json(found.get("RedrivePolicy")),
            "RedriveAllowPolicy": _json(found.get("RedriveAllowPolicy")),
            "SqsManagedSseEnabled": found.get("SqsManagedSseEnabled") == "true",
            "KmsMasterKeyId": found.get("KmsMasterKeyId"),
            "Policy": policy(found.get("Policy")),
        }
    return facts


def _json(text: str | None) -> Any:
    value = json.loads(text) if text else None
    if isinstance(value, dict) and "maxReceiveCount" in value:
        value["maxReceiveCount"] = int(value["maxReceiveCount"])
    return value


def _topics(model: Model) -> Facts:
    policies = {
        name_in_arn(str(arn)): declared.properties["PolicyDocument"]
        for declared in model.of(_TOPIC_POLICY)
        for arn in declared.properties["Topics"]
    }
    return {
        declared.name: {
            "KmsMasterKeyId": declared.properties.get("KmsMasterKeyId"),
            # without one, AWS makes a policy of its own
            "Policy": policy(policies[declared.name]) if declared.name in policies else UNKNOWN,
        }
        for declared in model.of(_TOPIC)
    }


def _actual_topics(model: Model) -> Facts:
    cloud = model.to.cloud
    facts: Facts = {}
    for topic in _arns(model):
        found = cloud.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
        facts[name_in_arn(topic)] = {
            "KmsMasterKeyId": reported(model, found.get("KmsMasterKeyId")),
            "Policy": policy(found.get("Policy")),
        }
    return facts


def _arns(model: Model) -> list[str]:
    found = pages(model.to.cloud, "sns", "list_topics", "Topics")
    arns = (topic["TopicArn"] for topic in found)
    return [arn for arn in arns if belongs_to_stage(model.to, name_in_arn(arn))]


def _subscriptions(model: Model) -> Facts:
    facts: Facts = {}
    for declared in model.of(FUNCTION):
        for event in declared.properties.get("Events", {}).values():
            if event["Type"] == "SNS":
                properties = event["Properties"]
                facts[f"{declared.name}{BETWEEN}{name_in_arn(str(properties['Topic']))}"] = {
                    "FilterPolicy": properties.get("FilterPolicy"),
                    "FilterPolicyScope": properties.get("FilterPolicyScope", "MessageAttributes"),
                    "RawMessageDelivery": False,
                    "RedrivePolicy": properties.get("RedrivePolicy"),
                }
    return facts


def _actual_subscriptions(model: Model) -> Facts:
    sns = model.to.cloud.client("sns")
    stage = model.to.stage
    of_alarms = (stage.alarm_email, aws_names.resource(stage.name, "alarms"))
    facts: Facts = {}
    for topic in _arns(model):
        found = pages(
            model.to.cloud, "sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic
        )
        for subscription in found:
            endpoint = subscription["Endpoint"]
            if (endpoint, name_in_arn(topic)) == of_alarms:
                # of infra/alarms.yaml; its id says neither
                continue
            shown = name_in_arn(endpoint) if endpoint.startswith("arn:") else endpoint
            arn = subscription["SubscriptionArn"]
            # until it is confirmed, it has no ARN
            attributes = (
                sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
                if arn.startswith("arn:")
                else {}
            )
            facts[f"{shown}{BETWEEN}{name_in_arn(topic)}"] = {
                "FilterPolicy": _json(attributes.get("FilterPolicy")),
                "FilterPolicyScope": attributes.get("FilterPolicyScope", "MessageAttributes"),
                "RawMessageDelivery": attributes.get("RawMessageDelivery") == "true",
                "RedrivePolicy": reported(model, _json(attributes.get("RedrivePolicy"))),
            }
    return facts


KINDS = (
    Kind("queue", (_QUEUE, _QUEUE_POLICY), _queues, _actual_queues),
    Kind("topic", (_TOPIC, _TOPIC_POLICY), _topics, _actual_topics),
    Kind("subscription", (), _subscriptions, _actual_subscriptions, of_release=True),
)
