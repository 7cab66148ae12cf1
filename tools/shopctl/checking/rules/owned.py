"""What resources.yaml creates is what service.toml says the service owns, and named after it."""

from collections.abc import Iterator

from shopctl.checking.repository import App, Repository
from shopctl.project.aws_names import short
from shopctl.project.finding import Finding

_KINDS = {
    "AWS::DynamoDB::Table": ("tables", "TableName"),
    "AWS::SNS::Topic": ("topics", "TopicName"),
    "AWS::SQS::Queue": ("queues", "QueueName"),
    "AWS::S3::Bucket": ("buckets", "BucketName"),
    "AWS::SecretsManager::Secret": ("secrets", "Name"),
    "AWS::Cognito::UserPool": ("user_pools", "UserPoolName"),
}


def check(repository: Repository) -> Iterator[Finding]:
    """Yield resources that are not declared, misnamed, or declared and not created."""
    for app in repository.apps.values():
        yield from _of(repository, app)


def _of(repository: Repository, app: App) -> Iterator[Finding]:
    created: set[tuple[str, str]] = set()
    for path, template in (
        (app.resources_path, app.resources),
        (app.delivery_path, app.delivery),
    ):
        for logical_id, resource in (template.at("Resources") or {}).items():
            kind, key = _KINDS.get(resource.get("Type"), ("", ""))
            if not kind:
                continue
            line = template.line_of("Resources", logical_id)
            name = short(resource.at("Properties", key)) or ""
            if name != app.dashed and not name.startswith(f"{app.dashed}-"):
                yield repository.finding(
                    path,
                    line,
                    f"The name of {logical_id} does not begin with toyshop-<stage>-{app.dashed}.",
                    f"Set its {key}: one knows by it whose it is.",
                )
            elif name not in getattr(app.manifest.owns, kind):
                yield repository.finding(
                    path,
                    line,
                    f"{app.name} creates {name}, which its service.toml does not say.",
                    f'Add "{name}" to `owns.{kind}` there.',
                )
            created.add((kind, name))
    for kind, _ in _KINDS.values():
        for name in getattr(app.manifest.owns, kind):
            if (kind, name) not in created:
                yield repository.declared(
                    app,
                    f'"{name}"',
                    f"{app.name} declares that it owns {name}, and no template creates it.",
                    f"Take it out of `owns.{kind}`, or create it in resources.yaml.",
                )
