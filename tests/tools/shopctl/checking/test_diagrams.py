"""Diagrams that differ from the code are reported and updated."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from shopctl.checking.diagrams import graph
from shopctl.checking.repository import Repository
from shopctl.project.errors import ShopProblem
from support.checkout_copy import CheckoutCopy
from support.paths import ROOT


def test_outdated_state_diagram_is_reported_and_updated(checkout: CheckoutCopy) -> None:
    checkout.replace(
        "apps/orders/chalicelib/orders/domain.py",
        '"cancelled": frozenset(),',
        '"cancelled": frozenset({"placed"}),',
    )
    found = checkout.findings(graph)
    assert [finding.path for finding in found] == [
        Path("apps/orders/README.md"),
        Path("docs/states.md"),
    ]
    assert all("the states of orders" in finding.what for finding in found)
    graph.write(Repository(checkout.root))
    assert checkout.findings(graph) == []
    assert "cancelled --> placed" in (checkout.root / "docs/states.md").read_text()


def test_changed_initial_state_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/payments/chalicelib/payments/domain.py", "def opened(", "def _opened(")
    assert [finding.path for finding in checkout.findings(graph)] == [
        Path("apps/payments/README.md"),
        Path("docs/states.md"),
    ]


def test_outdated_diagram_is_reported_and_updated(checkout: CheckoutCopy) -> None:
    checkout.replace("README.md", "toys --> file_manager", "toys --> orders")
    found = checkout.only(graph)
    assert (found.path, found.line) == (
        Path("README.md"),
        checkout.line_of("README.md", "<!-- depend"),
    )
    assert graph.write(Repository(checkout.root)) == [checkout.root / "README.md"]
    assert (checkout.root / "README.md").read_text() == (ROOT / "README.md").read_text()
    assert checkout.findings(graph) == []


def test_missing_diagram_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("docs/architecture.md", "<!-- event flow", "<!-- no flow")
    assert "The diagram of the event flow is missing" in checkout.only(graph).what


def test_svg_diagrams_have_all_nodes_and_arrows(checkout: CheckoutCopy, tmp_path: Path) -> None:
    # WHEN all diagrams are saved as SVG
    paths = graph.save(Repository(checkout.root), tmp_path / "diagrams")
    diagrams = graph.diagrams(Repository(checkout.root))
    # THEN each file has all nodes, arrows and labels
    assert [path.stem for path in paths] == [name.replace(" ", "-") for name in diagrams]
    assert {"dependencies", "event-flow"} < {path.stem for path in paths}
    for path, diagram in zip(paths, diagrams.values(), strict=True):
        drawing = ElementTree.parse(path)
        svg = "{http://www.w3.org/2000/svg}"
        kinds = [group.get("class") for group in drawing.iter(f"{svg}g")]
        assert kinds.count("node") == len(diagram.nodes)
        assert kinds.count("edge") == len(diagram.arrows)
        texts = {text.text for text in drawing.iter(f"{svg}text")}
        assert texts >= {label for label, _ in diagram.nodes.values()}


def test_unwritable_folder_is_reported_in_one_sentence(
    checkout: CheckoutCopy, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ShopProblem, match="cannot be written"):
        graph.save(Repository(checkout.root), tmp_path / "file")
