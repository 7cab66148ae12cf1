"""The catalogue of ``toys``: everyone can read it, staff can change it.

Bodies and preconditions are forwarded unchanged, so that ``toys`` alone checks them, in one order.
"""

import msgspec

from chalicelib.storefront_api.input_checks import valid_id
from chassis.client import Downstream
from contracts import toys as api
from contracts.files import ImageTicket


class Catalogue:
    """Reads and changes the catalogue.

    Every method raises the problems that ``toys`` answers with, and ``ServiceUnavailable`` if it
    does not answer.

    Parameters
    ----------
    toys
        Client of the toys service.
    """

    def __init__(self, toys: Downstream) -> None:
        self._toys = toys

    def search(self, query: api.ToyQuery) -> api.ToyPage:
        """Return a page of the toys that match a query."""
        return self._toys.call(api.SEARCH, query=query).value

    def suggest(self, query: api.SuggestionQuery) -> api.SuggestionList:
        """Return what continues the beginning of a query."""
        return self._toys.call(api.SUGGEST, query=query).value

    def outline(self) -> api.CatalogueOutline:
        """Return the parts and categories of the catalogue."""
        return self._toys.call(api.OUTLINE).value

    def list_part(self, number: int) -> list[api.ListedToy]:
        """Return the toys of a part of the catalogue."""
        query = api.CataloguePartQuery(number=number)
        return self._toys.call(api.LIST_PART, query=query).value.items

    def get(self, toy_id: str) -> api.Toy:
        """Return a toy."""
        return self._toys.call(api.GET, _path(toy_id)).value

    def create(self, draft: msgspec.Raw) -> api.Toy:
        """Add a toy."""
        return self._toys.call(api.CREATE, body=draft).value

    def replace(self, toy_id: str, if_match: str | None, draft: msgspec.Raw) -> api.Toy:
        """Replace a toy."""
        return self._toys.call(
            api.REPLACE, _path(toy_id), body=draft, headers=_precondition(if_match)
        ).value

    def patch(self, toy_id: str, if_match: str | None, patch: msgspec.Raw) -> api.Toy:
        """Change fields of a toy."""
        return self._toys.call(
            api.PATCH, _path(toy_id), body=patch, headers=_precondition(if_match)
        ).value

    def delete(self, toy_id: str, if_match: str | None) -> None:
        """Delete a toy."""
        self._toys.call(api.DELETE, _path(toy_id), headers=_precondition(if_match))

    def add_image(self, toy_id: str, image: msgspec.Raw) -> ImageTicket:
        """Add an image to a toy, and return where to upload it."""
        return self._toys.call(api.ADD_IMAGE, _path(toy_id), body=image).value

    def list_images(self, toy_id: str, query: api.UploadedImageQuery) -> api.UploadedImagePage:
        """Return a page of the images of a toy in every status."""
        return self._toys.call(api.LIST_IMAGES, _path(toy_id), query=query).value

    def remove_image(self, toy_id: str, image_id: str) -> None:
        """Remove an image from a toy."""
        path = {**_path(toy_id), "image_id": valid_id(image_id, "image")}
        self._toys.call(api.REMOVE_IMAGE, path)


def _path(toy_id: str) -> dict[str, str]:
    return {"toy_id": valid_id(toy_id, "toy")}


def _precondition(if_match: str | None) -> dict[str, str]:
    # a tab may stand between the tags of a list, and in no header of the signed client
    return {} if if_match is None else {"If-Match": if_match.replace("\t", " ")}
