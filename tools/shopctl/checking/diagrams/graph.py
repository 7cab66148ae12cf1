"""The diagrams in the documents match the manifests, subscriptions and state machines."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from shopctl.checking.diagrams.drawing import Arrow, Diagram
from shopctl.checking.diagrams.states import machine_of
from shopctl.checking.repository import Repository
from shopctl.checking.rules.events import subscriptions
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem
from shopctl.project.finding import Finding

BEGIN = "<!-- {name}: written by ./shop check --graph --write -->\n"
END = "<!-- end of {name} -->"


def check(repository: Repository) -> Iterator[Finding]:
    """Yield diagrams that are missing or outdated."""
    for name, path, diagram in _placed(repository):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        line = text.partition(BEGIN.format(name=name))[0].count("\n") + 1
        if _between(text, name) is None:
            yield repository.finding(
                path,
                1,
                f"The diagram of the {name} is missing.",
                f"Add its markers: {BEGIN.format(name=name).strip()} and {END.format(name=name)}.",
            )
        elif _between(text, name) != _fenced(diagram):
            yield repository.finding(
                path,
                line,
                f"The diagram of the {name} is outdated.",
                "Run ./shop check --graph --write.",
            )


def write(repository: Repository) -> list[Path]:
    """Update the diagrams in the documents and return the changed documents."""
    changed = []
    for name, path, diagram in _placed(repository):
        text = path.read_text(encoding="utf-8")
        old = _between(text, name)
        if old is not None and old != _fenced(diagram):
            begin = BEGIN.format(name=name)
            path.write_text(text.replace(begin + old, begin + _fenced(diagram)), encoding="utf-8")
            changed.append(path)
    return changed


def save(repository: Repository, folder: Path) -> list[Path]:
    """Write each diagram as an SVG file into a folder and return the files.

    Raises
    ------
    ShopProblem
        If the folder cannot be written to.
    """
    paths = []
    for name, diagram in diagrams(repository).items():
        path = folder / f"{name.replace(' ', '-')}.svg"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(diagram.svg())
        except OSError as error:
            raise ShopProblem(
                f"{path} cannot be written: {error.strerror}.", "Name another folder."
            ) from None
        paths.append(path)
    return paths


def diagrams(repository: Repository) -> Mapping[str, Diagram]:
    """Return all diagrams by name."""
    return {name: diagram for name, _, diagram in _placed(repository)}


def _placed(repository: Repository) -> Iterator[tuple[str, Path, Diagram]]:
    """Yield the name, document and content of every diagram, once for each document."""
    root = repository.root
    yield "dependencies", root / "README.md", _dependencies(repository)
    yield "event flow", root / "docs/architecture.md", _event_flow(repository)
    for service in repository.services.values():
        if machine := machine_of(service):
            for path in (root / "docs/states.md", service.directory / "README.md"):
                yield f"states of {service.name}", path, machine


def _between(text: str, name: str) -> str | None:
    _, begin, rest = text.partition(BEGIN.format(name=name))
    inner, end, _ = rest.partition(END.format(name=name))
    return inner if begin and end else None


def _fenced(diagram: Diagram) -> str:
    return f"```mermaid\n{diagram.mermaid()}```\n"


def _short(event: str) -> str:
    """Return an event's type without the shop and without version 1.

    Examples
    --------
    >>> _short("shop.order.placed.v1")
    'order.placed'
    """
    _, entity, happened, version = event.split(".")
    return f"{entity}.{happened}" + ("" if version == "v1" else f" {version}")


def _dependencies(repository: Repository) -> Diagram:
    """Draw the services with their calls (solid arrows) and events (dotted arrows)."""
    services = repository.services
    drawn = Diagram({"clients": ("clients", "external")})
    drawn.nodes |= {name: (name, "box") for name in services}
    for name, service in services.items():
        if service.is_public:
            drawn.arrows.append(Arrow("clients", name))
        drawn.arrows += [Arrow(name, callee) for callee in sorted(service.manifest.calls)]
        for external in service.manifest.external:
            node = external.lower().replace(" ", "_")
            drawn.nodes[node] = (external, "external")
            drawn.arrows.append(Arrow(name, node))
    for name, service in services.items():
        for listener, other in services.items():
            consumed = other.manifest.events.listens
            labels = tuple(
                _short(event) for event in service.manifest.events.emits if event in consumed
            )
            if labels:
                drawn.arrows.append(Arrow(name, listener, labels, dotted=True))
    return drawn


def _event_flow(repository: Repository) -> Diagram:
    """Draw the path of events: table, stream, relay, topic, subscribed functions."""
    drawn = Diagram()
    for name, service in repository.services.items():
        for topic in service.manifest.owns.topics:
            relay = next((f.name for f in service.functions if f.trigger == "stream"), "?")
            table = next(iter(service.manifest.owns.tables), "?")
            nodes = _node("table", table), _node(name, relay), _node("topic", topic)
            drawn.nodes[nodes[0]] = (f"{table} table", "store")
            drawn.nodes[nodes[1]] = (f"{name}: {relay}", "box")
            drawn.nodes[nodes[2]] = (topic, "topic")
            drawn.arrows.append(Arrow(nodes[0], nodes[1], ("stream",)))
            drawn.arrows.append(Arrow(nodes[1], nodes[2]))
    for name, service in repository.services.items():
        for function, topic, types, _ in subscriptions(service):
            node = _node(name, function.name)
            drawn.nodes[node] = (f"{name}: {function.name}", "box")
            labels = tuple(_short(event) for event in types)
            drawn.arrows.append(Arrow(_node("topic", topic), node, labels))
    return drawn


def _node(*parts: str) -> str:
    return aws_names.underscored("_".join(parts))
