"""A service with its code, templates, configuration and policies, parsed."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from shopctl.project import aws_names, yaml_lines
from shopctl.project.services import Service
from shopctl.project.source import Module, called, modules
from shopctl.project.yaml_lines import Block

DEFAULT_TIMEOUT = 60
"""Chalice's default of a function's timeout, in seconds."""

_TRIGGERS = {
    "on_sns_message": "topic",
    "on_sqs_message": "queue",
    "on_dynamodb_record": "stream",
    "on_s3_event": "bucket",
    "schedule": "schedule",
    "lambda_function": "call",
    "authorizer": "authorizer",
}
_POLICY = re.compile(r"policy-(.+)-([a-z0-9]+)\.json$")


@dataclass(frozen=True)
class Handler:
    """An entry point of a function: its module and its syntax tree."""

    module: Module
    node: ast.FunctionDef


@dataclass(frozen=True)
class LambdaFunction:
    """A Lambda function as a decorator in `app.py` or a blueprint defines it.

    Attributes
    ----------
    name
        Chalice's name; ``api_handler`` serves all routes.
    trigger
        Kind of source that invokes it: ``api``, ``topic``, ``queue``, ``stream``, …
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
        """Id of the function in the template."""
        return aws_names.logical_id(self.name)

    @property
    def role_id(self) -> str:
        """Id of the function's role in the template."""
        return aws_names.role_logical_id(self.name)


@dataclass(frozen=True)
class Policy:
    """A file with the IAM policy of a function for a stage."""

    path: Path
    function: str
    stage: str

    @cached_property
    def document(self) -> Block:
        """Content of the file; empty if it is not JSON, which the rule `policies` reports."""
        try:
            return yaml_lines.read_json(self.path)
        except ValueError:
            return Block()

    @property
    def statements(self) -> list[Block]:
        """Statements of the policy."""
        found = self.document.get("Statement", [])
        return [item for item in found if isinstance(item, Block)]


@dataclass(frozen=True)
class ServiceSource(Service):
    """A service together with the parsed content of its directory."""

    @property
    def config_file(self) -> Path:
        """Chalice's configuration."""
        return self.config_directory / "config.json"

    @cached_property
    def entry(self) -> Module:
        """The module `app.py`."""
        return Module("app", self.directory / "app.py")

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """All modules, `app.py` first."""
        return (self.entry, *modules(self.directory / "chalicelib", "chalicelib"))

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
    def functions(self) -> tuple[LambdaFunction, ...]:
        """Lambda functions that the decorators in `app.py` and its blueprints define."""
        found: list[LambdaFunction] = []
        routes: list[Handler] = []
        for handler, name in self._decorated():
            if name in ("serves", "serves_document", "route"):
                routes.append(handler)
            elif name in _TRIGGERS:
                node = handler.node
                found.append(LambdaFunction(node.name, _TRIGGERS[name], node.lineno, (handler,)))
        if routes or not self.is_public:
            lines = [handler.node.lineno for handler in routes if handler.module is self.entry]
            line = min(lines, default=1)
            found.insert(0, LambdaFunction("api_handler", "api", line, tuple(routes)))
        return tuple(found)

    def _decorated(self) -> Iterator[tuple[Handler, str]]:
        """Yield the functions of `app.py` and its blueprints with the name of each decorator."""
        for module in (self.entry, *self.blueprints):
            for node in module.tree.body:
                if isinstance(node, ast.FunctionDef):
                    for decorator in node.decorator_list:
                        if isinstance(decorator, ast.Call):
                            yield Handler(module, node), called(decorator)

    @cached_property
    def resources(self) -> Block:
        """Content of `resources.yaml`."""
        return yaml_lines.read_yaml(self.resources_file)

    @cached_property
    def delivery(self) -> Block:
        """Content of `delivery.yaml`."""
        return yaml_lines.read_yaml(self.delivery_file)

    @cached_property
    def config(self) -> Block:
        """Content of Chalice's configuration."""
        return yaml_lines.read_json(self.config_file)

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Policy files of all functions and committed stages."""
        found = []
        for path in sorted(self.config_directory.glob("policy-*.json")):
            if match := _POLICY.match(path.name):
                found.append(Policy(path, match[1], match[2]))
        return tuple(found)

    def resources_of(self, kind: str) -> Iterator[tuple[str, Block]]:
        """Yield the resources of a type in `resources.yaml`, with their logical ids."""
        for logical_id, resource in (self.resources.at("Resources") or {}).items():
            if resource.get("Type") == kind:
                yield logical_id, resource

    def queue_id(self, name: str | None) -> str | None:
        """Return the logical id of the service's queue of a name; None if it has none."""
        for logical_id, queue in self.resources_of("AWS::SQS::Queue"):
            if name is not None and aws_names.short(queue.at("Properties", "QueueName")) == name:
                return logical_id
        return None

    def dead_letter_queue_id(self, queue_id: str) -> str | None:
        """Return the logical id of a queue's own dead-letter queue; None if it has none."""
        policy = self.resources.at("Resources", queue_id, "Properties", "RedrivePolicy")
        if not policy or not policy.get("maxReceiveCount"):
            return None
        target = policy.at("deadLetterTargetArn", "Fn::GetAtt")
        return str(target[0]) if target else None

    def timeout_of(self, function: LambdaFunction) -> tuple[int, int]:
        """Return the timeout of a function in seconds, and its line in the configuration."""
        paths = (
            ("stages", "local", "lambda_functions", function.name, "lambda_timeout"),
            ("stages", "local", "lambda_timeout"),
            ("lambda_timeout",),
        )
        for path in paths:
            if (seconds := self.config.at(*path)) is not None:
                return int(seconds), self.config.line_of(*path)
        return DEFAULT_TIMEOUT, 1

    def event_source_of(self, function: LambdaFunction) -> tuple[Block | None, int]:
        """Return the properties of a function's event source in `delivery.yaml`, and its line."""
        path = ("Resources", function.logical_id, "Properties", "Events")
        events = self.delivery.at(*path) or {}
        name = next(iter(events), "")
        return self.delivery.at(*path, name, "Properties"), self.delivery.line_of(*path, name)
