"""Every declared call of another service is allowed by a policy in every stage."""

from collections.abc import Iterator

from shopctl.checking import iam
from shopctl.checking.repository import Repository
from shopctl.checking.service_source import ServiceSource
from shopctl.project.finding import Finding


def check(repository: Repository) -> Iterator[Finding]:
    """Yield declared calls that no policy of the service allows."""
    for service in repository.services.values():
        for stage in service.config.get("stages", {}):
            yield from _stage(repository, service, stage)


def _stage(repository: Repository, service: ServiceSource, stage: str) -> Iterator[Finding]:
    allowed = {
        (callee.name, operation.name)
        for policy in service.policies
        if policy.stage == stage
        for _, callee, operation in iam.allowed_operations(repository, policy)
    }
    for callee, operations in service.manifest.calls.items():
        for operation in operations:
            if (callee, operation) not in allowed:
                yield repository.in_manifest(
                    service.manifest_file,
                    f'"{operation}"',
                    f"No policy of the stage {stage} allows {service.name} to call {operation} of"
                    f" {callee}.",
                    "Allow it in `functions` for the function that makes the call.",
                )
