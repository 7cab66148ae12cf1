"""Which dead letters are meant."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from shopctl.operating.replay import dead_letters
from shopctl.operating.replay.dead_letters import Letter
from shopctl.operating.replay.selection import Selection
from shopctl.project.errors import ShopProblem
from support.dead_letter_queues import ORDER, OTHER, Shelf, event

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def letter(shelf: Shelf) -> Letter:
    import json

    message = {"MessageId": "m-1", "Body": json.dumps(event())}
    found = dead_letters.read(shelf.routes["payments-charge-dead-letters"], message)
    return dataclasses.replace(found, parked_at=NOW)


@pytest.mark.parametrize(
    ("selection", "kept"),
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
def test_a_letter_is_kept_if_all_kinds_of_choice_hold(
    letter: Letter, selection: Selection, kept: bool
) -> None:
    assert selection.keeps(letter) is kept
    assert selection.is_everything == (selection == Selection())


def test_queues_are_chosen_by_service_and_name(shelf: Shelf) -> None:
    routes = list(shelf.routes.values())

    def chosen(**choice: tuple[str, ...]) -> list[str]:
        found = Selection(**choice).routes(routes, "local")  # type: ignore[arg-type]
        return [route.queue.removeprefix("toyshop-local-") for route in found]

    assert len(chosen()) == len(routes)
    assert chosen(services=("toys",)) == ["toys-images-dead-letters"]
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
