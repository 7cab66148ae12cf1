"""The repository as the checks read it."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from shopctl.checking.packaged_templates import Packaged, package
from shopctl.project import manifest, stages, yaml_lines
from shopctl.project.finding import Finding
from shopctl.project.manifest import Manifest
from shopctl.project.source import Module, called, modules, text_of
from shopctl.project.stages import Stage
from shopctl.project.yaml_lines import Block

_HANDLERS = {
    "on_sns_message": "topic",
    "on_sqs_message": "queue",
    "on_dynamodb_record": "stream",
    "on_s3_event": "bucket",
    "schedule": "schedule",
    "lambda_function": "call",
    "authorizer": "authorizer",
}
CHALICE_TIMEOUT = 60
"""Seconds, unless the configuration says otherwise."""

_POLICY = re.compile(r"policy-(.+)-([a-z0-9]+)\.json$")


@dataclass(frozen=True)
class Operation:
    """An operation of a contract."""

    module: str
    name: str
    method: str
    path: str


@dataclass(frozen=True)
class Handler:
    """An entry point of a function: its module and its syntax tree."""

    module: Module
    node: ast.FunctionDef


@dataclass(frozen=True)
class Function:
    """A Lambda function of an app.

    Attributes
    ----------
    name
        Chalice's; the one of all routes is ``api_handler``.
    trigger
        What invokes it: ``api``, ``topic``, ``queue``, ``stream``, …
    line
        Line of its handler in `app.py`; 1 if all its handlers are in blueprints.
    handlers
        Its entry points.
    """

    name: str
    trigger: str
    line: int
    handlers: tuple[Handler, ...]

    @property
    def logical_id(self) -> str:
        """Its name in the template."""
        if self.name == "api_handler":
            return "APIHandler"
        return "".join(part.title() for part in self.name.split("_"))

    @property
    def role_id(self) -> str:
        """Its role's name in the template."""
        return f"{''.join(part.title() for part in self.name.split('_'))}Role"

    @property
    def dashed(self) -> str:
        """The name as it appears in names of AWS resources."""
        return self.name.replace("_", "-")


@dataclass(frozen=True)
class Policy:
    """An IAM policy file of a function of a stage."""

    path: Path
    function: str
    stage: str

    @cached_property
    def document(self) -> Block:
        """Its content; empty if it is not JSON, which a check of its own says."""
        try:
            return yaml_lines.read_json(self.path)
        except ValueError:
            return Block()

    @property
    def statements(self) -> list[Block]:
        """Its statements."""
        found = self.document.get("Statement", [])
        return [item for item in found if isinstance(item, Block)]


