"""The rules of toys: no AWS, no HTTP, nothing that a shopkeeper could not follow."""

from datetime import datetime

from msgspec.structs import replace

from contracts.money import Money, NewMoney
from contracts.toys import Toy, ToyDraft, ToyImage

MAX_IMAGES = 20


class ToyError(Exception):
    """A rule about toys that does not hold."""


class OtherCurrencyError(ToyError):
    """The shop sells in one currency."""


class NoPriceError(ToyError):
    """What is sold costs something."""


class TooManyImagesError(ToyError):
    """A toy has room for so many pictures and no more."""


class NoSuchImageError(ToyError):
    """The toy has no such picture."""


def check_price(price: Money, currency: str) -> None:
    """Raise unless a toy can be sold at a price.

    Parameters
    ----------
    currency
        The one that the shop sells in.

    Raises
    ------
    OtherCurrencyError, NoPriceError
        If it cannot.
    """
    if price.currency != currency:
        raise OtherCurrencyError(f"Prices of this shop are in {currency}")
    if price.amount < 1:
        raise NoPriceError("A toy costs at least 1 minor unit")


def describe(toy_id: str, draft: ToyDraft, now: datetime) -> Toy:
    """Return the new toy that a draft describes."""
    return Toy(
        id=toy_id,
        name=draft.name,
        description=draft.description,
        category=draft.category,
        brand=draft.brand,
        price=draft.price,
        min_age=draft.min_age,
        attributes=draft.attributes,
        images=[],
        version=1,
        created_at=now,
        updated_at=now,
    )


def redescribe(toy: Toy, draft: ToyDraft, now: datetime) -> Toy:
    """Return the toy as another draft describes it; its pictures stay."""
    changed = describe(toy.id, draft, now)
    return replace(changed, images=toy.images, version=toy.version + 1, created_at=toy.created_at)


def draft_of(toy: Toy) -> ToyDraft:
    """Return the part of a toy that staff describe."""
    return ToyDraft(
        name=toy.name,
        description=toy.description,
        category=toy.category,
        brand=toy.brand,
        price=NewMoney(amount=toy.price.amount, currency=toy.price.currency),
        min_age=toy.min_age,
        attributes=toy.attributes,
    )


def check_room_for_image(toy: Toy) -> None:
    """Raise unless the toy may have another picture.

    Raises
    ------
    TooManyImagesError
        If it has as many as it may.
    """
    if len(toy.images) >= MAX_IMAGES:
        raise TooManyImagesError(f"A toy has at most {MAX_IMAGES} pictures; remove one first")


def show(toy: Toy, image: ToyImage, now: datetime) -> Toy:
    """Return the toy with one picture more.

    Raises
    ------
    TooManyImagesError
        If it has as many as it may.
    """
    check_room_for_image(toy)
    return replace(toy, images=[*toy.images, image], version=toy.version + 1, updated_at=now)


def take_down(toy: Toy, image_id: str, now: datetime) -> Toy:
    """Return the toy without a picture.

    Raises
    ------
    NoSuchImageError
        If it does not have it.
    """
    images = [image for image in toy.images if image.id != image_id]
    if len(images) == len(toy.images):
        raise NoSuchImageError("The toy has no such picture")
    return replace(toy, images=images, version=toy.version + 1, updated_at=now)
