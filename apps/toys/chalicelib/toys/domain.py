"""The rules of toys, in plain Python without AWS or HTTP."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET, to_builtins
from msgspec.structs import replace

from chassis.money import format_money
from contracts.files import File
from contracts.money import Money
from contracts.toys import Toy, ToyDraft, ToyImage, ToyReplacement, UploadedImage

MAX_IMAGES = 20
"""Most images that a toy can have."""


class ToyError(Exception):
    """A rule about toys is violated."""


class WrongCurrencyError(ToyError):
    """The price is not in the currency of the shop."""


class PriceTooLowError(ToyError):
    """The price is less than one minor unit."""


class TooManyImagesError(ToyError):
    """The toy already has the maximum number of images."""


class NoSuchImageError(ToyError):
    """The toy has no image with this id."""


def check_price(price: Money, currency: str) -> None:
    """Check that a toy can be sold at a price.

    Parameters
    ----------
    price
        The price of one piece.
    currency
        ISO 4217 code of the shop's currency.

    Raises
    ------
    WrongCurrencyError
        If the price is in another currency.
    PriceTooLowError
        If the price is less than one minor unit.
    """
    if price.currency != currency:
        raise WrongCurrencyError(f"Must be {currency}, the currency of this shop")
    if price.amount < 1:
        least = format_money(Money(amount=1, currency=currency))
        raise PriceTooLowError(f"Must be at least {least}")


def new_toy(toy_id: str, draft: ToyDraft, now: datetime) -> Toy:
    """Return a new toy with the details of a draft."""
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


def replace_details(toy: Toy, draft: ToyDraft, now: datetime) -> Toy:
    """Return the toy with the details of another draft and its present images."""
    changed = new_toy(toy.id, draft, now)
    return replace(changed, images=toy.images, version=toy.version + 1, created_at=toy.created_at)


def changed_read_only(toy: Toy, replacement: ToyReplacement) -> str | None:
    """Return the first read-only member of a replacement that is not the toy's, if there is one.

    Members that the replacement leaves out are not compared.
    """
    for name in ("id", "version", "created_at", "updated_at"):
        if getattr(replacement, name) not in (UNSET, getattr(toy, name)):
            return name
    if replacement.images not in (UNSET, to_builtins(toy.images)):
        return "images"
    return None


def check_image_limit(toy: Toy) -> None:
    """Check that an image can be added to a toy.

    Raises
    ------
    TooManyImagesError
        If the toy already has ``MAX_IMAGES`` images.
    """
    if len(toy.images) >= MAX_IMAGES:
        raise TooManyImagesError(f"A toy can have at most {MAX_IMAGES} images; remove one first")


def add_image(toy: Toy, image: ToyImage, now: datetime) -> Toy:
    """Return the toy with an image added.

    Raises
    ------
    TooManyImagesError
        If the toy already has ``MAX_IMAGES`` images.
    """
    check_image_limit(toy)
    return replace(toy, images=[*toy.images, image], version=toy.version + 1, updated_at=now)


def remove_image(toy: Toy, image_id: str, now: datetime) -> Toy:
    """Return the toy without an image.

    Raises
    ------
    NoSuchImageError
        If the toy has no image with this id.
    """
    images = [image for image in toy.images if image.id != image_id]
    if len(images) == len(toy.images):
        raise NoSuchImageError("The toy has no such image")
    return replace(toy, images=images, version=toy.version + 1, updated_at=now)


def is_removed(toy: Toy, seen_files: Sequence[str], file_id: str) -> bool:
    """Return whether a file was an image of the toy and has been removed from it.

    Parameters
    ----------
    seen_files
        Ids of all files that were ever added to the toy.
    """
    return file_id in seen_files and all(image.id != file_id for image in toy.images)


def uploaded_image(file: File) -> UploadedImage:
    """Return what staff see of a file that was announced as an image of a toy."""
    return UploadedImage(
        id=file.id,
        status=file.status,
        reason=file.reason,
        url=file.url,
        alt=file.alt,
        width=file.width,
        height=file.height,
        variants=file.variants,
        created_at=file.created_at,
    )
