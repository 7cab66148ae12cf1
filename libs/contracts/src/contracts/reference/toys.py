"""The document of the API of toys."""

from contracts.reference import HEALTH, PRIVATE_SERVER, Reference, Tag

REFERENCE = Reference(
    title="Toy shop: toys",
    name="toys",
    server=PRIVATE_SERVER,
    description="The catalogue and its search. A private API: callers sign their requests.",
    tags=(
        Tag(
            "Catalogue",
            "Toys and the search for them.",
            {
                "searchToys": "Searches an index in memory, which follows changes within seconds.",
                "suggestToys": "Returns names and brands that continue the beginning of a query.",
                "outlineCatalogue": "Reads the search index, and fails while there is none.",
                "listCataloguePart": "Returns ids, names and days of change, to make a sitemap. A "
                "part has up to 2,500 toys.",
                "getToy": "Reads the toy consistently.",
                "lookUpToys": "Reads up to 100 toys at once, to price the lines of an order.",
                "createToy": "Adds a toy under a new id.",
                "replaceToy": "Replaces all details of the toy; what GET returns can be sent back.",
                "patchToy": "Replaces the given members; `null` removes an attribute.",
                "deleteToy": "Deletes the toy, and its images at the file manager.",
            },
        ),
        Tag(
            "Images",
            "Images of toys, whose content the file manager checks.",
            {
                "addToyImage": "Announces the image at the file manager, and returns where to "
                "upload it.",
                "listToyImages": "Returns images in every status; a rejected one has the reason.",
                "removeToyImage": "Removes the image from the toy and deletes it.",
            },
        ),
        HEALTH,
    ),
)
