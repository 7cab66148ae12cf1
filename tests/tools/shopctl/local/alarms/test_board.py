"""The alarms of the templates over values of a local shop, in which a minute is a second."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from shopctl.local.alarms import board
from shopctl.local.alarms.definitions import Alarm, MetricAlarm
from shopctl.local.telemetry import Value
from shopctl.project.layout import Layout

NOW = 1_800_000_000.0
API = {"ApiName": "toyshop-local-orders", "Stage": "api"}


@dataclass
class Store:
    """Values of metrics, added by tests."""

    added: list[Value] = field(default_factory=list)

    def add(
        self, namespace: str, name: str, dimensions: dict[str, str], ago: float, value: float
    ) -> None:
        self.added.append(Value(NOW - ago, namespace, name, dimensions, value, "None"))

    def shop(self, name: str, service: str, ago: float, value: float, **more: str) -> None:
        self.add("ToyShop", name, {"service": service, "stage": "local", **more}, ago, value)

    def values(self, *, since: float) -> Iterator[Value]:
        return (each for each in sorted(self.added, key=lambda one: one.time) if each.time >= since)


@pytest.fixture(scope="module")
def alarms() -> list[Alarm]:
    return board.alarms(Layout.find())


@pytest.fixture
def store() -> Store:
    return Store()


def firing(alarms: list[Alarm], store: Any, after: float = 0) -> set[str]:
    """Return the alarms that fire some seconds later, by the ends of their names."""
    found = board.evaluate(alarms, store, NOW + after).firing
    return {each.alarm.name.removeprefix("toyshop-local-") for each in found}


def test_shop_without_values_fires_nothing(alarms: list[Alarm], store: Store) -> None:
    found = board.evaluate(alarms, store, NOW)
    assert found.firing == []
    assert {each.state for each in found.statuses} == {"OK", "INSUFFICIENT_DATA"}


def requests(store: Store, agos: Iterable[float], *, failed: bool = False) -> None:
    for ago in agos:
        store.add("AWS/ApiGateway", "Count", API, ago, 1)
        store.add("AWS/ApiGateway", "5XXError", API, ago, float(failed))
        store.add("AWS/ApiGateway", "Latency", API, ago, 20)


def test_failing_api_fires_its_page_and_it_clears_by_itself(
    alarms: list[Alarm], store: Store
) -> None:
    # GIVEN an API that has failed for three seconds, which stand for three minutes
    requests(store, range(10, 60))
    requests(store, (0, 1, 2), failed=True)
    assert firing(alarms, store) == {"orders-api-failing"}
    (status,) = board.evaluate(alarms, store, NOW).firing
    assert any(reason.startswith("5XXError Average in 1 h: 0.05") for reason in status.why)
    # THEN the ticket does not fire, because no day has passed
    # AND it clears once half an hour, which takes 30 seconds, is without failures
    requests(store, range(-40, 0))
    assert firing(alarms, store, 20) == {"orders-api-failing"}
    assert firing(alarms, store, 35) == set()


def test_a_single_failure_fires_nothing(alarms: list[Alarm], store: Store) -> None:
    requests(store, [1], failed=True)
    assert firing(alarms, store) == set()


def test_slow_responses_fire_a_ticket_if_there_are_enough(
    alarms: list[Alarm], store: Store
) -> None:
    for number in range(30):
        store.add("AWS/ApiGateway", "Latency", API, number / 10, 900)
        if number == 18:
            assert firing(alarms, store) == set()
    assert firing(alarms, store) == {"orders-api-latency"}


def test_placed_orders_that_are_not_settled_fire_a_page(alarms: list[Alarm], store: Store) -> None:
    for ago in (13, 12, 8, 7, 3):
        store.shop("toyshop.orders.placed", "orders", ago, 1)
    # the one of the last five minutes may be on the way
    assert firing(alarms, store) == set()
    store.shop("toyshop.orders.placed", "orders", 2, 1)
    assert firing(alarms, store) == {"payments-orders-unsettled"}
    # AND they settle
    store.shop("toyshop.orders.settled", "payments", -1, 6)
    assert firing(alarms, store, 2) == set()


def test_orders_on_their_way_at_the_end_of_a_period_fire_nothing(
    alarms: list[Alarm], store: Store
) -> None:
    for ago in range(40):
        # half of them settle in the next minute
        store.shop("toyshop.orders.placed", "orders", ago, 8)
        store.shop("toyshop.orders.settled", "payments", ago, 4)
        store.shop("toyshop.orders.settled", "payments", ago - 1, 4)
    for after in range(8):
        assert firing(alarms, store, after) == set()


def test_message_that_keeps_failing_fires_a_ticket(alarms: list[Alarm], store: Store) -> None:
    store.shop("toyshop.events.retried", "payments", 0, 5)
    assert firing(alarms, store) == set()
    # the attempts may be an hour apart
    store.shop("toyshop.events.failing", "payments", 61, 1)
    assert firing(alarms, store) == {"payments-events-failing"}
    assert firing(alarms, store, 60) == set()


def test_throttled_index_fires_a_ticket(alarms: list[Alarm], store: Store) -> None:
    index = {"TableName": "toyshop-local-orders", "GlobalSecondaryIndexName": "by_month"}
    for ago in (0, 1, 2):
        store.add("AWS/DynamoDB", "WriteThrottleEvents", index, ago, 1)
    assert firing(alarms, store) == {"orders-table-throttled"}


@pytest.mark.parametrize("measured", ["relay", "stream"])
def test_late_events_fire_a_page(alarms: list[Alarm], store: Store, measured: str) -> None:
    for ago in (0, 1, 2):
        if measured == "relay":
            store.shop("toyshop.outbox.lag", "orders", ago, 31)
        else:
            function = {"FunctionName": "toyshop-local-orders-on-dynamodb-record"}
            store.add("AWS/Lambda", "IteratorAge", function, ago, 31_000)
    assert firing(alarms, store) == {"orders-outbox-lag"}
    assert firing(alarms, store, 10) == set()


def test_open_breaker_rejected_webhooks_and_dead_letters_fire_tickets(
    alarms: list[Alarm], store: Store
) -> None:
    queue = {"QueueName": "toyshop-local-payments-charge-dead-letters"}
    store.add("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, 0, 2)
    for ago in (0, 1, 2):
        store.shop("toyshop.breaker.open", "storefront_api", ago, 1, downstream="toys")
    for ago in (0, 6, 12):
        store.shop("toyshop.webhooks", "payments", ago, 1, result="rejected")
    assert firing(alarms, store) == {
        "payments-charge-dead-letters",
        "storefront-api-toys-breaker",
        "payments-webhooks-rejected",
    }


def test_violations_fire_until_a_run_finds_none(alarms: list[Alarm], store: Store) -> None:
    store.shop("toyshop.invariant.violations", "storefront_api", 500, 3)
    # the last run is longer ago than the period
    assert firing(alarms, store) == {"storefront-api-invariant-violations"}
    store.shop("toyshop.invariant.violations", "storefront_api", 1, 0)
    assert firing(alarms, store) == set()


def test_alarms_have_the_thresholds_and_periods_of_a_stage(alarms: list[Alarm]) -> None:
    found = {alarm.name: alarm for alarm in alarms}
    fast = found["toyshop-local-orders-api-errors-14-4x-1h"]
    assert isinstance(fast, MetricAlarm)
    assert (fast.period, fast.threshold, fast.missing) == (3600, 0.0144, "notBreaching")
    assert "toyshop-local-throttles" in found
