"""Resources that store data: tables, buckets, secrets."""

from collections.abc import Iterable, Mapping
from typing import Any

from shopctl.drift.change import UNKNOWN
from shopctl.drift.kinds.kind import (
    Facts,
    Kind,
    belongs_to_stage,
    describe,
    name_in_arn,
    pages,
    policy,
    reported,
)
from shopctl.drift.model import DeclaredResource, Model
from shopctl.project import aws_names

_TABLE, _SECRET = "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"
_BUCKET, _BUCKET_POLICY = "AWS::S3::Bucket", "AWS::S3::BucketPolicy"
_ENCRYPTED = ("ENABLED", "ENABLING", "UPDATING")
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def _tables(model: Model) -> Facts:
    return {declared.name: _table(declared.properties) for declared in model.of(_TABLE)}


def _table(properties: Mapping[str, Any]) -> dict[str, Any]:
    backups = properties.get("PointInTimeRecoverySpecification", {})
    expiry = properties.get("TimeToLiveSpecification", {})
    return {
        **_shape(properties),
        "BillingMode": properties.get("BillingMode", "PROVISIONED"),
        "StreamViewType": properties.get("StreamSpecification", {}).get("StreamViewType"),
        "PointInTimeRecovery": backups.get("PointInTimeRecoveryEnabled", False),
        "TimeToLive": expiry.get("AttributeName") if expiry.get("Enabled") else None,
        "DeletionProtection": properties.get("DeletionProtectionEnabled", False),
        "SSEEnabled": properties.get("SSESpecification", {}).get("SSEEnabled", False),
    }


