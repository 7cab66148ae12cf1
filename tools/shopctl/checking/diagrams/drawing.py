"""A diagram of nodes and arrows, which is drawn as Mermaid or SVG."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Shape = Literal["box", "external", "store", "topic"]

_MERMAID: Mapping[Shape, tuple[str, str]] = {
    "box": ("[", "]"),
    "external": ("([", "])"),
    "store": ("[(", ")]"),
    "topic": ("{{", "}}"),
}
_GRAPHVIZ: Mapping[Shape, str] = {
    "box": "box",
    "external": "oval",
    "store": "cylinder",
    "topic": "hexagon",
}


@dataclass(frozen=True)
class Arrow:
    """An arrow from one node to another.

    Attributes
    ----------
    labels
        Lines of its label.
    dotted
        Whether it stands for events; a solid arrow stands for a call.
    """

    source: str
    target: str
    labels: tuple[str, ...] = ()
    dotted: bool = False


@dataclass
class Diagram:
    """Nodes and the arrows between them.

    Attributes
    ----------
    nodes
        Label and shape of each node, by its id.
    """

    nodes: dict[str, tuple[str, Shape]] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)

    def mermaid(self) -> str:
        """Return the text of a Mermaid flowchart."""
        lines = ["flowchart LR"]
        for name, (label, shape) in self.nodes.items():
            before, after = _MERMAID[shape]
            lines.append(f"    {name}{before}{label}{after}")
        for arrow in self.arrows:
            label = "<br>".join(arrow.labels)
            if arrow.dotted:
                line = f'-. "{label}" .->' if label else "-.->"
            else:
                line = f'-- "{label}" -->' if label else "-->"
            lines.append(f"    {arrow.source} {line} {arrow.target}")
        return "\n".join(lines) + "\n"

    def svg(self) -> bytes:
        """Return the diagram as SVG, laid out by Graphviz."""
        import pygraphviz

        graph = pygraphviz.AGraph(directed=True, rankdir="LR", fontname="Helvetica")
        graph.node_attr.update(fontname="Helvetica", fontsize="12")
        graph.edge_attr.update(fontname="Helvetica", fontsize="10")
        for name, (label, shape) in self.nodes.items():
            graph.add_node(name, label=label, shape=_GRAPHVIZ[shape])
        for arrow in self.arrows:
            style = "dotted" if arrow.dotted else "solid"
            graph.add_edge(arrow.source, arrow.target, label="\n".join(arrow.labels), style=style)
        drawn: bytes = graph.draw(format="svg", prog="dot")
        return drawn
