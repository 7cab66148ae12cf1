"""Every private route is IAM-authorised, on a PRIVATE endpoint that denies all but its callers."""

import ast
from collections.abc import Iterator

from shopctl.checking.repository import App, Repository
from shopctl.project.finding import Finding
from shopctl.project.source import Module, called

_ENDPOINT = ("Resources", "RestAPI", "Properties", "EndpointConfiguration")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield routes and endpoints of private services that others could reach."""
    for app in repository.apps.values():
        public = app.manifest.visibility == "public"
        yield from _endpoint(repository, app, public=public)
        for call in app.entry.calls("ServiceApp"):
            said = any(
                item.arg == "public" and not _is(item.value, False) for item in call.keywords
            )
            if said != public:
                yield repository.finding(
                    app.entry.path,
                    call.lineno,
                    f"{app.name} is {app.manifest.visibility} by its service.toml, and its app is"
                    f" {'public' if said else 'private'}.",
                    f"{'Set' if public else 'Take out'} `public=True` here, or change it there.",
                )
        if not public:
            yield from _routes(repository, app)
            yield from _policy_is_packaged(repository, app)


def _endpoint(repository: Repository, app: App, *, public: bool) -> Iterator[Finding]:
    kind = app.delivery.at(*_ENDPOINT, "Type")
    allowed = ("REGIONAL", "EDGE") if public else ("PRIVATE",)
    if kind not in allowed:
        yield repository.finding(
            app.delivery_path,
            app.delivery.line_of(*_ENDPOINT, "Type"),
            f"{app.name} is {app.manifest.visibility}, and its endpoint is {kind or 'not set'}.",
            f"Set {'.'.join(_ENDPOINT)}.Type to {allowed[0]}.",
        )


def _routes(repository: Repository, app: App) -> Iterator[Finding]:
    # ServiceApp.serves authorises by IAM unless it is told otherwise
    for module, node in _calls(app):
        name = called(node)
        told = len(node.args) > 1 or any(item.arg == "authorizer" for item in node.keywords)
        if name == "route" or (name == "serves" and told):
            yield repository.finding(
                module.path,
                node.lineno,
                f"This route of the private service {app.name} is not IAM-authorised for sure.",
                "Serve it with `@app.serves(operation)` and nothing else.",
            )


def _calls(app: App) -> Iterator[tuple[Module, ast.Call]]:
    for module in (app.entry, *app.blueprints):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield module, node


def _policy_is_packaged(repository: Repository, app: App) -> Iterator[Finding]:
    for stage in app.config.get("stages", {}):
        path = ("stages", stage, "api_gateway_policy_file")
        if app.config.at(*path) != f"callers-{stage}.json":
            yield repository.finding(
                app.config_path,
                app.config.line_of(*path),
                f"The API of {app.name} does not deny those who are not its callers.",
                f"Set api_gateway_policy_file to callers-{stage}.json.",
            )


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
