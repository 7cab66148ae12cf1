"""Every dependency of every hop fails in every way; the document states the outcome."""

import pytest

from support.fault_matrix import call_faults, delivery_variants, document
from support.fault_matrix.call_faults import FAULTS, Row
from support.fault_matrix.document import CALLS, DELIVERIES, NOT_APPLICABLE
from support.world import mutants
from support.world.invariants import InvariantViolation
from support.world.mutants import Mutant, mutated


def cells(table: str) -> list[object]:
    """Return the row, column and content of every cell of a table, as a test's parameters."""
    if not document.PATH.exists():
        return []
    return [
        pytest.param(row, column, cell, id=f"{row.hop}, {row.dependency}, {column}")
        for row, columns in document.read()[table].items()
        for column, cell in columns.items()
    ]


@pytest.mark.parametrize(("row", "column", "cell"), cells(CALLS))
def test_fault_of_a_dependency_has_the_stated_outcome(row: Row, column: str, cell: str) -> None:
    assert document.calls_cell(row, column) == cell


@pytest.mark.parametrize(("row", "column", "cell"), cells(DELIVERIES))
def test_unusual_delivery_has_the_stated_outcome(row: Row, column: str, cell: str) -> None:
    assert document.deliveries_cell(row, column) == cell


def test_document_has_every_hop_and_every_dependency(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--write"):
        document.PATH.write_text(document.render(document.observe()))
    stated = document.read()
    assert list(stated[CALLS]) == sorted(call_faults.rows())
    assert list(stated[DELIVERIES]) == sorted(delivery_variants.rows())
    assert all(list(columns) == list(FAULTS) for columns in stated[CALLS].values())
    variants = list(delivery_variants.VARIANTS)
    assert all(list(columns) == variants for columns in stated[DELIVERIES].values())
    # the legends, too
    assert document.PATH.read_text() == document.render(stated)


def test_every_fault_is_injected_in_every_row() -> None:
    for row, columns in document.read()[CALLS].items():
        applicable = [column for column, cell in columns.items() if cell != NOT_APPLICABLE]
        # clients, streams and webhooks are never parked, so "down" is the longest fault for them
        assert set(FAULTS) - set(applicable) <= {"down for hours"}, row


@pytest.mark.parametrize(
    ("mutant", "row", "column"),
    [
        (
            mutants.handler_failures_acknowledged,
            Row("payments fulfil", "its table"),
            "throttled",
        ),
        (mutants.publish_failures_ignored, Row("orders relay", "its topic"), "down"),
        (mutants.email_deduplication_disabled, Row("payments fulfil", "notifications API"), "slow"),
        (mutants.confirmed_before_intent_recorded, Row("payments charge", "the gateway"), "late"),
        (mutants.order_id_random, Row("storefront_api API", "orders API"), "slow"),
    ],
)
def test_matrix_detects_the_mutant(mutant: Mutant, row: Row, column: str) -> None:
    call_faults.rows()  # cached here, because the mutant would change the calls
    with mutated(mutant), pytest.raises(InvariantViolation) as violation:
        call_faults.outcomes_of(row, column)
    print(f"{mutant.__name__}: {violation.value}")
