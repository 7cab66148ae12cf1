"""The tables of `docs/telemetry.md` list what the code logs, records and exports, and no more."""

import re

from support import telemetry_in_code
from support.paths import ROOT
from support.telemetry_in_code import DocumentedMetric

DOCUMENT = ROOT / "docs/telemetry.md"


def table(first_column: str) -> list[list[str]]:
    """Return the rows of the table whose first column has a title, without that of titles."""
    (text,) = re.findall(
        rf"^\| {first_column} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", DOCUMENT.read_text(), re.MULTILINE
    )
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_field_of_the_log_is_documented() -> None:
    listed = [name for field, _ in table("field") for name in names(field)]
    assert sorted(listed) == sorted(telemetry_in_code.fields())


def test_every_metric_is_documented_with_its_unit_and_dimensions() -> None:
    listed = []
    for metric, unit, dimensions, _ in table("metric"):
        (name,) = names(metric)
        listed.append(DocumentedMetric(name, unit, tuple(sorted(names(dimensions)))))
    assert sorted(listed) == sorted(telemetry_in_code.metrics())


def test_every_attribute_of_spans_is_documented() -> None:
    listed = [name for attribute, _ in table("attribute") for name in names(attribute)]
    assert sorted(listed) == sorted(telemetry_in_code.attributes())
