"""A diagram of boxes and arrows, as Mermaid for documents and as SVG for people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Shape = Literal["box", "outsider", "store", "topic"]

_MERMAID: Mapping[Shape, tuple[str, str]] = {
    "box": ("[", "]"),
    "outsider": ("([", "])"),
    "store": ("[(", ")]"),
    "topic": ("{{", "}}"),
}
_GRAPHVIZ: Mapping[Shape, str] = {
    "box": "box",
    "outsider": "oval",
    "store": "cylinder",
    "topic": "hexagon",
}


@dataclass(frozen=True)
class Arrow:
    """An arrow from one node to another.

    Attributes
    ----------
    words
        What is written at it, a line each.
    dotted
        Whether it stands for events and not for a call.
    """

    source: str
    target: str
    words: tuple[str, ...] = ()
    dotted: bool = False


@dataclass
class Diagram:
    """Nodes by their ids, and the arrows between them.

    Attributes
    ----------
    nodes
        The label and the shape of each node.
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
            words = "<br>".join(arrow.words)
            if arrow.dotted:
                line = f'-. "{words}" .->' if words else "-.->"
            else:
                line = f'-- "{words}" -->' if words else "-->"
            lines.append(f"    {arrow.source} {line} {arrow.target}")
        return "\n".join(lines) + "\n"

    def svg(self) -> bytes:
        """Return an SVG picture, laid out by Graphviz."""
        import pygraphviz

        graph = pygraphviz.AGraph(directed=True, rankdir="LR", fontname="Helvetica")
        graph.node_attr.update(fontname="Helvetica", fontsize="12")
        graph.edge_attr.update(fontname="Helvetica", fontsize="10")
        for name, (label, shape) in self.nodes.items():
            graph.add_node(name, label=label, shape=_GRAPHVIZ[shape])
        for arrow in self.arrows:
            style = "dotted" if arrow.dotted else "solid"
            graph.add_edge(arrow.source, arrow.target, label="\n".join(arrow.words), style=style)
        drawn: bytes = graph.draw(format="svg", prog="dot")
        return drawn
