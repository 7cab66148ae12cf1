"""Tables, buckets and other resources with data outlive their stack, and tables can be restored."""

from collections.abc import Iterator, Mapping
from typing import Any

from shopctl.checking.repository import Repository
from shopctl.project.finding import Finding

# resources with data, and those whose id or address cannot be created again
_RETAINED = (
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolGroup",
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::SES::EmailIdentity",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
)
# with the second value, a failed first creation leaves nothing and can be retried
_POLICIES = {
    "DeletionPolicy": ("Retain", "RetainExceptOnCreate"),
    "UpdateReplacePolicy": ("Retain",),
}
# by type: properties whose value must be one of these, at least where data is retained
_TABLE = {
    ("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"): (True, False),
    ("DeletionProtectionEnabled",): (True, False),
}
_PROTECTED: Mapping[str, Mapping[tuple[str, ...], tuple[Any, Any]]] = {
    "AWS::DynamoDB::Table": _TABLE,
    "AWS::Cognito::UserPool": {("DeletionProtection",): ("ACTIVE", "INACTIVE")},
}


def check(repository: Repository) -> Iterator[Finding]:
    """Yield resources that would be deleted with their stack, or are not protected otherwise."""
    for service in repository.services.values():
        for logical_id, resource in (service.resources.at("Resources") or {}).items():
            if resource.get("Type") not in _RETAINED:
                continue
            for key, values in _POLICIES.items():
                if resource.get(key) not in values:
                    yield repository.finding(
                        service.resources_file,
                        service.resources.line_of("Resources", logical_id, key),
                        f"{logical_id} has no {key} that retains it.",
                        f"Set {key} to {values[-1]}; stages without `retain_data` ignore it.",
                    )
            for path, (on, off) in _PROTECTED.get(resource.get("Type"), {}).items():
                value = resource.at("Properties", *path)
                if value not in (on, {"Fn::If": ["RetainsData", on, off]}):
                    yield repository.finding(
                        service.resources_file,
                        service.resources.line_of("Resources", logical_id, "Properties", *path),
                        f"{logical_id} has no {path[-1]}.",
                        f'Set it to {{"Fn::If": [RetainsData, {on}, {off}]}}'.replace(
                            "True, False", "true, false"
                        )
                        + ".",
                    )