@dataclass(frozen=True)
class App:
    """A service's Chalice app."""

    name: str
    directory: Path

    @property
    def dashed(self) -> str:
        """The name as it appears in names of AWS resources."""
        return self.name.replace("_", "-")

    @cached_property
    def manifest(self) -> Manifest:
        """What it declares."""
        return manifest.read(self.manifest_path)

    @property
    def manifest_path(self) -> Path:
        """The file that declares it."""
        return self.directory / "service.toml"

    @cached_property
    def entry(self) -> Module:
        """Its `app.py`."""
        return Module("app", self.directory / "app.py")

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """Its modules, `app.py` first."""
        return (self.entry, *modules(self.directory / "chalicelib", "chalicelib"))

    def module(self, name: str) -> Module | None:
        """Return the module ``chalicelib.<service>.<name>``, if there is one."""
        dotted = f"chalicelib.{self.name}.{name}"
        return next((module for module in self.modules if module.name == dotted), None)

    @cached_property
    def blueprints(self) -> tuple[Module, ...]:
        """The modules whose blueprints `app.py` registers, in the same order."""
        registered = [
            (self.entry.resolve(call.args[0]) or "").rpartition(".")[0]
            for call in self.entry.calls("register_blueprint")
            if call.args
        ]
        by_name = {module.name: module for module in self.modules}
        return tuple(by_name[name] for name in registered if name in by_name)

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Its functions, as the decorators in `app.py` and its blueprints define them."""
        found: list[Function] = []
        routes: list[Handler] = []
        for module in (self.entry, *self.blueprints):
            for node in module.tree.body:
                if not isinstance(node, ast.FunctionDef):
                    continue
                handler = Handler(module, node)
                for decorator in node.decorator_list:
                    name = called(decorator) if isinstance(decorator, ast.Call) else ""
                    if name in ("serves", "route"):
                        routes.append(handler)
                    elif name in _HANDLERS:
                        found.append(Function(node.name, _HANDLERS[name], node.lineno, (handler,)))
        if routes or self.manifest.visibility == "private":
            lines = [handler.node.lineno for handler in routes if handler.module is self.entry]
            found.insert(0, Function("api_handler", "api", min(lines, default=1), tuple(routes)))
        return tuple(found)

    @cached_property
    def resources(self) -> Block:
        """Its `resources.yaml`."""
        return yaml_lines.read_yaml(self.resources_path)

    @property
    def resources_path(self) -> Path:
        """What outlives a release."""
        return self.directory / "resources.yaml"

    @cached_property
    def delivery(self) -> Block:
        """Its `delivery.yaml`."""
        return yaml_lines.read_yaml(self.delivery_path)

    @property
    def delivery_path(self) -> Path:
        """What Chalice's decorators cannot say."""
        return self.directory / "delivery.yaml"

    @cached_property
    def config(self) -> Block:
        """Its Chalice configuration."""
        return yaml_lines.read_json(self.config_path)

    @property
    def config_path(self) -> Path:
        """Where Chalice's configuration is."""
        return self.directory / ".chalice" / "config.json"

    def timeout_of(self, function: Function) -> tuple[int, int]:
        """Return after how many seconds a function is ended, and the line that says so."""
        paths = (
            ("stages", "local", "lambda_functions", function.name, "lambda_timeout"),
            ("stages", "local", "lambda_timeout"),
            ("lambda_timeout",),
        )
        for path in paths:
            if (seconds := self.config.at(*path)) is not None:
                return int(seconds), self.config.line_of(*path)
        return CHALICE_TIMEOUT, 1

    def mapping_of(self, function: Function) -> tuple[Block | None, int]:
        """Return the properties of the event source of a function, and its line."""
        path = ("Resources", function.logical_id, "Properties", "Events")
        events = self.delivery.at(*path) or {}
        name = next(iter(events), "")
        return self.delivery.at(*path, name, "Properties"), self.delivery.line_of(*path, name)

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Its policy files."""
        found = []
        for path in sorted((self.directory / ".chalice").glob("policy-*.json")):
            if match := _POLICY.match(path.name):
                found.append(Policy(path, match[1], match[2]))
        return tuple(found)


@dataclass(frozen=True)
class Repository:
    """A checkout of the shop."""

    root: Path

    @cached_property
    def apps(self) -> dict[str, App]:
        """The apps, by name."""
        paths = sorted((self.root / "apps").glob("*/service.toml"))
        return {path.parent.name: App(path.parent.name, path.parent) for path in paths}

    @cached_property
    def stages(self) -> list[Stage]:
        """The stages of `stages.toml`."""
        return stages.load_all(self.root / "stages.toml")

    @cached_property
    def packaged(self) -> list[Packaged]:
        """What Chalice makes of each app for each stage."""
        return package(self.apps.values(), self.stages)

    @cached_property
    def contracts(self) -> tuple[Module, ...]:
        """The modules of `libs/contracts`."""
        return modules(self.root / "libs" / "contracts" / "src" / "contracts", "contracts")

    @cached_property
    def chassis(self) -> tuple[Module, ...]:
        """The modules of `libs/chassis`."""
        return modules(self.root / "libs" / "chassis" / "src" / "chassis", "chassis")

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """Every operation of the contracts, by the dotted name of its constant."""
        return {
            dotted: Operation(
                module,
                text_of(call, "name") or "",
                text_of(call, "method") or "",
                text_of(call, "path") or "",
            )
            for module, dotted, call in self._constants("Operation")
        }

    @cached_property
    def events(self) -> Mapping[str, str]:
        """The name of every event type of the contracts, by the dotted name of its constant."""
        return {
            dotted: text_of(call, "name", 0) or ""
            for _, dotted, call in self._constants("EventType")
        }

    def _constants(self, kind: str) -> Iterator[tuple[str, str, ast.Call]]:
        for module in self.contracts:
            for node in module.tree.body:
                value = getattr(node, "value", None)
                if not isinstance(value, ast.Call) or called(value) != kind:
                    continue
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]  # type: ignore[attr-defined]
                for target in targets:
                    if isinstance(target, ast.Name):
                        yield module.name, f"{module.name}.{target.id}", value

    def operations_of(self, app: App) -> dict[str, Operation]:
        """Return the operations that others may call of a service, by name."""
        modules = {app.manifest.api}
        if app.manifest.visibility == "private":
            modules.add("contracts.health")
        return {
            operation.name: operation
            for operation in self.operations.values()
            if operation.module in modules
        }

    def finding(self, path: Path, line: int, what: str, remedy: str) -> Finding:
        """Return a finding with its path as the repository's root sees it."""
        place = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        return Finding(place, line, what, remedy)

    def declared(self, app: App, text: str, what: str, remedy: str) -> Finding:
        """Return a finding at the line of an app's manifest that has a text."""
        path = app.manifest_path
        return self.finding(path, yaml_lines.line_containing(path, text), what, remedy)
