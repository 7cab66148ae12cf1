"""Every function has its own policy file, name and role, and every policy file has a function."""

from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.checking.service_source import ServiceSource
from shopctl.project.aws_names import PREFIX, dashed
from shopctl.project.finding import Finding


def check(repository: Repository) -> Iterator[Finding]:
    """Yield functions without their own policy or name, and policies without a function."""
    for service in repository.services.values():
        for stage in service.config.get("stages", {}):
            yield from _configured(repository, service, stage)
            yield from _unused(repository, service, stage)
        if service.config.get("autogen_policy", True):
            yield repository.finding(
                service.config_file,
                service.config.line_of("autogen_policy"),
                "Chalice would generate the policies, which would allow too much.",
                "Set autogen_policy to false.",
            )
        yield from _names(repository, service)


def _configured(repository: Repository, service: ServiceSource, stage: str) -> Iterator[Finding]:
    """Check that each function of a stage names a policy file of its own."""
    path = ("stages", stage, "lambda_functions")
    for function in service.functions:
        name = function.name
        file = service.config.at(*path, name, "iam_policy_file")
        if not file or not (service.config_directory / file).exists():
            yield repository.finding(
                service.config_file,
                service.config.line_of(*path, name),
                f"{name} has no policy file of its own in the stage {stage}.",
                f"Declare `functions.{name}` in service.toml, then run ./shop configure.",
            )
        elif file != f"policy-{name}-{stage}.json":
            yield repository.finding(
                service.config_file,
                service.config.line_of(*path, name, "iam_policy_file"),
                f"{name} uses the policy file {file}, which is named after another function.",
                f"Use policy-{name}-{stage}.json, so that each function has its own permissions.",
            )


def _unused(repository: Repository, service: ServiceSource, stage: str) -> Iterator[Finding]:
    """Check that a stage configures no function and has no policy that does not exist."""
    path = ("stages", stage, "lambda_functions")
    configured = service.config.at(*path) or {}
    names = {function.name for function in service.functions}
    for name in sorted(set(configured) - names):
        yield repository.finding(
            service.config_file,
            service.config.line_of(*path, name),
            f"There is no function {name}.",
            "Remove it.",
        )
    files = {service.config.at(*path, name, "iam_policy_file") for name in names}
    for policy in service.policies:
        if policy.stage == stage and policy.path.name not in files:
            yield repository.finding(
                policy.path,
                1,
                f"No function of {service.name} uses this policy.",
                "Delete the file.",
            )


def _names(repository: Repository, service: ServiceSource) -> Iterator[Finding]:
    for function in service.functions:
        wanted = f"{PREFIX}{service.dashed}-{dashed(function.name)}"
        for logical_id, key in (
            (function.logical_id, "FunctionName"),
            (function.role_id, "RoleName"),
        ):
            path = ("Resources", logical_id, "Properties", key)
            if service.delivery.at(*path, "Fn::Sub") != wanted:
                yield repository.finding(
                    service.delivery_file,
                    service.delivery.line_of(*path),
                    f"The {key} of {function.name} is not {wanted}.",
                    f"Set {'.'.join(path)} to it: policies of other services name the role.",
                )
