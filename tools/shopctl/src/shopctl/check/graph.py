"""The diagrams in the documents are those that the manifests and subscriptions give."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from shopctl.check.events import subscriptions
from shopctl.check.finding import Finding
from shopctl.check.repository import Repository

BEGIN = "<!-- {name}: written by ./shop check --graph --write -->\n"
END = "<!-- end of {name} -->"
PLACES = {"dependencies": Path("README.md"), "event flow": Path("docs/architecture.md")}


def check(repository: Repository) -> Iterator[Finding]:
    """Yield diagrams that have drifted from what they show."""
    for name, diagram in diagrams(repository).items():
        path = repository.root / PLACES[name]
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
                f"The diagram of the {name} is not what the manifests say.",
                "Run ./shop check --graph --write.",
            )


def write(repository: Repository) -> list[Path]:
    """Write the diagrams into the documents and return those that changed."""
    changed = []
    for name, diagram in diagrams(repository).items():
        path = repository.root / PLACES[name]
        text = path.read_text(encoding="utf-8")
        old = _between(text, name)
        if old is not None and old != _fenced(diagram):
            begin = BEGIN.format(name=name)
            path.write_text(text.replace(begin + old, begin + _fenced(diagram)), encoding="utf-8")
            changed.append(path)
    return changed


def diagrams(repository: Repository) -> Mapping[str, str]:
    """Return the Mermaid text of each diagram."""
    return {"dependencies": _dependencies(repository), "event flow": _event_flow(repository)}


def _between(text: str, name: str) -> str | None:
    _, begin, rest = text.partition(BEGIN.format(name=name))
    inner, end, _ = rest.partition(END.format(name=name))
    return inner if begin and end else None


def _fenced(diagram: str) -> str:
    return f"```mermaid\n{diagram}```\n"


def _short(event: str) -> str:
    """Return an event's type as people say it.

    Examples
    --------
    >>> _short("shop.order.placed.v1")
    'order.placed'
    """
    _, entity, happened, version = event.split(".")
    return f"{entity}.{happened}" + ("" if version == "v1" else f" {version}")


def _dependencies(repository: Repository) -> str:
    """Draw who calls and who hears whom: a solid arrow is a call, a dotted one events."""
    apps = repository.apps
    lines = ["flowchart LR"]
    lines += [
        f"    clients([clients]) --> {name}"
        for name, app in apps.items()
        if app.manifest.visibility == "public"
    ]
    outside = []
    for name, app in apps.items():
        if app.manifest.calls:
            lines.append(f"    {name} --> {' & '.join(sorted(app.manifest.calls))}")
        for outsider in app.manifest.external:
            node = outsider.lower().replace(" ", "_")
            outside.append(f"    {name} --> {node}([{outsider}])")
    lines += outside
    for name, app in apps.items():
        for listener, other in apps.items():
            heard = [
                event
                for event in app.manifest.events.emits
                if event in other.manifest.events.listens
            ]
            if heard:
                words = ", ".join(_short(event) for event in heard)
                lines.append(f'    {name} -. "{words}" .-> {listener}')
    return "\n".join(lines) + "\n"


def _event_flow(repository: Repository) -> str:
    """Draw each event's way: table, stream, relay, topic, the functions that are subscribed."""
    lines = ["flowchart LR"]
    for name, app in repository.apps.items():
        for topic in app.manifest.owns.topics:
            relay = next((f.name for f in app.functions if f.trigger == "stream"), "?")
            table = next(iter(app.manifest.owns.tables), "?")
            lines.append(
                f"    {_node('table', table)}[({table} table)] -- stream -->"
                f" {_node(name, relay)}[{name}: {relay}] -->"
                f" {_node('topic', topic)}{{{{{topic}}}}}"
            )
    for name, app in repository.apps.items():
        for function, topic, types, _ in subscriptions(app):
            words = "<br>".join(_short(event) for event in types)
            lines.append(
                f'    {_node("topic", topic)} -- "{words}" -->'
                f" {_node(name, function.name)}[{name}: {function.name}]"
            )
    return "\n".join(lines) + "\n"


def _node(*parts: str) -> str:
    return "_".join(parts).replace("-", "_")
