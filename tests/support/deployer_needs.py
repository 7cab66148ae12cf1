"""What CloudFormation needs to be allowed for a template, by the schemas of its resource types."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from support.paths import SAMPLE_STAGES

OPERATIONS = ("create", "read", "update", "delete")

_STAGE = tomllib.loads(SAMPLE_STAGES.read_text())["prod"]
REGION: str = _STAGE["region"]
ACCOUNT: str = _STAGE["account"]
_ROOT = f"{REGION}:{ACCOUNT}"
_STACK = "toyshop-prod-service"
# The ARN of a resource of each type, and the property that names it, if any. AWS generates the
# other names, some of them from the stack's name.
_ARNS: dict[str, tuple[str, str]] = {
    "AWS::ApiGateway::Deployment": (
        f"arn:aws:apigateway:{REGION}::/restapis/a1/deployments/d1",
        "",
    ),
    "AWS::ApiGateway::RestApi": (f"arn:aws:apigateway:{REGION}::/restapis/a1", ""),
    "AWS::ApiGateway::Stage": (f"arn:aws:apigateway:{REGION}::/restapis/a1/stages/api", ""),
    "AWS::CloudWatch::Alarm": (f"arn:aws:cloudwatch:{_ROOT}:alarm:{{name}}", "AlarmName"),
    "AWS::CloudWatch::CompositeAlarm": (f"arn:aws:cloudwatch:{_ROOT}:alarm:{{name}}", "AlarmName"),
    "AWS::CloudWatch::Dashboard": (
        f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{{name}}",
        "DashboardName",
    ),
    "AWS::CodeDeploy::Application": (f"arn:aws:codedeploy:{_ROOT}:application:{_STACK}-A1", ""),
    "AWS::CodeDeploy::DeploymentGroup": (
        f"arn:aws:codedeploy:{_ROOT}:deploymentgroup:{_STACK}-A1/{_STACK}-G1",
        "",
    ),
    "AWS::Cognito::UserPool": (f"arn:aws:cognito-idp:{_ROOT}:userpool/{REGION}_P1", ""),
    "AWS::Cognito::UserPoolClient": (f"arn:aws:cognito-idp:{_ROOT}:userpool/{REGION}_P1", ""),
    "AWS::Cognito::UserPoolGroup": (f"arn:aws:cognito-idp:{_ROOT}:userpool/{REGION}_P1", ""),
    "AWS::DynamoDB::Table": (f"arn:aws:dynamodb:{_ROOT}:table/{{name}}", "TableName"),
    "AWS::Events::Rule": (f"arn:aws:events:{_ROOT}:rule/{_STACK}-R1", ""),
    "AWS::IAM::Role": (f"arn:aws:iam::{ACCOUNT}:role/{{name}}", "RoleName"),
    "AWS::Lambda::Alias": (f"arn:aws:lambda:{_ROOT}:function:toyshop-prod-x", ""),
    "AWS::Lambda::EventInvokeConfig": (f"arn:aws:lambda:{_ROOT}:function:toyshop-prod-x", ""),
    "AWS::Lambda::EventSourceMapping": (f"arn:aws:lambda:{_ROOT}:event-source-mapping:m1", ""),
    "AWS::Lambda::Function": (f"arn:aws:lambda:{_ROOT}:function:{{name}}", "FunctionName"),
    "AWS::Lambda::Permission": (f"arn:aws:lambda:{_ROOT}:function:toyshop-prod-x", ""),
    "AWS::Lambda::Version": (f"arn:aws:lambda:{_ROOT}:function:toyshop-prod-x", ""),
    "AWS::Logs::LogGroup": (f"arn:aws:logs:{_ROOT}:log-group:{{name}}", "LogGroupName"),
    "AWS::S3::Bucket": ("arn:aws:s3:::{name}", "BucketName"),
    "AWS::S3::BucketPolicy": ("arn:aws:s3:::toyshop-prod-x", ""),
    "AWS::SES::EmailIdentity": (f"arn:aws:ses:{_ROOT}:identity/{{name}}", "EmailIdentity"),
    "AWS::SNS::Subscription": (f"arn:aws:sns:{_ROOT}:toyshop-prod-x", ""),
    "AWS::SNS::Topic": (f"arn:aws:sns:{_ROOT}:{{name}}", "TopicName"),
    "AWS::SNS::TopicPolicy": (f"arn:aws:sns:{_ROOT}:toyshop-prod-x", ""),
    "AWS::SQS::Queue": (f"arn:aws:sqs:{_ROOT}:{{name}}", "QueueName"),
    "AWS::SQS::QueuePolicy": (f"arn:aws:sqs:{_ROOT}:toyshop-prod-x", ""),
    "AWS::SSM::Parameter": (f"arn:aws:ssm:{_ROOT}:parameter{{name}}", "Name"),
    "AWS::SecretsManager::Secret": (
        f"arn:aws:secretsmanager:{_ROOT}:secret:{{name}}-a1b2c3",
        "Name",
    ),
}
_KNOWN = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "Stage": "prod",
    "SenderDomain": _STAGE["sender_domain"],
    "BucketSuffix": _STAGE["bucket_suffix"],
}
_VARIABLE = re.compile(r"\$\{([\w:]+)\}")


@dataclass(frozen=True)
class Unneeded:
    """Actions that the handlers of a type of resource need for properties that are not used.

    Attributes
    ----------
    type
        The type of resource.
    actions
        The actions, as the schema names them, separated by spaces; ``kms:*`` stands for all of a
        service.
    properties
        Names of the properties that need them, separated by spaces, wherever they are.
    """

    type: str
    actions: str
    properties: str

    def covers(self, kind: str, action: str) -> bool:
        names = self.actions.split()
        return kind == self.type and (action in names or f"{action.partition(':')[0]}:*" in names)


UNNEEDED = (
    Unneeded("AWS::ApiGateway::RestApi", "s3:GetObject", "BodyS3Location"),
    Unneeded("AWS::ApiGateway::RestApi", "iam:PassRole", "credentials"),
    Unneeded(
        "AWS::CodeDeploy::DeploymentGroup",
        "codedeploy:RegisterOnPremisesInstance",
        "OnPremisesInstanceTagFilters OnPremisesTagSet",
    ),
    Unneeded("AWS::Cognito::UserPool", "iam:PassRole", "SmsConfiguration"),
    Unneeded("AWS::Cognito::UserPool", "kms:*", "KMSKeyID"),
    Unneeded("AWS::Cognito::UserPoolClient", "iam:*", "AnalyticsConfiguration"),
    Unneeded("AWS::Cognito::UserPoolGroup", "iam:*", "RoleArn"),
    Unneeded("AWS::DynamoDB::Table", "kinesis:*", "KinesisStreamSpecification"),
    Unneeded(
        "AWS::DynamoDB::Table",
        "iam:CreateServiceLinkedRole",
        "KinesisStreamSpecification ContributorInsightsSpecification",
    ),
    Unneeded("AWS::DynamoDB::Table", "logs:* s3:*", "ImportSourceSpecification"),
    # the policy of AWS's own key admits whoever may use the table
    Unneeded("AWS::DynamoDB::Table", "kms:*", "KMSMasterKeyId"),
    Unneeded("AWS::Events::Rule", "iam:PassRole", "RoleArn"),
    Unneeded(
        "AWS::IAM::Role",
        "iam:PutRolePermissionsBoundary iam:DeleteRolePermissionsBoundary",
        "PermissionsBoundary",
    ),
    Unneeded("AWS::IAM::Role", "iam:UpdateRoleDescription", "Description"),
    Unneeded("AWS::Lambda::EventSourceMapping", "kms:*", "KmsKeyArn"),
    Unneeded("AWS::Lambda::Function", "kms:*", "KmsKeyArn SourceKMSKeyArn"),
    Unneeded("AWS::Lambda::Function", "elasticfilesystem:* s3files:*", "FileSystemConfigs"),
    Unneeded("AWS::Lambda::Function", "lambda:GetCodeSigningConfig", "CodeSigningConfigArn"),
    Unneeded("AWS::Lambda::Function", "lambda:GetLayerVersion", "Layers"),
    Unneeded("AWS::Lambda::Function", "lambda:PassCapacityProvider", "CapacityProviderConfig"),
    Unneeded("AWS::Lambda::Function", "s3:GetObjectVersion", "S3ObjectVersion"),
    Unneeded(
        "AWS::Logs::LogGroup",
        "logs:PutDataProtectionPolicy logs:DeleteDataProtectionPolicy",
        "DataProtectionPolicy",
    ),
    Unneeded(
        "AWS::Logs::LogGroup",
        "logs:PutResourcePolicy logs:DeleteResourcePolicy",
        "ResourcePolicyDocument",
    ),
    Unneeded(
        "AWS::Logs::LogGroup", "logs:PutIndexPolicy logs:DeleteIndexPolicy", "FieldIndexPolicies"
    ),
    Unneeded("AWS::Logs::LogGroup", "logs:AssociateKmsKey logs:DisassociateKmsKey", "KmsKeyId"),
    Unneeded("AWS::Logs::LogGroup", "logs:CreateLogDelivery s3:* firehose:*", "LogGroupClass"),
    Unneeded(
        "AWS::Logs::LogGroup", "logs:PutLogGroupDeletionProtection", "DeletionProtectionEnabled"
    ),
    Unneeded(
        "AWS::Logs::LogGroup",
        "logs:PutBearerTokenAuthentication",
        "BearerTokenAuthenticationEnabled",
    ),
    Unneeded("AWS::S3::Bucket", "s3:PutAnalyticsConfiguration", "AnalyticsConfigurations"),
    Unneeded("AWS::S3::Bucket", "s3:DeleteBucketAnalyticsConfiguration", "AnalyticsConfigurations"),
    Unneeded("AWS::S3::Bucket", "s3:PutInventoryConfiguration", "InventoryConfigurations"),
    Unneeded(
        "AWS::S3::Bucket",
        "s3:PutMetricsConfiguration s3:DeleteBucketMetricsConfiguration",
        "MetricsConfigurations",
    ),
    Unneeded("AWS::S3::Bucket", "s3:PutAccelerateConfiguration", "AccelerateConfiguration"),
    Unneeded(
        "AWS::S3::Bucket",
        "s3:PutIntelligentTieringConfiguration",
        "IntelligentTieringConfigurations",
    ),
    Unneeded(
        "AWS::S3::Bucket",
        "s3:PutReplicationConfiguration s3:DeleteBucketReplication iam:PassRole",
        "ReplicationConfiguration",
    ),
    Unneeded(
        "AWS::S3::Bucket",
        "s3:PutObjectLockConfiguration",
        "ObjectLockConfiguration ObjectLockEnabled",
    ),
    Unneeded(
        "AWS::S3::Bucket",
        "s3:PutObjectAcl s3:DeleteObject",
        "AccessControl ReplicationConfiguration",
    ),
    Unneeded("AWS::S3::Bucket", "s3:DeleteBucketWebsite", "WebsiteConfiguration"),
    Unneeded(
        "AWS::S3::Bucket",
        "s3tables:* s3:CreateBucketMetadataTableConfiguration"
        " s3:DeleteBucketMetadataTableConfiguration"
        " s3:UpdateBucketMetadataJournalTableConfiguration"
        " s3:UpdateBucketMetadataInventoryTableConfiguration"
        " s3:UpdateBucketMetadataAnnotationTableConfiguration",
        "MetadataTableConfiguration MetadataConfiguration",
    ),
    Unneeded(
        "AWS::SES::EmailIdentity",
        "ses:PutEmailIdentityConfigurationSetAttributes",
        "ConfigurationSetAttributes",
    ),
    Unneeded(
        "AWS::SES::EmailIdentity",
        "ses:PutEmailIdentityDkimSigningAttributes",
        "DkimSigningAttributes",
    ),
    Unneeded("AWS::SNS::Subscription", "iam:*", "SubscriptionRoleArn"),
    Unneeded("AWS::SNS::Topic", "iam:*", "DeliveryStatusLogging"),
)

# The schemas name these, but they are operations of S3's API without an action of their own: they
# need the action that sets the configuration.
NO_ACTIONS = {
    "s3:DeleteBucketCors",
    "s3:DeleteBucketEncryption",
    "s3:DeleteBucketLifecycle",
    "s3:DeleteBucketTagging",
}


# the services that resources of a type pass their roles to
_PASSED_TO = {
    "AWS::Lambda::Function": "lambda.amazonaws.com",
    "AWS::CodeDeploy::DeploymentGroup": "codedeploy.amazonaws.com",
}
# "Authorizing Amazon Cognito to send Amazon SES email on your behalf"
_LINKED_SERVICES = {"AWS::Cognito::UserPool": "email.cognito-idp.amazonaws.com"}


@dataclass(frozen=True)
class Need:
    """An action that CloudFormation needs for a resource, with the resource's ARN.

    Attributes
    ----------
    sent
        The values for conditions, by key, as pairs.
    """

    type: str
    action: str
    arn: str
    sent: tuple[tuple[str, str], ...] = ()


def needs(templates: Mapping[str, Any]) -> set[Need]:
    """Return what CloudFormation needs to be allowed, to deploy and delete these templates."""
    return {
        Need(resource["Type"], action, arn_of(resource), tuple(sent.items()))
        for template in templates.values()
        for resource in template["Resources"].values()
        for action in _handled(resource["Type"])
        if action not in NO_ACTIONS
        and not any(one.covers(resource["Type"], action) for one in UNNEEDED)
        for sent in _sent(action, resource, template["Resources"])
    }


def unneeded_but_used(templates: Mapping[str, Any]) -> list[Unneeded]:
    """Return the exclusions whose properties are used, or whose actions no handler needs."""
    used: dict[str, set[str]] = {}
    for resource in _resources(templates):
        used.setdefault(resource["Type"], set()).update(_names(resource.get("Properties", {})))
    return [
        one
        for one in UNNEEDED
        if used.get(one.type, set()) & set(one.properties.split())
        or not any(one.covers(one.type, action) for action in _handled(one.type))
    ]


def arn_of(resource: Mapping[str, Any]) -> str:
    """Return the ARN of a resource of the stage."""
    pattern, name = _ARNS[resource["Type"]]
    value = resource.get("Properties", {}).get(name)
    return pattern.format(name=f"{_STACK}-N1" if value is None else _text(value))


def _sent(
    action: str, resource: Mapping[str, Any], others: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Return the values for conditions of each call of an action for a resource."""
    kind, properties = resource["Type"], resource.get("Properties", {})
    if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        return [{"iam:PolicyARN": arn} for arn in properties.get("ManagedPolicyArns", [])]
    if action == "iam:PassRole":
        return [{"iam:PassedToService": _PASSED_TO[kind]}]
    if action == "iam:CreateServiceLinkedRole":
        return [{"iam:AWSServiceName": _LINKED_SERVICES[kind]}]
    if kind == "AWS::Lambda::EventSourceMapping":
        return [{"lambda:FunctionArn": _function(properties["FunctionName"], others)}]
    return [{}]


