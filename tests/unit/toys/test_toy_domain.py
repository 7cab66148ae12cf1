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
    attributes={"color": "red"},
)
KITE = domain.new_toy("toy_1", DRAFT, NOW)


def image(number: int) -> ToyImage:
    return ToyImage(id=f"fil_{number}", url=f"/files/fil_{number}", alt="")


def test_new_toy_has_the_details_of_its_draft() -> None:
    assert (KITE.version, KITE.created_at, KITE.images) == (1, NOW, [])
    assert domain.draft_of(KITE) == DRAFT


@pytest.mark.parametrize(
    ("price", "error"),
    [
        (Money(amount=1, currency="EUR"), domain.WrongCurrencyError),
        (Money(amount=0, currency="AUD"), domain.PriceTooLowError),
    ],
)
def test_invalid_price_is_rejected(price: Money, error: type[Exception]) -> None:
    with pytest.raises(error):
        domain.check_price(price, "AUD")


def test_replace_details_keeps_images_and_creation_time() -> None:
    with_image = domain.add_image(KITE, image(1), NOW)
    changed = domain.replace_details(with_image, DRAFT, LATER)
    assert changed.images == [image(1)]
    assert (changed.version, changed.created_at, changed.updated_at) == (3, NOW, LATER)


def test_add_image_beyond_the_limit_is_rejected() -> None:
    toy = KITE
    for number in range(domain.MAX_IMAGES):
        toy = domain.add_image(toy, image(number), NOW)
    with pytest.raises(domain.TooManyImagesError):
        domain.add_image(toy, image(99), NOW)


def test_remove_image_removes_that_image_only() -> None:
    toy = domain.add_image(domain.add_image(KITE, image(1), NOW), image(2), NOW)
    remaining = domain.remove_image(toy, "fil_1", LATER)
    assert remaining.images == [image(2)]
    assert remaining.version == toy.version + 1
    with pytest.raises(domain.NoSuchImageError):
        domain.remove_image(remaining, "fil_1", LATER)
