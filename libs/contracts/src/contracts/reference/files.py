"""The document of the API of the file manager."""

from contracts.reference import HEALTH, PRIVATE_SERVER, Reference, Tag

REFERENCE = Reference(
    title="Toy shop: file_manager",
    name="files",
    server=PRIVATE_SERVER,
    description="Public images and private documents. Bytes of images are uploaded to storage and "
    "never pass through this API. A private API: callers sign their requests.",
    tags=(
        Tag(
            "Images",
            "Images, which become public once their content has been checked.",
            {
                "announceImage": "Returns where to upload the image. The event "
                "`shop.file.ready.v1` or `shop.file.rejected.v1` follows the upload.",
                "listImages": "Returns the images of one entity of the caller.",
            },
        ),
        Tag(
            "Documents",
            "Private documents, such as receipts.",
            {
                "archiveDocument": "Stores a document under an id that the caller derives; another "
                "content under the same id is a 409.",
                "replaceDocument": "For a receipt whose customer's data are erased: the earlier "
                "content is gone afterwards, older versions of it included.",
                "linkDocument": "Returns a URL that expires within minutes.",
            },
        ),
        Tag(
            "Files",
            "Images and documents alike.",
            {
                "lookUpFiles": "Reads up to 100 files at once.",
                "deleteFile": "Deletes the record, the content and all its copies.",
            },
        ),
        HEALTH,
    ),
)
