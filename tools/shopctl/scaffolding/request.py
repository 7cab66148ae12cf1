"""What `./shop new` was asked to create: validated names, events and calls."""

import builtins
import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shopctl.project import aws_names, manifest, services
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.manifest import Manifest
from shopctl.scaffolding.published_language import Event, Operation, PublishedLanguage

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_EVENT = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
_FULL_EVENT = re.compile(r"shop\.([a-z][a-z_]*\.[a-z][a-z_]*)\.v([1-9][0-9]*)")
_LONGEST_STAGE = "s" * 16
_LONGEST_AWS_NAME = 64
"""Limit of the names of IAM roles and Lambda functions."""
MOST_EVENTS = 3
# modules of libs/contracts that hold no API, and folders and packages of the repository
_RESERVED = frozenset(
    {"alarms", "api", "app", "backfill", "chalicelib", "chassis", "contracts", "deployments"}
    | {"edge", "health", "infra", "local", "network", "shop", "support", "test", "tests", "tools"}
    | {"toyshop", "vendor", "web"}
)


@dataclass(frozen=True)
class Emitted:
    """An event that the new service emits: its type and the constant that names it."""

    type: str
    constant: str


@dataclass(frozen=True)
class Listened:
    """An event that the new service listens to."""

    type: str
    event: Event


@dataclass(frozen=True)
class Called:
    """An operation that the new service calls."""

    service: str
    name: str
    operation: Operation


@dataclass(frozen=True)
class Request:
    """A service to create.

    Attributes
    ----------
    name
        Its name, with underscores.
    public
        Whether anyone may call it.
    table
        Whether it has a table.
    emits, listens, calls
        Its events, and the operations that it calls.
    topics
        The topic of each service whose events it listens to, without ``toyshop-<stage>-``.
    """

    name: str
    public: bool
    table: bool
    emits: tuple[Emitted, ...]
    listens: tuple[Listened, ...]
    calls: tuple[Called, ...]
    topics: Mapping[str, str]

    @property
    def emitters(self) -> list[str]:
        """The services whose events it listens to."""
        return list(dict.fromkeys(listened.event.emitter for listened in self.listens))

    @property
    def callees(self) -> list[str]:
        """The services whose API it calls."""
        return list(dict.fromkeys(called.service for called in self.calls))


def read_manifests(apps: Path) -> dict[str, Manifest]:
    """Return the manifests of all services; one may name the service that is to be created.

    Raises
    ------
    ShopProblem
        If one cannot be read.
    """
    return {path.parent.name: manifest.read(path) for path in sorted(apps.glob("*/service.toml"))}


def consumer_function(emitter: str) -> str:
    """Return the name of the function that consumes the events of a service."""
    return f"{emitter}_events"


def parse(
    layout: Layout,
    language: PublishedLanguage,
    name: str,
    *,
    public: bool = False,
    table: bool = False,
    emits: Sequence[str] = (),
    listens: Sequence[str] = (),
    calls: Sequence[str] = (),
) -> Request:
    """Validate the arguments of `./shop new`.

    Parameters
    ----------
    layout
        The checkout.
    language
        The events and operations of the existing services.
    name
        The new service's name; dashes count as underscores.
    public
        Whether anyone may call it.
    table
        Whether it has a table. A service that emits events has one in any case.
    emits
        Event types, such as ``stock.reserved``.
    listens
        Events of other services, such as ``orders:order.placed``.
    calls
        Operations of other services, such as ``toys:getToy``.

    Raises
    ------
    ShopProblem
        If an argument cannot be used; the text says which and why.
    """
    manifests = read_manifests(layout.apps)
    name = name.strip().replace("-", "_")
    listened = tuple(dict.fromkeys(_listened(text, language, manifests) for text in listens))
    called = tuple(dict.fromkeys(_called(text, language, manifests) for text in calls))
    request = Request(
        name=name,
        public=public,
        table=table or bool(emits),
        emits=_emitted(emits, language),
        listens=listened,
        calls=called,
        topics={each.event.emitter: _topic(each, manifests) for each in listened},
    )
    _check_name(layout, request)
    _check_loops(request, manifests)
    return request


def _check_name(layout: Layout, request: Request) -> None:
    name = request.name
    if not name:
        raise ShopProblem("The name of the service is empty.", "Give one, such as inventory.")
    if name != name.lower():
        raise ShopProblem(f"The name {name} has capital letters.", f"Write it as {name.lower()}.")
    if not _NAME.fullmatch(name):
        raise ShopProblem(
            f"{name} cannot be the name of a service.",
            "Use lower-case letters, digits and single underscores, starting with a letter.",
        )
    longest = max(len(aws_names.dashed(each)) for each in _functions(request))
    room = _LONGEST_AWS_NAME - len(aws_names.resource(_LONGEST_STAGE, "")) - longest - 1
    if len(name) > room:
        raise ShopProblem(
            f"The name {name} has {len(name)} characters, and its functions' names on AWS would be"
            f" longer than {_LONGEST_AWS_NAME}.",
            f"Use at most {room} characters.",
        )
    if (layout.apps / name).exists():
        raise ShopProblem(f"There is a service {name} already.", "Choose another name.")
    contracts = layout.root / "libs" / "contracts" / "src" / "contracts"
    if _taken_by_module(name, contracts):
        raise ShopProblem(
            f"{name} is the name of a module of Python or of the repository.",
            "Choose another name.",
        )


