"""Resources with data are retained when their stack is deleted or replaces them."""

from collections.abc import Iterator

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


def check(repository: Repository) -> Iterator[Finding]:
    """Yield resources that would be deleted with their stack or when they are replaced."""
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
