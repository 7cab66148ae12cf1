"""The diagrams in the documents are those that manifests, subscriptions and domains give."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from shopctl.checking.diagrams.drawing import Arrow, Diagram
from shopctl.checking.diagrams.states import machine_of
from shopctl.checking.repository import Repository
from shopctl.checking.rules.events import subscriptions
from shopctl.project.errors import ShopProblem
from shopctl.project.finding import Finding

BEGIN = "<!-- {name}: written by ./shop check --graph --write -->\n"
END = "<!-- end of {name} -->"


def check(repository: Repository) -> Iterator[Finding]:
    """Yield diagrams that have drifted from what they show."""
    for name, path, diagram in _placed(repository):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        line = text.partition(BEGIN.format(name=name))[0].count("\n") + 1
        if _between(text, name) is None:
            yield repository.finding(
                path, 1, f"The diagram of the {name} is not here.", f"Add its marks: {END}."
            )
        elif _between(text, name) != _fenced(diagram):
            yield repository.finding(
                path,
                line,
                f"The diagram of the {name} is not what the repository says.",
                "Run ./shop check --graph --write.",
            )


def write(repository: Repository) -> list[Path]:
    """Write the diagrams into the documents and return those that changed."""
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
    """Draw each diagram as an SVG picture into a folder and return the files.

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
    """Return each diagram by its name."""
    return {name: diagram for name, _, diagram in _placed(repository)}


def _placed(repository: Repository) -> Iterator[tuple[str, Path, Diagram]]:
    """Yield each diagram's name, and the diagram with each document that it stands in."""
    root = repository.root
    yield "dependencies", root / "README.md", _dependencies(repository)
    yield "event flow", root / "docs/architecture.md", _event_flow(repository)
    for app in repository.apps.values():
        if machine := machine_of(app):
            for path in (root / "docs/states.md", app.directory / "README.md"):
                yield f"states of {app.name}", path, machine


def _between(text: str, name: str) -> str | None:
    _, begin, rest = text.partition(BEGIN.format(name=name))
    inner, end, _ = rest.partition(END.format(name=name))
    return inner if begin and end else None


def _fenced(diagram: Diagram) -> str:
    return f"```mermaid\n{diagram.mermaid()}```\n"


def _short(event: str) -> str:
    """Return an event's type as people say it.

    Examples
    --------
    >>> _short("shop.order.placed.v1")
    'order.placed'
    """
    _, entity, happened, version = event.split(".")
    return f"{entity}.{happened}" + ("" if version == "v1" else f" {version}")


def _dependencies(repository: Repository) -> Diagram:
    """Draw who calls and who hears whom: a solid arrow is a call, a dotted one events."""
    apps = repository.apps
    drawn = Diagram({"clients": ("clients", "outsider")})
    drawn.nodes |= {name: (name, "box") for name in apps}
    for name, app in apps.items():
        if app.manifest.visibility == "public":
            drawn.arrows.append(Arrow("clients", name))
        drawn.arrows += [Arrow(name, callee) for callee in sorted(app.manifest.calls)]
        for outsider in app.manifest.external:
            node = outsider.lower().replace(" ", "_")
            drawn.nodes[node] = (outsider, "outsider")
            drawn.arrows.append(Arrow(name, node))
    for name, app in apps.items():
        for listener, other in apps.items():
            heard = other.manifest.events.listens
            words = tuple(_short(event) for event in app.manifest.events.emits if event in heard)
            if words:
                drawn.arrows.append(Arrow(name, listener, words, dotted=True))
    return drawn


def _event_flow(repository: Repository) -> Diagram:
    """Draw each event's way: table, stream, relay, topic, the functions that are subscribed."""
    drawn = Diagram()
    for name, app in repository.apps.items():
        for topic in app.manifest.owns.topics:
            relay = next((f.name for f in app.functions if f.trigger == "stream"), "?")
            table = next(iter(app.manifest.owns.tables), "?")
            nodes = _node("table", table), _node(name, relay), _node("topic", topic)
            drawn.nodes[nodes[0]] = (f"{table} table", "store")
            drawn.nodes[nodes[1]] = (f"{name}: {relay}", "box")
            drawn.nodes[nodes[2]] = (topic, "topic")
            drawn.arrows.append(Arrow(nodes[0], nodes[1], ("stream",)))
            drawn.arrows.append(Arrow(nodes[1], nodes[2]))
    for name, app in repository.apps.items():
        for function, topic, types, _ in subscriptions(app):
            node = _node(name, function.name)
            drawn.nodes[node] = (f"{name}: {function.name}", "box")
            words = tuple(_short(event) for event in types)
            drawn.arrows.append(Arrow(_node("topic", topic), node, words))
    return drawn


def _node(*parts: str) -> str:
    return "_".join(parts).replace("-", "_")
