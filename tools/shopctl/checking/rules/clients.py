"""Every AWS service whose client the code makes is in service.toml, and the other way round."""

from collections.abc import Iterator

from shopctl.checking.repository import App, Repository
from shopctl.project.finding import Finding
from shopctl.project.source import Module, text_of

# parts of the chassis that make a client by themselves
_BROUGHT = {"chassis.records": "dynamodb"}


def check(repository: Repository) -> Iterator[Finding]:
    """Yield clients that are not declared, and declared ones that no code makes."""
    for app in repository.apps.values():
        made = clients_of(app)
        for name in sorted(set(made) - set(app.manifest.aws)):
            module, line = made[name]
            yield repository.finding(
                module.path,
                line,
                f"{app.name} uses {name}, which its service.toml does not say.",
                "Add it to `aws` there: the package leaves the models of other services out.",
            )
        for name in sorted(set(app.manifest.aws) - set(made)):
            yield repository.declared(
                app,
                f'"{name}"',
                f"{app.name} declares that it uses {name}, and no code does.",
                "Take it out of `aws`.",
            )


def clients_of(app: App) -> dict[str, tuple[Module, int]]:
    """Return the AWS services that an app's code has a client of, with a place."""
    made: dict[str, tuple[Module, int]] = {}
    for module in app.modules:
        for call in module.calls("client"):
            if module.resolve(call.func) == "chassis.aws.client" and (
                name := text_of(call, "service", 0)
            ):
                made.setdefault(name, (module, call.lineno))
        for item in module.imports:
            for part, name in _BROUGHT.items():
                if item.is_in(part):
                    made.setdefault(name, (module, item.line))
    return made
