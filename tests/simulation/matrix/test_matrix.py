"""Every dependency of every hop fails in every way: what follows is what the document says."""

from collections.abc import Callable

import pytest

from support.fault_matrix import deliveries, document, weather
from support.fault_matrix.document import CALLS, DELIVERIES, NOTHING
from support.fault_matrix.weather import FAULTS, Row
from support.world import broken_builds
from support.world.broken_builds import Patches, broken
from support.world.promise import BrokenPromise


def cells(table: str) -> list[object]:
    """Return every cell of a table of the document, as the arguments of a test."""
    if not document.PATH.exists():
        return []
    return [
        pytest.param(row, column, cell, id=f"{row.hop}, {row.dependency}, {column}")
        for row, columns in document.stated()[table].items()
        for column, cell in columns.items()
    ]


@pytest.mark.parametrize(("row", "column", "cell"), cells(CALLS))
def test_a_call_that_fails(row: Row, column: str, cell: str) -> None:
    assert document.calls_cell(row, column) == cell


@pytest.mark.parametrize(("row", "column", "cell"), cells(DELIVERIES))
def test_a_delivery_that_is_no_ordinary_one(row: Row, column: str, cell: str) -> None:
    assert document.deliveries_cell(row, column) == cell


def test_the_document_has_every_hop_and_every_dependency(
    request: pytest.FixtureRequest,
) -> None:
    if request.config.getoption("--write"):
        document.PATH.write_text(document.written(document.observed()))
    stated = document.stated()
    assert list(stated[CALLS]) == sorted(weather.rows())
    assert list(stated[DELIVERIES]) == sorted(deliveries.rows())
    assert all(list(columns) == list(FAULTS) for columns in stated[CALLS].values())
    assert all(list(ways) == list(deliveries.WAYS) for ways in stated[DELIVERIES].values())
    # the words around the tables, too
    assert document.PATH.read_text() == document.written(stated)


def test_no_row_is_without_a_fault_that_befell_it() -> None:
    for row, columns in document.stated()[CALLS].items():
        applies = [column for column, cell in columns.items() if cell != NOTHING]
        # a client or a stream waits for as long as it takes: to them four failures are all there is
        assert set(FAULTS) - set(applies) <= {"down for hours"}, row


@pytest.mark.parametrize(
    ("build", "row", "column"),
    [
        (broken_builds.failures_acknowledged, Row("payments fulfil", "its table"), "throttles"),
        (broken_builds.publish_result_ignored, Row("orders relay", "its topic"), "down"),
        (broken_builds.email_dedupe_off, Row("payments fulfil", "notifications API"), "slow"),
        (
            broken_builds.charge_before_the_intent_is_recorded,
            Row("payments charge", "the gateway"),
            "late",
        ),
        (broken_builds.order_id_not_derived, Row("storefront_api API", "orders API"), "slow"),
    ],
)
def test_a_mechanism_that_is_switched_off_is_found_missing(
    build: Callable[[], Patches], row: Row, column: str
) -> None:
    weather.rows()  # of a whole shop
    with broken(build), pytest.raises(BrokenPromise) as found:
        weather.outcomes_of(row, column)
    print(f"{build.__name__}: {found.value}")
