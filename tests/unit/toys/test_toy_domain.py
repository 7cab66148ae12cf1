"""The rules of toys."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.toys import domain
from contracts.money import Money, NewMoney
from contracts.toys import ToyDraft, ToyImage

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
DRAFT = ToyDraft(
    name="Kite",
    description="Flies",
    category="outdoor",
    brand="Windy",
    price=NewMoney(amount=1999, currency="AUD"),
    min_age=6,
    attributes={"colour": "red"},
)
KITE = domain.describe("toy_1", DRAFT, NOW)


def image(number: int) -> ToyImage:
    return ToyImage(id=f"fil_{number}", url=f"/files/fil_{number}", alt="")


def test_a_new_toy_is_what_its_draft_says() -> None:
    assert (KITE.version, KITE.created_at, KITE.images) == (1, NOW, [])
    assert domain.draft_of(KITE) == DRAFT


@pytest.mark.parametrize(
    ("price", "error"),
    [
        (Money(amount=1, currency="EUR"), domain.OtherCurrencyError),
        (Money(amount=0, currency="AUD"), domain.NoPriceError),
    ],
)
def test_a_price_that_cannot_be_asked(price: Money, error: type[Exception]) -> None:
    with pytest.raises(error):
        domain.check_price(price, "AUD")


def test_a_new_description_keeps_pictures_and_birthday() -> None:
    shown = domain.show(KITE, image(1), NOW)
    changed = domain.redescribe(shown, DRAFT, LATER)
    assert changed.images == [image(1)]
    assert (changed.version, changed.created_at, changed.updated_at) == (3, NOW, LATER)


def test_a_toy_has_room_for_twenty_pictures() -> None:
    toy = KITE
    for number in range(domain.MAX_IMAGES):
        toy = domain.show(toy, image(number), NOW)
    with pytest.raises(domain.TooManyImagesError):
        domain.show(toy, image(99), NOW)


def test_a_picture_is_taken_down_and_no_other() -> None:
    toy = domain.show(domain.show(KITE, image(1), NOW), image(2), NOW)
    left = domain.take_down(toy, "fil_1", LATER)
    assert left.images == [image(2)]
    assert left.version == toy.version + 1
    with pytest.raises(domain.NoSuchImageError):
        domain.take_down(left, "fil_1", LATER)
