"""Each service creates exactly the resources that its service.toml declares, named after it."""

from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.checking.service_source import ServiceSource
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
    for service in repository.services.values():
        yield from _of_service(repository, service)


def _of_service(repository: Repository, service: ServiceSource) -> Iterator[Finding]:
    created: set[tuple[str, str]] = set()
    for path, template in (
        (service.resources_file, service.resources),
        (service.delivery_file, service.delivery),
    ):
        for logical_id, resource in (template.at("Resources") or {}).items():
            kind, key = _KINDS.get(resource.get("Type"), ("", ""))
            if not kind:
                continue
            line = template.line_of("Resources", logical_id)
            name = short(resource.at("Properties", key)) or ""
            if name != service.dashed and not name.startswith(f"{service.dashed}-"):
                yield repository.finding(
                    path,
                    line,
                    f"The name of {logical_id} does not start with"
                    f" toyshop-<stage>-{service.dashed}.",
                    f"Set its {key}: the name shows which service owns it.",
                )
            elif name not in getattr(service.manifest.owns, kind):
                yield repository.finding(
                    path,
                    line,
                    f"{service.name} creates {name}, which its service.toml does not declare.",
                    f'Add "{name}" to `owns.{kind}` there.',
                )
            created.add((kind, name))
    for kind, _ in _KINDS.values():
        for name in getattr(service.manifest.owns, kind):
            if (kind, name) not in created:
                yield repository.in_manifest(
                    service.manifest_file,
                    f'"{name}"',
                    f"{service.name} declares that it owns {name}, which no template creates.",
                    f"Remove it from `owns.{kind}`, or create it in resources.yaml.",
                )
