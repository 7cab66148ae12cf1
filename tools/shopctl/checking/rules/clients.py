"""service.toml lists exactly the AWS services that the code has clients of."""

from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.checking.service_source import ServiceSource
from shopctl.project.finding import Finding
from shopctl.project.source import Module, text_of

# parts of the chassis that create a client themselves
_CREATED_BY = {"chassis.records": "dynamodb"}


def check(repository: Repository) -> Iterator[Finding]:
    """Yield clients that are not declared, and declared ones that no code creates."""
    for service in repository.services.values():
        created = _clients_of(service)
        declared = set(service.manifest.aws)
        for name in sorted(set(created) - declared):
            module, line = created[name]
            yield repository.finding(
                module.path,
                line,
                f"{service.name} uses {name}, which its service.toml does not declare.",
                "Add it to `aws` there: the package contains botocore's models of these alone.",
            )
        for name in sorted(declared - set(created)):
            yield repository.in_manifest(
                service.manifest_file,
                f'"{name}"',
                f"{service.name} declares that it uses {name}, which no code does.",
                "Remove it from `aws`.",
            )


def _clients_of(service: ServiceSource) -> dict[str, tuple[Module, int]]:
    """Return the AWS services that a service has clients of, each with the first place."""
    created: dict[str, tuple[Module, int]] = {}
    for module in service.modules:
        for call in module.calls("client"):
            if module.resolve(call.func) == "chassis.aws.client" and (
                name := text_of(call, "service", 0)
            ):
                created.setdefault(name, (module, call.lineno))
        for item in module.imports:
            for part, name in _CREATED_BY.items():
                if item.is_in(part):
                    created.setdefault(name, (module, item.line))
    return created
