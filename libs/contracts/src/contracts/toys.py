"""The toys service: the catalogue and its search."""

from datetime import date
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts import patterns
from contracts.files import FileStatus, ImageTicket, ImageType, ImageVariant
from contracts.headers import IF_MATCH
from contracts.money import Currency, MinorUnits, Money, NewMoney
from contracts.operations import Operation
from contracts.schema import (
    DEFAULT_LIMIT,
    PARAMETER_PREFIX,
    Input,
    Limit,
    Output,
    PageCursor,
    Timestamp,
)

MAX_IMAGE_BYTES = 5 * 1024 * 1024

ToyName = Annotated[str, Meta(min_length=1, max_length=120, pattern=patterns.NOT_BLANK)]
Description = Annotated[str, Meta(max_length=4000)]
Label = Annotated[str, Meta(min_length=1, max_length=60, pattern=patterns.NOT_BLANK)]
ToyId = Annotated[str, Meta(max_length=64)]
Age = Annotated[int, Meta(ge=0, le=99)]


class ToyDraft(Input):
    """The details of a toy that staff enter; a PUT replaces all of them."""

    name: ToyName
    description: Description
    category: Label
    brand: Label
    price: NewMoney
    min_age: Age
    attributes: Annotated[
        dict[
            Annotated[str, Meta(min_length=1, max_length=60, pattern=patterns.ATTRIBUTE_NAME)],
            Annotated[str, Meta(min_length=1, max_length=200, pattern=patterns.LINE)],
        ],
        Meta(max_length=30),
    ] = {}


class ToyReplacement(ToyDraft):
    """The details of a toy that replace its present ones.

    What GET returns can be sent back: the members that cannot be changed are accepted if they
    are the toy's own. They can also be left out.
    """

    id: str | UnsetType = UNSET
    images: list[dict[str, object]] | UnsetType = UNSET
    version: int | UnsetType = UNSET
    created_at: Timestamp | UnsetType = UNSET
    updated_at: Timestamp | UnsetType = UNSET


class PricePatch(Struct, kw_only=True):
    """The members of a price to replace."""

    amount: MinorUnits | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET


class ToyPatch(Struct, kw_only=True):
    """The details of a toy to replace; ``null`` removes an attribute.

    Members that cannot be changed are accepted if they are the toy's own.
    """

    name: ToyName | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    category: Label | UnsetType = UNSET
    brand: Label | UnsetType = UNSET
    price: PricePatch | UnsetType = UNSET
    min_age: Age | UnsetType = UNSET
    attributes: dict[str, str | None] | UnsetType = UNSET


class ToyImage(Output):
    """An image of a toy; ``url`` is a path on the shop's own origin.

    ``width`` and ``height`` are in pixels, ``variants`` are smaller copies. An image that was
    checked by an earlier release has neither.
    """

    id: str
    url: str
    alt: str
    width: int | None = None
    height: int | None = None
    variants: list[ImageVariant] = []


class UploadedImage(Output):
    """An image of a toy in any status; ``reason`` says why it was rejected.

    ``url`` leads to the image once it is ready.
    """

    id: str
    status: FileStatus
    reason: str | None
    url: str
    alt: str
    width: int | None
    height: int | None
    variants: list[ImageVariant]
    created_at: Timestamp


class Toy(Output):
    """A toy of the catalogue."""

    id: str
    name: str
    description: str
    category: str
    brand: str
    price: Money
    min_age: int
    attributes: dict[str, str]
    images: list[ToyImage]
    version: int
    created_at: Timestamp
    updated_at: Timestamp


Sort = Literal["relevance", "newest", "price", "-price", "name"]


class ToyQuery(Input):
    """Filters, order and page of a search."""

    q: Annotated[str, Meta(max_length=200, description="The words to search for")] = ""
    category: Annotated[str | None, Meta(description="Only toys of this category")] = None
    brand: Annotated[str | None, Meta(description="Only toys of this brand")] = None
    age: Annotated[Age | None, Meta(description="Only toys for children of this age")] = None
    price_min: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="The lowest price, in minor units")
    ] = None
    price_max: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="The highest price, in minor units")
    ] = None
    attributes: Annotated[
        dict[str, str],
        Meta(
            description="Returns only toys whose attribute <name> has exactly this value. "
            "May be given once per attribute.",
            extra={PARAMETER_PREFIX: "attr."},
        ),
    ] = {}
    sort: Annotated[Sort, Meta(description="Sort order; `-price` starts with the highest")] = (
        "newest"
    )
    limit: Limit = DEFAULT_LIMIT
    cursor: PageCursor = None
    facets: Annotated[
        Annotated[str, Meta(pattern=patterns.FACETS, examples=["category,brand,age,price"])] | None,
        Meta(
            description="The facets by which to count the toys of the whole result, separated by "
            "commas, each once."
        ),
    ] = None


class ToyPage(Output):
    """A page of toys.

    ``total`` is the number of toys on all pages. ``facets`` has, for each facet that was asked for,
    the number of toys by value, counted as if the facet's own filter were absent. A value of
    ``age`` is a toy's ``min_age``; a value of ``price`` is a range in minor units, both ends
    included, such as ``1000-1999``, or ``5000000-`` without an upper end.
    """

    items: list[Toy]
    next_cursor: str | None
    total: int
    facets: dict[str, dict[str, int]] | UnsetType = UNSET


class SuggestionQuery(Input):
    """The beginning of a query, as a shopper types it."""

    q: Annotated[str, Meta(max_length=200, description="The text typed so far")] = ""
    limit: Annotated[int, Meta(ge=1, le=20, description="The maximum number of items")] = 8


class Suggestion(Output):
    """A name or brand of the catalogue to search for."""

    text: str