def _function(reference: Mapping[str, str], resources: Mapping[str, Any]) -> str:
    """Return the ARN of the function, or of its alias, that a reference is to."""
    found = resources[reference["Ref"]]
    if found["Type"] == "AWS::Lambda::Alias":
        properties = found["Properties"]
        return f"{_function(properties['FunctionName'], resources)}:{properties['Name']}"
    return arn_of(found)


def _resources(templates: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for template in templates.values():
        yield from template["Resources"].values()


@cache
def _handled(kind: str) -> frozenset[str]:
    """Return the actions that the handlers of a type of resource use, and those for its tags.

    All stacks are tagged, and CloudFormation tags their resources.
    """
    # only the environment of these tests has the schemas
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    schema: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    handlers = schema["handlers"]
    actions = {action for name in OPERATIONS for action in _permissions(handlers.get(name))}
    return frozenset(actions | set(_permissions(schema.get("tagging"))))


def _permissions(block: Mapping[str, Any] | None) -> list[str]:
    found: list[str] = (block or {}).get("permissions", [])
    return found


def _names(value: Any) -> set[str]:
    """Return all names of properties in a value."""
    if isinstance(value, dict):
        return {*value, *(name for child in value.values() for name in _names(child))}
    if isinstance(value, list):
        return {name for child in value for name in _names(child)}
    return set()


def _text(value: Any) -> str:
    """Return a name with its variables filled in; a reference to another resource is a name."""
    if isinstance(value, str):
        return value
    if "Fn::Sub" in value:
        return _VARIABLE.sub(lambda found: _KNOWN.get(found[1], "toyshop-prod-x"), value["Fn::Sub"])
    if "Ref" in value:
        return _KNOWN[value["Ref"]]
    raise AssertionError(json.dumps(value))
