"""The routes of toys and their images."""

from chalicelib.storefront_api.bootstrap import Components
from chassis.api import Answer, ServiceBlueprint
from contracts import storefront as api
from contracts.files import ImageTicket
from contracts.toys import (
    SuggestionList,
    SuggestionQuery,
    Toy,
    ToyPage,
    ToyQuery,
    UploadedImagePage,
    UploadedImageQuery,
)

routes: ServiceBlueprint[Components] = ServiceBlueprint(__name__)


@routes.serves(api.SEARCH_TOYS)
def search_toys() -> ToyPage:
    """Search the catalogue."""
    return routes.components.catalogue.search(routes.app.query(ToyQuery))


@routes.serves(api.SUGGEST_TOYS)
def suggest_toys() -> SuggestionList:
    """Suggest queries."""
    return routes.components.catalogue.suggest(routes.app.query(SuggestionQuery))


@routes.serves(api.GET_TOY)
def get_toy(toy_id: str) -> Toy:
    """Return a toy."""
    return routes.components.catalogue.get(toy_id)


@routes.serves(api.CREATE_TOY)
def create_toy() -> Answer:
    """Add a toy."""
    toy = routes.components.catalogue.create(routes.app.json_text())
    return Answer(toy, headers={"Location": f"/api/toys/{toy.id}"})


@routes.serves(api.REPLACE_TOY)
def replace_toy(toy_id: str) -> Toy:
    """Replace a toy."""
    if_match = routes.app.header_list("if-match")
    return routes.components.catalogue.replace(toy_id, if_match, routes.app.json_text())


@routes.serves(api.PATCH_TOY)
def patch_toy(toy_id: str) -> Toy:
    """Change fields of a toy."""
    if_match = routes.app.header_list("if-match")
    return routes.components.catalogue.patch(toy_id, if_match, routes.app.json_text(patch=True))


@routes.serves(api.DELETE_TOY)
def delete_toy(toy_id: str) -> None:
    """Delete a toy."""
    routes.components.catalogue.delete(toy_id, routes.app.header_list("if-match"))


@routes.serves(api.ADD_TOY_IMAGE)
def add_toy_image(toy_id: str) -> ImageTicket:
    """Add an image to a toy, and return where to upload it."""
    return routes.components.catalogue.add_image(toy_id, routes.app.json_text())


@routes.serves(api.LIST_TOY_IMAGES)
def list_toy_images(toy_id: str) -> UploadedImagePage:
    """List the images of a toy with the result of their check."""
    return routes.components.catalogue.list_images(toy_id, routes.app.query(UploadedImageQuery))


@routes.serves(api.REMOVE_TOY_IMAGE)
def remove_toy_image(toy_id: str, image_id: str) -> None:
    """Remove an image from a toy."""
    routes.components.catalogue.remove_image(toy_id, image_id)
