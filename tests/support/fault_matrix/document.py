"""Reads and writes ``docs/fault-matrix.md``: the outcomes that the tests observe and expect."""

from collections.abc import Callable, Iterable, Mapping

from support.fault_matrix import call_faults, delivery_variants
from support.fault_matrix.call_faults import FAULTS, OUTCOMES, Row
from support.fault_matrix.delivery_variants import VARIANTS
from support.paths import ROOT

PATH = ROOT / "docs/fault-matrix.md"
NOT_APPLICABLE = "n/a"
"""A cell whose fault or variant does not occur in any scenario."""
COMMAND = "./shop test -e crash -- tests/simulation/matrix -n 0 -k document --write"

Cells = dict[Row, dict[str, str]]

CALLS, DELIVERIES = "calls", "deliveries"
"""The names of the two tables."""

_BEGIN = f"<!-- {{name}}: written by {COMMAND} -->\n"
_END = "<!-- end of {name} -->"


def _cell(outcomes: Iterable[str]) -> str:
    return ", ".join(sorted(outcomes, key=list(OUTCOMES).index)) or NOT_APPLICABLE


def calls_cell(row: Row, column: str) -> str:
    """Inject a fault at a dependency, and return the cell of the document.

    Raises
    ------
    InvariantViolation
        If an invariant is violated at the end.
    """
    return _cell(call_faults.outcomes_of(row, column))


def deliveries_cell(row: Row, column: str) -> str:
    """Apply a variant to the deliveries of a source, and return the cell of the document.

    Raises
    ------
    InvariantViolation
        If an invariant is violated at the end.
    """
    return _cell(delivery_variants.outcomes_of(row, column))


def observe() -> dict[str, Cells]:
    """Return both tables with the outcomes observed now."""
    return {
        CALLS: _observe(call_faults.rows(), FAULTS, calls_cell),
        DELIVERIES: _observe(delivery_variants.rows(), VARIANTS, deliveries_cell),
    }


def _observe(rows: Iterable[Row], columns: Iterable[str], cell: Callable[[Row, str], str]) -> Cells:
    names = list(columns)
    return {row: {column: cell(row, column) for column in names} for row in sorted(rows)}


def read() -> dict[str, Cells]:
    """Return both tables as they are in the document."""
    text = PATH.read_text()
    return {name: _read_table(text, name) for name in (CALLS, DELIVERIES)}


def _read_table(text: str, name: str) -> Cells:
    part = text.partition(_BEGIN.format(name=name))[2].partition(_END.format(name=name))[0]
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in part.splitlines()
        if line.startswith("|")
    ]
    (_, _, *columns), _, *rows = lines
    return {
        Row(hop, dependency): dict(zip(columns, cells, strict=True))
        for hop, dependency, *cells in rows
    }


def render(tables: Mapping[str, Cells]) -> str:
    """Return the document with these tables and the legends between its markers."""
    faults = {name: column.description for name, column in FAULTS.items()}
    variants = {name: variant.description for name, variant in VARIANTS.items()}
    parts = {
        "outcomes": _legend("cell", OUTCOMES),
        "faults": _legend("fault", faults),
        "variants": _legend("delivery", variants),
        CALLS: _table(tables[CALLS], "dependency", FAULTS),
        DELIVERIES: _table(tables[DELIVERIES], "source", VARIANTS),
    }
    text = PATH.read_text()
    for name, part in parts.items():
        begin, end = _BEGIN.format(name=name), _END.format(name=name)
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}{part}\n{end}{after}"
    return text


def _legend(what: str, meanings: Mapping[str, str]) -> str:
    lines = [f"| {what} | meaning |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {text} |" for name, text in meanings.items())])


def _table(cells: Cells, second_column: str, columns: Iterable[str]) -> str:
    lines = [["hop", second_column, *columns]]
    lines.append(["---"] * len(lines[0]))
    lines += [[row.hop, row.dependency, *cells[row].values()] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
