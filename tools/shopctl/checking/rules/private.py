"""Private routes are IAM-authorized, on PRIVATE endpoints that deny all but the callers' roles."""

import ast
from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.checking.service_source import ServiceSource
from shopctl.project.finding import Finding
from shopctl.project.source import Module, called

_ENDPOINT = ("Resources", "RestAPI", "Properties", "EndpointConfiguration")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield routes and endpoints of private services that others could reach."""
    for service in repository.services.values():
        yield from _endpoint(repository, service)
        yield from _app(repository, service)
        if not service.is_public:
            yield from _routes(repository, service)
            yield from _policy_is_packaged(repository, service)


def _app(repository: Repository, service: ServiceSource) -> Iterator[Finding]:
    for call in service.entry.calls("ServiceApp"):
        is_public = any(
            item.arg == "public" and not _is(item.value, False) for item in call.keywords
        )
        if is_public != service.is_public:
            yield repository.finding(
                service.entry.path,
                call.lineno,
                f"{service.name} is {service.manifest.visibility} in its service.toml, and"
                f" {'public' if is_public else 'private'} in its app.",
                f"{'Set' if service.is_public else 'Remove'} `public=True` here, or change"
                " `visibility` there.",
            )


def _endpoint(repository: Repository, service: ServiceSource) -> Iterator[Finding]:
    kind = service.delivery.at(*_ENDPOINT, "Type")
    allowed = ("REGIONAL", "EDGE") if service.is_public else ("PRIVATE",)
    if kind not in allowed:
        yield repository.finding(
            service.delivery_file,
            service.delivery.line_of(*_ENDPOINT, "Type"),
            f"{service.name} is {service.manifest.visibility}, and its endpoint is"
            f" {kind or 'not set'}.",
            f"Set {'.'.join(_ENDPOINT)}.Type to {allowed[0]}.",
        )


def _routes(repository: Repository, service: ServiceSource) -> Iterator[Finding]:
    # ServiceApp.serves requires IAM authorization by default
    for module, node in _method_calls(service):
        name = called(node)
        has_authorizer = len(node.args) > 1 or any(
            item.arg == "authorizer" for item in node.keywords
        )
        if name in ("route", "serves_document") or (name == "serves" and has_authorizer):
            yield repository.finding(
                module.path,
                node.lineno,
                f"This route of the private service {service.name} may not be IAM-authorized.",
                "Serve it with `@app.serves(operation)` without other arguments.",
            )


def _method_calls(service: ServiceSource) -> Iterator[tuple[Module, ast.Call]]:
    for module in (service.entry, *service.blueprints):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield module, node


def _policy_is_packaged(repository: Repository, service: ServiceSource) -> Iterator[Finding]:
    for stage in service.config.get("stages", {}):
        path = ("stages", stage, "api_gateway_policy_file")
        if service.config.at(*path) != f"callers-{stage}.json":
            yield repository.finding(
                service.config_file,
                service.config.line_of(*path),
                f"The API of {service.name} does not deny requests of roles that must not call it.",
                f"Set api_gateway_policy_file to callers-{stage}.json.",
            )


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