def _taken_by_module(name: str, contracts: Path) -> bool:
    return (
        keyword.iskeyword(name)
        or keyword.issoftkeyword(name)
        or name in sys.stdlib_module_names
        or hasattr(builtins, name)
        or name in _RESERVED
        or (contracts / f"{name}.py").exists()
    )


def _functions(request: Request) -> list[str]:
    functions = ["api_handler"]
    if request.emits:
        functions.append("on_dynamodb_record")
    functions += [f"{consumer_function(emitter)}_retry" for emitter in request.emitters]
    return functions


def _emitted(texts: Sequence[str], language: PublishedLanguage) -> tuple[Emitted, ...]:
    if len(texts) > MOST_EVENTS:
        raise ShopProblem(
            f"--emits is given {len(texts)} times; the generated code emits at most {MOST_EVENTS}"
            " events.",
            "Name those of a created, a changed and a deleted record, and add others by hand.",
        )
    found: list[Emitted] = []
    for text in texts:
        match = _FULL_EVENT.fullmatch(text)
        if match is None and not _EVENT.fullmatch(text):
            raise ShopProblem(
                f"--emits {text} is not an event type.",
                "Write it as entity.past_tense, such as stock.reserved.",
            )
        kind = text if match else f"shop.{text}.v1"
        constant = kind.removeprefix("shop.").rpartition(".")[0].replace(".", "_").upper()
        constants = {event.constant for event in language.events.values()}
        if kind in language.events or constant in constants:
            raise ShopProblem(
                f"The event {text} exists already.", "Choose another name for --emits."
            )
        if kind in {each.type for each in found}:
            raise ShopProblem(f"--emits {text} is given twice.", "Give it once.")
        found.append(Emitted(kind, constant))
    return tuple(found)


def _listened(
    text: str, language: PublishedLanguage, manifests: Mapping[str, Manifest]
) -> Listened:
    service, event = _pair(text, "--listens", "orders:order.placed")
    _check_service(service, "--listens", text, manifests)
    emitted = {kind: each for kind, each in language.events.items() if each.emitter == service}
    names = {name: kind for kind in sorted(emitted) for name in (kind, kind.split(".", 1)[1][:-3])}
    if event not in names:
        short = sorted(name for name in names if not name.startswith("shop."))
        raise ShopProblem(
            f"{service} emits no event {event}.",
            f"It emits {', '.join(short)}." if short else "It emits none.",
        )
    return Listened(names[event], emitted[names[event]])


def _called(text: str, language: PublishedLanguage, manifests: Mapping[str, Manifest]) -> Called:
    service, name = _pair(text, "--calls", "toys:getToy")
    _check_service(service, "--calls", text, manifests)
    if manifests[service].visibility == "public":
        raise ShopProblem(
            f"--calls {text}: {service} is public, and services call private services only.",
            "Call the private service that has the data.",
        )
    operations = language.operations[service]
    if name not in operations:
        raise ShopProblem(
            f"{service} has no operation {name}.", f"It has {', '.join(sorted(operations))}."
        )
    return Called(service, name, operations[name])


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    service, colon, name = text.partition(":")
    if not (service and colon and name):
        raise ShopProblem(
            f"{option} {text} does not name a service and what it offers.",
            f"Write it as {example}.",
        )
    return service.replace("-", "_"), name


def _check_service(service: str, option: str, text: str, known: Mapping[str, object]) -> None:
    if service not in known:
        raise ShopProblem(
            f"{option} {text}: there is no service {service}.",
            f"The services are {', '.join(sorted(known))}.",
        )


def _topic(listened: Listened, manifests: Mapping[str, Manifest]) -> str:
    emitter = listened.event.emitter
    topics = manifests[emitter].owns.topics
    if len(topics) != 1:
        raise ShopProblem(
            f"{emitter} has {len(topics)} topics, so that the one of {listened.type} is unknown.",
            "Leave --listens out, and write the subscription by hand.",
        )
    return topics[0]


def _check_loops(request: Request, manifests: Mapping[str, Manifest]) -> None:
    """Refuse a service that the services it depends on would depend on.

    Raises
    ------
    ShopProblem
        If the dependencies close a loop.
    """
    # other services depend on a new one only if their manifests name it, or its events, already
    graph = dict(services.dependencies(manifests))
    emitted = {each.type for each in request.emits}
    for name, declared in manifests.items():
        if request.name in declared.calls or emitted & set(declared.events.listens):
            graph[name] = graph[name] | {request.name}
    for first in dict.fromkeys((*request.callees, *request.emitters)):
        path = _path(graph, first, request.name)
        if path:
            raise ShopProblem(
                f"{request.name} would close a dependency loop:"
                f" {' → '.join((request.name, *path))}.",
                f"Leave out what makes it depend on {first}, or put it into a service above both.",
            )


def _path(graph: Mapping[str, frozenset[str]], start: str, goal: str) -> list[str]:
    """Return the services from one to another along dependencies; empty if there is no way."""
    paths = [[start]]
    seen = {start}
    for path in paths:
        if path[-1] == goal:
            return path
        for following in sorted(graph.get(path[-1], frozenset()) - seen):
            seen.add(following)
            paths.append([*path, following])
    return []
