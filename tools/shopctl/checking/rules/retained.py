"""What outlives a release outlives its stack too, wherever data are kept."""

from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.project.finding import Finding

# what holds data, and what others know by an id or an address that cannot be had again
_KEPT = (
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
# of these a first creation that fails leaves nothing behind, so that it can be tried again
_WANTED = {
    "DeletionPolicy": ("Retain", "RetainExceptOnCreate"),
    "UpdateReplacePolicy": ("Retain",),
}


def check(repository: Repository) -> Iterator[Finding]:
    """Yield resources that would go with their stack, or with a change of a name."""
    for app in repository.apps.values():
        for logical_id, resource in (app.resources.at("Resources") or {}).items():
            if resource.get("Type") not in _KEPT:
                continue
            for key, values in _WANTED.items():
                if resource.get(key) not in values:
                    yield repository.finding(
                        app.resources_path,
                        app.resources.line_of("Resources", logical_id, key),
                        f"{logical_id} has no {key} that keeps it.",
                        f"Set {key} to {values[-1]}; stages that keep no data do without it.",
                    )
