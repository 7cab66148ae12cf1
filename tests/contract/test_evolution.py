"""A breaking change of a contract: ``shop.order.placed.v2`` beside a consumer of ``v1``.

The change breaks every reader: an order travels in parcels, so ``lines`` and ``shipping_address``
move into ``parcels``. The second version exists only in this test; producer, relay, consumer and
the payments service are the real ones. The steps are those of docs/contracts.md.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import yaml

from chalicelib.orders.events import events_of
from chalicelib.orders.store import OrderRecord
from chassis.consumer import Consumer
from chassis.parking import Parking
from chassis.records import Record
from contracts.events import EVENT_TYPES, ORDER_PLACED, CloudEvent, EventType
from contracts.money import Money
from contracts.orders import Address, Contact, Order, OrderLine
from contracts.schema import Output, Timestamp
from shopctl.contracts import snapshots, wire
from shopctl.contracts.generate import generate
from support.downstream import FakeDownstream
from support.emitted_events import FakeGateway, NoQueue, order, published
from support.moto_aws import parked
from support.paths import ROOT
from support.sns_notifications import sns


class Parcel(Output):
    """The lines that are sent to one address."""

    address: Address
    lines: list[OrderLine]


class PlacedOrder(Output):
    """The data of the second version."""

    id: str
    customer_id: str
    parcels: list[Parcel]
    total: Money
    contact: Contact
    payment_method: str
    version: int
    placed_at: Timestamp


V1, V2 = "shop.order.placed.v1", "shop.order.placed.v2"
ORDER_PLACED_V2 = EventType(V2, "/orders", PlacedOrder)


def second_version(event: CloudEvent[Order]) -> CloudEvent[PlacedOrder]:
    """Return an event of the first version as an event of the second."""
    data = event.data
    return CloudEvent(
        id=event.id.replace(V1, V2),
        source=event.source,
        type=V2,
        subject=event.subject,
        time=event.time,
        data=PlacedOrder(
            id=data.id,
            customer_id=data.customer_id,
            parcels=[Parcel(address=data.shipping_address, lines=data.lines)],
            total=data.total,
            contact=data.contact,
            payment_method=data.payment_method,
            version=data.version,
            placed_at=data.placed_at,
        ),
        traceparent=event.traceparent,
    )


def first_version(event: CloudEvent[PlacedOrder]) -> CloudEvent[Order]:
    """Return an event of the second version as an event of the first."""
    data = event.data
    return CloudEvent(
        id=event.id.replace(V2, V1),
        source=event.source,
        type=V1,
        subject=event.subject,
        time=event.time,
        data=Order(
            id=data.id,
            customer_id=data.customer_id,
            status="placed",
            lines=[line for parcel in data.parcels for line in parcel.lines],
            total=data.total,
            shipping_address=data.parcels[0].address,
            contact=data.contact,
            payment_method=data.payment_method,
            version=data.version,
            placed_at=data.placed_at,
            updated_at=event.time,
        ),
        traceparent=event.traceparent,
    )


def events_of_both(before: Record | None, after: Record | None) -> Iterator[CloudEvent[Any]]:
    """Yield the events of both versions, as the service emits them during the transition."""
    for event in events_of(before, after):
        yield event
        if event.type == ORDER_PLACED.name:
            yield second_version(event)


OLD_RELEASE = published(OrderRecord, events_of, None, order())
NEW_RELEASE = published(OrderRecord, events_of_both, None, order())


def delivered(function: str, messages: dict[str, str]) -> list[str]:
    """Return the messages that the filter policy of a function of payments accepts."""
    template = (ROOT / "apps/payments/delivery.yaml").read_text(encoding="utf-8")
    sources = yaml.safe_load(template)["Resources"][function]["Properties"]["Events"].values()
    [wanted] = [s["Properties"]["FilterPolicy"]["type"] for s in sources if "Filter" in str(s)]
    return [message for type_, message in messages.items() if type_ in wanted]


@pytest.fixture
def payments(load_app: Callable[..., ModuleType]) -> ModuleType:
    """Return the payments app, which knows only the first version."""
    module = load_app("payments")
    from chalicelib.payments.bootstrap import build

    module.gateway = FakeGateway()
    downstream = FakeDownstream()
    module.components = build(module.settings, module.gateway, downstream, downstream)
    return module


def test_producer_emits_both_versions_and_the_first_is_unchanged() -> None:
    assert NEW_RELEASE.keys() == {V1, V2}
    assert NEW_RELEASE[V1] == OLD_RELEASE[V1]
    first, second = (json.loads(NEW_RELEASE[name]) for name in (V1, V2))
    assert first["id"] != second["id"]
    assert {"lines", "shipping_address"} <= first["data"].keys()
    assert not {"lines", "shipping_address"} & second["data"].keys()


def test_payments_receives_the_first_version_beside_a_consumer_of_the_second(
    payments: ModuleType,
) -> None:
    # GIVEN a new consumer of the second version only
    packed: list[PlacedOrder] = []
    warehouse = Consumer(
        {ORDER_PLACED_V2: lambda event: packed.append(event.data)},
        Parking(NoQueue(), "queue"),
        sqs=None,
    )
    # WHEN both receive the events of an order of the new release
    accepted = delivered("Charge", NEW_RELEASE)
    for message in accepted:
        payments.charge(sns(message), None)
    warehouse.on_sns(sns(NEW_RELEASE[V2]))
    # THEN payments has received the first version and charged, and the other the second
    assert accepted == [NEW_RELEASE[V1]]
    assert payments.gateway.steps == ["create ord_1", "confirm ord_1"]
    assert [parcel.address.city for parcel in packed[0].parcels] == ["Sydney"]
    assert parked("toyshop-local-payments-charge-dead-letters") == []


def test_second_version_past_the_filter_is_ignored(payments: ModuleType) -> None:
    for message in NEW_RELEASE.values():
        payments.charge(sns(message), None)
    assert payments.gateway.steps == ["create ord_1", "confirm ord_1"]
    assert parked("toyshop-local-payments-charge-dead-letters") == []


@pytest.mark.parametrize("arrival", sorted({*itertools.permutations([V1, V1, V2, V2])}))
def test_migrating_consumer_receives_both_versions_and_charges_once(
    payments: ModuleType, arrival: tuple[str, ...]
) -> None:
    # GIVEN the next release of payments, which receives both versions during the transition
    from chalicelib.payments.charging import Charging
    from chalicelib.payments.store import TransactionStore

    charging = Charging(TransactionStore(payments.settings.table_name), payments.gateway)
    charge = Consumer(
        {
            ORDER_PLACED: charging.on_order_placed,
            ORDER_PLACED_V2: lambda event: charging.on_order_placed(first_version(event)),
        },
        Parking(NoQueue(), "queue"),
        sqs=None,
    )
    # WHEN both arrive twice, in any order
    for type_ in arrival:
        charge.on_sns(sns(NEW_RELEASE[type_]))
    # THEN there is one charge: its key is the order, not the event
    assert payments.gateway.steps == ["create ord_1", "confirm ord_1"]


def test_check_accepts_an_additional_version_but_not_a_replacement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = snapshots.load(ROOT)

    def changes() -> list[tuple[str, bool]]:
        contracts = wire.contracts(generate(ROOT / "apps"))
        return [(c.contract, c.breaking) for c in snapshots.changes(released, contracts)]

    # the data of the first version are changed
    monkeypatch.setitem(EVENT_TYPES, V1, EventType(V1, "/orders", PlacedOrder))
    assert (f"events/{V1}", True) in changes()
    # the second version is added
    monkeypatch.setitem(EVENT_TYPES, V1, ORDER_PLACED)
    monkeypatch.setitem(EVENT_TYPES, V2, ORDER_PLACED_V2)
    assert changes() == [(f"events/{V2}", False)]
    # and the first is removed
    monkeypatch.delitem(EVENT_TYPES, V1)
    assert changes() == [(f"events/{V1}", True), (f"events/{V2}", False)]
