"""Criteria that select dead letters."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from shopctl.operating.replay import dead_letters
from shopctl.operating.replay.dead_letters import DeadLetter
from shopctl.operating.replay.selection import Selection
from shopctl.project.errors import ShopProblem
from support.dead_letter_queues import ORDER, OTHER, DeadLetterQueues, event

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def dead_letter(queues: DeadLetterQueues) -> DeadLetter:
    import json

    message = {"MessageId": "m-1", "Body": json.dumps(event())}
    found = dead_letters.read(queues.routes["payments-charge-dead-letters"], message)
    return dataclasses.replace(found, parked_at=NOW)


@pytest.mark.parametrize(
    ("selection", "matches"),
    [
        (Selection(), True),
        (Selection(types=("shop.order.placed.v1",)), True),
        (Selection(types=("shop.order.cancelled.v1", "shop.order.placed.v1")), True),
        (Selection(types=("shop.order.cancelled.v1",)), False),
        (Selection(types=("shop.order.placed",)), False),
        (Selection(orders=(ORDER,)), True),
        (Selection(orders=(OTHER,)), False),
        (Selection(orders=(ORDER[:-1],)), False),
        (Selection(messages=("m-1",)), True),
        (Selection(messages=("m-2",)), False),
        (Selection(since=NOW), True),
        (Selection(since=NOW + timedelta(seconds=1)), False),
        (Selection(until=NOW), False),
        (Selection(until=NOW + timedelta(seconds=1)), True),
        (Selection(orders=(ORDER,), types=("shop.order.cancelled.v1",)), False),
    ],
)
def test_dead_letter_must_match_all_criteria(
    dead_letter: DeadLetter, selection: Selection, matches: bool
) -> None:
    assert selection.matches(dead_letter) is matches
    assert selection.is_everything == (selection == Selection())


def test_queues_are_selected_by_service_and_name(queues: DeadLetterQueues) -> None:
    routes = list(queues.routes.values())

    def chosen(**choice: tuple[str, ...]) -> list[str]:
        found = Selection(**choice).routes(routes, "local")  # type: ignore[arg-type]
        return [route.queue.removeprefix("toyshop-local-") for route in found]

    assert len(chosen()) == len(routes)
    assert chosen(services=("orders",)) == ["orders-relay-dead-letters"]
    assert len(chosen(services=("toys",))) == 3
    assert len(chosen(services=("file-manager",))) == 2
    assert chosen(queues=("payments-charge-dead-letters",)) == ["payments-charge-dead-letters"]
    assert chosen(queues=("toyshop-local-toys-images-dead-letters",)) == [
        "toys-images-dead-letters"
    ]
    assert chosen(services=("toys",), queues=("payments-charge-dead-letters",)) == []
    with pytest.raises(ShopProblem, match=r"There is no service .* bank"):
        chosen(services=("bank",))
    with pytest.raises(ShopProblem, match=r"no dead-letter queue .*payments-charge-retry"):
        chosen(queues=("payments-charge-retry",))
