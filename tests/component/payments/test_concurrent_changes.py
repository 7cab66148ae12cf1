"""A change of a payment gives up, and loses no money, if other writers are faster every time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.payments.store import TransactionStore
from chassis.contention import MAX_ATTEMPTS
from chassis.problems import ServiceUnavailable
from contracts.events import ORDER_CANCELLED, ORDER_PLACED
from gateway_simulator.client import ControlClient
from support.payments import event_of, money_moved, order_of, paid_event, transaction


@contextmanager
def faster_writers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Make every conditional write fail, and yield the writes that were tried."""
    tried: list[Any] = []

    def replace(_: TransactionStore, payment: Any) -> bool:
        tried.append(payment)
        return False

    with monkeypatch.context() as patch:
        patch.setattr(TransactionStore, "replace", replace)
        yield tried


def test_record_of_a_charge_gives_up_and_a_redelivery_completes_it(
    app: Any, api: Any, gateway: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_of()
    with faster_writers(monkeypatch) as tried, pytest.raises(ServiceUnavailable):
        app.charge(event_of(ORDER_PLACED, order), None)
    assert len(tried) == MAX_ATTEMPTS
    # WHEN the event is delivered again without other writers, THEN the order is charged once
    app.charge(event_of(ORDER_PLACED, order), None)
    assert transaction(api, order)["status"] == "succeeded"  # type: ignore[index]
    assert money_moved(gateway, order) == [("charge", "succeeded", 2500)]


def test_record_of_a_refund_gives_up_and_a_redelivery_completes_it(
    app: Any, api: Any, gateway: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_of()
    app.charge(event_of(ORDER_PLACED, order), None)
    with faster_writers(monkeypatch) as tried, pytest.raises(ServiceUnavailable):
        app.charge(event_of(ORDER_CANCELLED, order), None)
    assert len(tried) == MAX_ATTEMPTS
    app.charge(event_of(ORDER_CANCELLED, order), None)
    assert transaction(api, order)["status"] == "refunded"  # type: ignore[index]
    assert money_moved(gateway, order) == [
        ("charge", "succeeded", 2500),
        ("refund", "succeeded", 2500),
    ]


def test_record_of_a_receipt_gives_up_and_a_redelivery_completes_it(
    app: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_of()
    event = paid_event(app, order)
    with faster_writers(monkeypatch) as tried, pytest.raises(ServiceUnavailable):
        app.fulfil(event, None)
    assert len(tried) == MAX_ATTEMPTS
    app.fulfil(event, None)
    assert transaction(api, order)["receipt_file_id"]  # type: ignore[index]
