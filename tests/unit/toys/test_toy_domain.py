"""The rules of toys."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import asdict

from chalicelib.toys import domain
from contracts.money import Money, NewMoney
from contracts.toys import Toy, ToyDraft, ToyImage, ToyReplacement

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
    assert {name: getattr(KITE, name) for name in asdict(DRAFT)} == asdict(DRAFT)


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


def test_every_member_of_a_toy_can_be_sent_back() -> None:
    toy = domain.add_image(KITE, image(1), LATER)
    assert set(Toy.__struct_fields__) <= set(ToyReplacement.__struct_fields__)
    same = msgspec.json.decode(msgspec.json.encode(toy), type=ToyReplacement)
    assert domain.changed_read_only(toy, same) is None
    left_out = msgspec.convert(msgspec.to_builtins(DRAFT), ToyReplacement)
    assert domain.changed_read_only(toy, left_out) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "toy_2"),
        ("version", 1),
        ("created_at", "2026-01-01T00:00:01Z"),
        ("updated_at", "2026-01-01T00:00:00Z"),
        ("images", []),
        ("images", [{"id": "fil_1", "url": "/files/fil_1"}]),
        ("images", [{"id": "fil_1", "url": "/files/fil_1", "alt": "", "size": 1}]),
    ],
)
def test_read_only_member_that_differs_is_named(name: str, value: object) -> None:
    toy = domain.add_image(KITE, image(1), LATER)
    document = msgspec.to_builtins(toy) | {name: value}
    assert domain.changed_read_only(toy, msgspec.convert(document, ToyReplacement)) == name


def test_read_only_time_may_be_written_in_another_way() -> None:
    document = msgspec.to_builtins(KITE) | {"created_at": "2026-01-01T01:00:00.000+01:00"}
    assert domain.changed_read_only(KITE, msgspec.convert(document, ToyReplacement)) is None


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
