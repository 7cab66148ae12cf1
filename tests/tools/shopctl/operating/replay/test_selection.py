"""Which dead letters are meant."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from shopctl.operating.replay import dead_letters
from shopctl.operating.replay.dead_letters import Letter
from shopctl.operating.replay.selection import Selection, moment
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("15m", NOW - timedelta(minutes=15)),
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("2026-11-24T03:00:00Z", datetime(2026, 11, 24, 3, tzinfo=UTC)),
        ("2026-11-24T03:00:00+11:00", datetime(2026, 11, 23, 16, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_time_or_an_age(text: str, expected: datetime) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2w", "-2h", "2026-11-24T03:00:00", "03:00"])
def test_what_is_neither_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ShopProblem) as problem:
        moment(text, NOW)
    assert "2026-11-24T03:00:00Z" in problem.value.remedy
