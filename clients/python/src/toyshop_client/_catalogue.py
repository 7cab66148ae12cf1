"""The catalogue, asynchronously."""

from collections.abc import Mapping, Sequence
from typing import Literal

from toyshop_client import _operations as operations
from toyshop_client._core import Core, etag
from toyshop_client.models import (
    Image,
    NewToyImage,
    Toy,
    ToyDraft,
    ToyPage,
    ToyPatch,
    ToyReplacement,
    UploadedImage,
    UploadedImagePage,
)
from toyshop_client.paging import AsyncItems

Facet = Literal["category", "brand", "age", "price"]
Sort = Literal["relevance", "newest", "price", "-price", "name"]
ImageType = Literal["image/gif", "image/jpeg", "image/png", "image/webp"]


class AsyncToys:
    """The catalogue."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def list(
        self,
        *,
        q: str | None = None,
        category: str | None = None,
        brand: str | None = None,
        age: int | None = None,
        price_min: int | None = None,
        price_max: int | None = None,
        attributes: Mapping[str, str] | None = None,
        sort: Sort | None = None,
        facets: Sequence[Facet] = (),
        page_size: int | None = None,
    ) -> AsyncItems[Toy, ToyPage]:
        """Search the catalogue.

        Parameters
        ----------
        q
            Words to search for.
        category, brand
            Return only toys with exactly this value.
        age
            Return only toys for this age in years.
        price_min, price_max
            Limits of the price, in minor units.
        attributes
            Return only toys whose attributes have exactly these values.
        facets
            Attributes by which to count the toys of the whole result; each page has the counts.
        page_size
            Number of toys per request, from 1 to 100.
        """

        async def fetch(cursor: str | None) -> ToyPage:
            return await self._core.call(
                operations.search_toys(
                    q=q,
                    category=category,
                    brand=brand,
                    age=age,
                    price_min=price_min,
                    price_max=price_max,
                    attr=attributes,
                    sort=sort,
                    limit=page_size,
                    cursor=cursor,
                    facets=",".join(facets) or None,
                )
            )

        return AsyncItems(fetch)

    async def suggestions(self, q: str, *, limit: int | None = None) -> Sequence[str]:
        """Return queries that complete what has been typed."""
        found = await self._core.call(operations.suggest_toys(q=q, limit=limit))
        return [one.text for one in found.items]

    async def get(self, toy_id: str) -> Toy:
        """Return a toy."""
        return await self._core.call(operations.get_toy(toy_id))

    async def create(self, draft: ToyDraft) -> Toy:
        """Add a toy; for staff."""
        return await self._core.call(operations.create_toy(draft))

    async def replace(self, toy: Toy, replacement: ToyReplacement) -> Toy:
        """Replace a toy, unless it has changed since it was read; for staff.

        Raises
        ------
        PreconditionFailed
            If it has changed.
        """
        return await self._core.call(
            operations.replace_toy(toy.id, replacement, if_match=etag(toy))
        )

    async def update(self, toy: Toy, changes: ToyPatch) -> Toy:
        """Change fields of a toy, unless it has changed since it was read; for staff.

        Parameters
        ----------
        changes
            The new values; an attribute that is ``None`` is removed.

        Raises
        ------
        PreconditionFailed
            If it has changed.
        """
        return await self._core.call(operations.patch_toy(toy.id, changes, if_match=etag(toy)))

    async def delete(self, toy: Toy) -> None:
        """Delete a toy, unless it has changed since it was read; for staff.

        Raises
        ------
        PreconditionFailed
            If it has changed.
        """
        await self._core.call(operations.delete_toy(toy.id, if_match=etag(toy)))

    async def add_image(
        self, toy_id: str, content: bytes, *, content_type: ImageType, alt: str
    ) -> Image:
        """Upload an image of a toy; for staff.

        The image is listed with the toy once the shop has checked it, which changes the toy's
        version. ``images`` lists it at once, with its status.

        Parameters
        ----------
        content
            The file.
        alt
            Description of the image, for people who cannot see it.
        """
        new = NewToyImage(content_type=content_type, size=len(content), alt=alt)
        ticket = await self._core.call(operations.add_toy_image(toy_id, new))
        await self._core.upload(ticket.upload, content, content_type)
        return ticket.image

    def images(
        self, toy_id: str, *, page_size: int | None = None
    ) -> AsyncItems[UploadedImage, UploadedImagePage]:
        """List the images of a toy with the result of their check, newest first; for staff."""

        async def fetch(cursor: str | None) -> UploadedImagePage:
            return await self._core.call(
                operations.list_toy_images(toy_id, limit=page_size, cursor=cursor)
            )

        return AsyncItems(fetch)

    async def remove_image(self, toy_id: str, image_id: str) -> None:
        """Remove an image of a toy; for staff."""
        await self._core.call(operations.remove_toy_image(toy_id, image_id))
