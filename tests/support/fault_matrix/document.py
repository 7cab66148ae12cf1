"""``docs/fault-matrix.md``: what the tests have seen, and what they hold the shop to."""

from collections.abc import Callable, Iterable, Mapping

from support.fault_matrix import deliveries, weather
from support.fault_matrix.weather import FAULTS, OUTCOMES, Row
from support.paths import ROOT

PATH = ROOT / "docs/fault-matrix.md"
NOTHING = "never"
"""What befalls nobody, or not in the stories."""
COMMAND = "./shop test -e crash -- tests/simulation/matrix -n 0 -k document --write"

Cells = dict[Row, dict[str, str]]

CALLS, DELIVERIES = "calls", "deliveries"
"""The names of the two tables."""

_BEGIN = f"<!-- {{name}}: written by {COMMAND} -->\n"
_END = "<!-- end of {name} -->"


def _cell(seen: Iterable[str]) -> str:
    return ", ".join(sorted(seen, key=list(OUTCOMES).index)) or NOTHING


def calls_cell(row: Row, column: str) -> str:
    """Return what is seen to follow a fault at a dependency, as the document says it."""
    return _cell(weather.outcomes_of(row, column))


def deliveries_cell(row: Row, column: str) -> str:
    """Return what is seen to follow a way of delivering, as the document says it."""
    return _cell(deliveries.outcomes_of(row, column))


def _observed(
    rows: Iterable[Row], columns: Iterable[str], cell: Callable[[Row, str], str]
) -> Cells:
    names = list(columns)
    return {row: {column: cell(row, column) for column in names} for row in sorted(rows)}


def observed() -> dict[str, Cells]:
    """Return both tables as they are seen now."""
    return {
        CALLS: _observed(weather.rows(), FAULTS, calls_cell),
        DELIVERIES: _observed(deliveries.rows(), deliveries.WAYS, deliveries_cell),
    }


def written(tables: Mapping[str, Cells]) -> str:
    """Return the document with these tables between its marks."""
    parts = {
        "outcomes": _legend("in a cell", OUTCOMES),
        "faults": _legend("fault", {name: fault.means for name, fault in FAULTS.items()}),
        "ways": _legend("delivery", {name: way.means for name, way in deliveries.WAYS.items()}),
        CALLS: _table(tables[CALLS], "it calls", FAULTS),
        DELIVERIES: _table(tables[DELIVERIES], "delivered by", deliveries.WAYS),
    }
    text = PATH.read_text()
    for name, part in parts.items():
        begin, end = _BEGIN.format(name=name), _END.format(name=name)
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}{part}\n{end}{after}"
    return text


def _legend(what: str, meanings: Mapping[str, str]) -> str:
    lines = [f"| {what} | means |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {means} |" for name, means in meanings.items())])


def _table(cells: Cells, what: str, columns: Iterable[str]) -> str:
    lines = [["hop", what, *columns]]
    lines.append(["---"] * len(lines[0]))
    lines += [[row.hop, row.dependency, *cells[row].values()] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def stated() -> dict[str, Cells]:
    """Return both tables as the document has them."""
    text = PATH.read_text()
    return {name: _stated(text, name) for name in (CALLS, DELIVERIES)}


def _stated(text: str, name: str) -> Cells:
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