class SuggestionList(Output):
    """What continues the beginning of a query, best first."""

    items: list[Suggestion]


class ToyLookup(Input):
    """The ids of the toys to return."""

    ids: Annotated[list[ToyId], Meta(min_length=1, max_length=100)]


class ToyLookupAnswer(Output):
    """The toys with the given ids, in their order, without those that do not exist."""

    items: list[Toy]


class CatalogueOutline(Output):
    """The parts in which the whole catalogue can be listed, and its categories.

    ``parts`` has the day on which a toy of each part was last changed.
    """

    parts: list[date]
    categories: list[str]


class CataloguePartQuery(Input):
    """Selects a part of the catalogue."""

    number: Annotated[
        int, Meta(ge=1, le=1_000_000, description="The number of the part, from 1")
    ] = 1


class ListedToy(Output):
    """A toy in a part of the catalogue; ``updated_on`` is the day of its last change, in UTC."""

    id: str
    name: str
    updated_on: date


class CataloguePart(Output):
    """The toys of a part of the catalogue, oldest first."""

    items: list[ListedToy]


class NewToyImage(Input):
    """The announcement of an image that staff are about to upload."""

    content_type: ImageType
    size: Annotated[int, Meta(ge=1, le=MAX_IMAGE_BYTES)]
    alt: Annotated[str, Meta(max_length=300, pattern=patterns.LINE)]


class UploadedImageQuery(Input):
    """Selects a page of the images of a toy."""

    limit: Limit = DEFAULT_LIMIT
    cursor: PageCursor = None


class UploadedImagePage(Output):
    """A page of the images of a toy in every status, newest first."""

    items: list[UploadedImage]
    next_cursor: str | None


SEARCH: Operation[ToyPage] = Operation(
    name="searchToys", method="GET", path="/toys", summary="Search the catalogue",
    query=ToyQuery, answer=ToyPage, problems=(400,), repeatable=True,
)  # fmt: skip
# not below /toys, because IAM could not allow callers to read any toy without it
SUGGEST: Operation[SuggestionList] = Operation(
    name="suggestToys", method="GET", path="/suggestions", summary="Suggest queries",
    query=SuggestionQuery, answer=SuggestionList, problems=(400,), repeatable=True,
)  # fmt: skip
OUTLINE: Operation[CatalogueOutline] = Operation(
    name="outlineCatalogue", method="GET", path="/catalogue",
    summary="Return the parts and categories of the catalogue",
    answer=CatalogueOutline, problems=(503,), repeatable=True,
)  # fmt: skip
LIST_PART: Operation[CataloguePart] = Operation(
    name="listCataloguePart", method="GET", path="/catalogue/parts",
    summary="List the toys of a part of the catalogue",
    query=CataloguePartQuery, answer=CataloguePart, problems=(400, 404, 503), repeatable=True,
)  # fmt: skip
GET: Operation[Toy] = Operation(
    name="getToy", method="GET", path="/toys/{toy_id}", summary="Return a toy",
    answer=Toy, problems=(404,), repeatable=True,
)  # fmt: skip
LOOKUP: Operation[ToyLookupAnswer] = Operation(
    name="lookUpToys", method="POST", path="/toys/lookup",
    summary="Return the toys with the given ids",
    body=ToyLookup, answer=ToyLookupAnswer, problems=(400, 422), repeatable=True,
)  # fmt: skip
CREATE: Operation[Toy] = Operation(
    name="createToy", method="POST", path="/toys", summary="Add a toy",
    body=ToyDraft, answer=Toy, status=(201,), problems=(400, 422),
)  # fmt: skip
REPLACE: Operation[Toy] = Operation(
    name="replaceToy", method="PUT", path="/toys/{toy_id}", summary="Replace the details of a toy",
    body=ToyReplacement, answer=Toy, problems=(400, 404, 412, 422, 428), headers=(IF_MATCH,),
)  # fmt: skip
PATCH: Operation[Toy] = Operation(
    name="patchToy", method="PATCH", path="/toys/{toy_id}",
    summary="Change a toy (JSON merge patch, RFC 7396)",
    body=ToyPatch, answer=Toy, problems=(400, 404, 412, 415, 422, 428),
    headers=(IF_MATCH,),
)  # fmt: skip
DELETE: Operation[None] = Operation(
    name="deleteToy", method="DELETE", path="/toys/{toy_id}", summary="Delete a toy and its images",
    status=(204,), problems=(400, 404, 412, 428), headers=(IF_MATCH,),
)  # fmt: skip
ADD_IMAGE: Operation[ImageTicket] = Operation(
    name="addToyImage", method="POST", path="/toys/{toy_id}/images",
    summary="Announce an image and return where to upload it",
    body=NewToyImage, answer=ImageTicket, status=(201,), problems=(400, 404, 409, 422),
)  # fmt: skip
# not below /toys/{toy_id}, because IAM could not allow callers to read a toy without it
LIST_IMAGES: Operation[UploadedImagePage] = Operation(
    name="listToyImages", method="GET", path="/images/{toy_id}",
    summary="List the images of a toy with the result of their check, newest first",
    query=UploadedImageQuery, answer=UploadedImagePage, problems=(400, 404), repeatable=True,
)  # fmt: skip
REMOVE_IMAGE: Operation[None] = Operation(
    name="removeToyImage", method="DELETE", path="/toys/{toy_id}/images/{image_id}",
    summary="Remove an image from a toy", status=(204,), problems=(404,),
)  # fmt: skip

OPERATIONS = (
    SEARCH,
    SUGGEST,
    OUTLINE,
    LIST_PART,
    GET,
    LOOKUP,
    CREATE,
    REPLACE,
    PATCH,
    DELETE,
    ADD_IMAGE,
    LIST_IMAGES,
    REMOVE_IMAGE,
)
