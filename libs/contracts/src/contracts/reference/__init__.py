"""Parts of the API documents that no service needs: tags, descriptions and examples.

Only the storefront imports it, for `GET /openapi.json`. There is one module per API, and a file
with its examples, which tests/simulation/examples records.
"""

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct

from contracts.operations import Operation

CONTACT = {
    "name": "Toy Shop",
    "url": "https://toyshop.example",
    "email": "api@toyshop.example",
}
LICENSE = {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
PATH_PARAMETERS = {
    "file_id": "The id of a file",
    "image_id": "The id of an image",
    "message_id": "The id of a message",
    "order_id": "The id of an order",
    "toy_id": "The id of a toy",
    "transaction_id": "The id of a transaction",
}
"""The description of each path parameter."""


class Tag(Struct, frozen=True):
    """A group of operations.

    Attributes
    ----------
    name, description
        What the operations are about.
    operations
        The description of each operation, by name, in Markdown.
    """

    name: str
    description: str
    operations: dict[str, str]


class Reference(Struct, frozen=True, kw_only=True, dict=True):
    """The texts and examples of the OpenAPI document of one API.

    Attributes
    ----------
    title, description
        What the API is for, in Markdown.
    tags
        The groups of its operations; each operation is in one of them.
    server
        Who can reach the API, and where.
    name
        The name of the file with its examples; empty if it has none.
    """

    title: str
    description: str
    tags: tuple[Tag, ...]
    server: str
    name: str = ""

    @cached_property
    def examples(self) -> dict[str, dict[str, Any]]:
        """A request and its response for each operation, by name."""
        if not self.name:
            return {}
        path = Path(__file__).with_name(f"{self.name}.json")
        examples: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return examples

    def tag_of(self, operation: str) -> Tag:
        """Return the tag of an operation."""
        return next(tag for tag in self.tags if operation in tag.operations)


def undescribed(
    title: str, description: str, server: str, operations: Iterable[Operation[Any]]
) -> Reference:
    """Return a reference without texts, for an API that has none yet."""
    tag = Tag("API", description, {operation.name: "" for operation in operations})
    return Reference(title=title, description=description, tags=(tag,), server=server)


PRIVATE_SERVER = "The API inside the VPC, which only its permitted callers reach"
HEALTH = Tag(
    "Health",
    "The state of the service, for the storefront's health check.",
    {"getHealth": "Reads the service's own resources; 503 if one of them does not respond."},
)