def _shape(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return keys and indexes, which a template and the API describe in the same way."""

    def keys(schema: Iterable[Mapping[str, str]]) -> dict[str, str]:
        return {key["KeyType"]: key["AttributeName"] for key in schema}

    def indexes(kind: str) -> dict[str, Any]:
        return {
            index["IndexName"]: {
                "KeySchema": keys(index["KeySchema"]),
                "Projection": index["Projection"].get("ProjectionType"),
                "NonKeyAttributes": sorted(index["Projection"].get("NonKeyAttributes", [])),
            }
            for index in table.get(kind) or []
        }

    attributes = table.get("AttributeDefinitions", [])
    return {
        "KeySchema": keys(table["KeySchema"]),
        "Attributes": {one["AttributeName"]: one["AttributeType"] for one in attributes},
        "GlobalSecondaryIndexes": indexes("GlobalSecondaryIndexes"),
        "LocalSecondaryIndexes": indexes("LocalSecondaryIndexes"),
    }


def _actual_tables(model: Model) -> Facts:
    cloud = model.to.cloud
    names = pages(cloud, "dynamodb", "list_tables", "TableNames")
    return {name: _actual_table(model, name) for name in names if belongs_to_stage(model.to, name)}


def _actual_table(model: Model, name: str) -> dict[str, Any]:
    client = model.to.cloud.client("dynamodb")
    table = client.describe_table(TableName=name)["Table"]
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    stream = table.get("StreamSpecification", {})
    enabled = expiry.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    encryption = table.get("SSEDescription", {})
    return {
        **_shape(table),
        "BillingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "StreamViewType": stream.get("StreamViewType") if stream.get("StreamEnabled") else None,
        "PointInTimeRecovery": recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
        "TimeToLive": reported(model, expiry.get("AttributeName") if enabled else None),
        "DeletionProtection": table.get("DeletionProtectionEnabled", False),
        "SSEEnabled": reported(
            model, encryption.get("Status") in ("ENABLED", "ENABLING", "UPDATING")
        ),
    }


def _buckets(model: Model) -> Facts:
    policies = {
        str(declared.properties["Bucket"]): declared.properties["PolicyDocument"]
        for declared in model.of(_BUCKET_POLICY)
    }
    return {
        declared.name: _bucket(declared, policies.get(declared.name))
        for declared in model.of(_BUCKET)
    }


def _bucket(declared: DeclaredResource, document: Any) -> dict[str, Any]:
    properties = declared.properties
    block = properties.get("PublicAccessBlockConfiguration", {})
    cors = properties.get("CorsConfiguration", {}).get("CorsRules", [])
    queues = properties.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
    owners = properties.get("OwnershipControls", {}).get("Rules", [])
    return {
        "PublicAccessBlock": {name: block.get(name, False) for name in _BLOCKS},
        "Cors": [
            _cors({**rule, "ExposeHeaders": rule.get("ExposedHeaders", [])}, "MaxAge")
            for rule in cors
        ],
        "Notifications": {
            name_in_arn(str(one["Queue"])): {
                "Events": [one["Event"]],
                "Filter": _filter(one.get("Filter", {}).get("S3Key", {}).get("Rules", [])),
            }
            for one in queues
        },
        "Ownership": [rule["ObjectOwnership"] for rule in owners],
        "Versioning": properties.get("VersioningConfiguration", {}).get("Status"),
        "Lifecycle": [
            rule["Id"] for rule in properties.get("LifecycleConfiguration", {}).get("Rules", [])
        ],
        # a bucket without a declared policy may have one of another stack, such as the edge
        "Policy": UNKNOWN if document is None else policy(document),
    }


def _cors(rule: Mapping[str, Any], age: str) -> dict[str, Any]:
    names = ("AllowedOrigins", "AllowedMethods", "AllowedHeaders", "ExposeHeaders")
    return {**{name: sorted(rule.get(name, [])) for name in names}, "MaxAge": rule.get(age)}


def _filter(rules: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {rule["Name"].lower(): rule["Value"] for rule in rules}


def _actual_buckets(model: Model) -> Facts:
    own = aws_names.deployment_bucket(model.to.stage.name, "")
    found = model.to.cloud.client("s3").list_buckets()["Buckets"]
    names = (bucket["Name"] for bucket in found)
    return {
        name: _actual_bucket(model, name)
        for name in names
        if belongs_to_stage(model.to, name) and not name.startswith(own)
    }


def _actual_bucket(model: Model, name: str) -> dict[str, Any]:
    storage = model.to.cloud.client("s3")

    def of(operation: str, absent: str) -> dict[str, Any]:
        return describe(getattr(storage, operation), absent, Bucket=name)

    block = of("get_public_access_block", "NoSuch").get("PublicAccessBlockConfiguration", {})
    owners = of("get_bucket_ownership_controls", "NotFound").get("OwnershipControls", {})
    notified = storage.get_bucket_notification_configuration(Bucket=name)
    lifecycle = of("get_bucket_lifecycle_configuration", "NoSuch").get("Rules", [])
    return {
        "PublicAccessBlock": {one: block.get(one, False) for one in _BLOCKS},
        "Cors": [
            _cors(rule, "MaxAgeSeconds")
            for rule in of("get_bucket_cors", "NoSuch").get("CORSRules", [])
        ],
        "Notifications": {
            name_in_arn(target): {
                "Events": one["Events"],
                "Filter": _filter(one.get("Filter", {}).get("Key", {}).get("FilterRules", [])),
            }
            for kind, key in (
                ("QueueConfigurations", "QueueArn"),
                ("TopicConfigurations", "TopicArn"),
                ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
            )
            for one in notified.get(kind, [])
            for target in (one[key],)
        },
        "Ownership": [rule["ObjectOwnership"] for rule in owners.get("Rules", [])],
        "Versioning": storage.get_bucket_versioning(Bucket=name).get("Status"),
        "Lifecycle": reported(model, [rule.get("ID") for rule in lifecycle]),
        "Policy": policy(of("get_bucket_policy", "NoSuch").get("Policy")),
    }


def _secrets(model: Model) -> Facts:
    facts: Facts = {declared.name: {} for declared in model.of(_SECRET)}
    if not model.to.stage.gateway:
        facts |= {
            aws_names.gateway_secret(model.to.stage.name): {}
            for service in model.to.services
            if service.name == "payments"
        }
    return facts


def _actual_secrets(model: Model) -> Facts:
    found = pages(model.to.cloud, "secretsmanager", "list_secrets", "SecretList")
    names = (secret["Name"] for secret in found)
    return {name: {} for name in names if belongs_to_stage(model.to, name)}


KINDS = (
    Kind("table", (_TABLE,), _tables, _actual_tables),
    Kind("bucket", (_BUCKET, _BUCKET_POLICY), _buckets, _actual_buckets),
    Kind("secret", (_SECRET,), _secrets, _actual_secrets),
)
