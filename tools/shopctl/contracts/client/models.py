"""Generates the client's models from the schemas of its operations."""

from collections.abc import Iterator
from typing import Any

from shopctl.contracts.client.schema_types import (
    GENERATED,
    Schema,
    called_operations,
    docstring,
    references,
    restructured,
    type_of,
    wrapped,
)

_SECRETS = {"password", "access_token", "id_token", "refresh_token", "client_secret"}
"""Fields that ``repr`` omits."""
_PROBLEMS = "application/problem+json"


def source(document: Schema) -> str:
    """Return the text of the module.

    Parameters
    ----------
    document
        The OpenAPI document.
    """
    schemas = document["components"]["schemas"]
    requests = _requests(document)
    classes = "\n\n\n".join(
        _class(name, schemas[name], request=name in requests) for name in names(document)
    )
    datetimes = "from datetime import datetime\n" if ": datetime" in classes else ""
    names_of_typing = [name for name in ("Any", "ClassVar", "Literal") if f"{name}" in classes]
    return (
        f'"""The objects of the API.\n\n{GENERATED}\n"""\n\n'
        f"{datetimes}"
        f"from typing import {', '.join(names_of_typing)}\n\n"
        "from toyshop_client._model import Model\n\n\n"
        f"{classes}\n"
    )


def names(document: Schema) -> list[str]:
    """Return the names of the schemas that become models, in order of their dependencies.

    Problems become exceptions, and an object without properties is never sent.
    """
    schemas = document["components"]["schemas"]
    excluded = set(_problems(document)) | {
        name for name, schema in schemas.items() if not schema.get("properties")
    }
    ordered: list[str] = []

    def add(name: str) -> None:
        if name in ordered:
            return
        for used in references(schemas[name]):
            add(used)
        if name not in excluded:
            ordered.append(name)

    for _, _, operation in called_operations(document):
        for name in references([operation.get("requestBody", {}), operation["responses"]]):
            if name in schemas:
                add(name)
    return ordered


def _problems(document: Schema) -> Iterator[str]:
    yield "Problem"
    for _, _, operation in called_operations(document):
        for response in operation["responses"].values():
            yield from references(response.get("content", {}).get(_PROBLEMS, {}))


def _requests(document: Schema) -> set[str]:
    """Return the names of the schemas that clients send and never receive."""
    schemas = document["components"]["schemas"]
    bodies = [one.get("requestBody", {}) for _, _, one in called_operations(document)]
    responses = [one["responses"] for _, _, one in called_operations(document)]
    return _used(bodies, schemas) - _used(responses, schemas)


def _used(schema: Any, schemas: Schema) -> set[str]:
    """Return the names of the schemas that one refers to, directly or through others."""
    found: set[str] = set()
    left = list(references(schema))
    while left:
        name = left.pop()
        if name in schemas and name not in found:
            found.add(name)
            left += references(schemas[name])
    return found


def _class(name: str, schema: Schema, *, request: bool) -> str:
    fields = schema["properties"]
    required = schema.get("required", [])
    text = restructured(schema.get("description", f"{name}."))
    if described := "".join(_documented(field, fields[field], request) for field in fields):
        start = docstring(text, 4).removesuffix('"""').rstrip()
        text = f'{start}\n\n    Attributes\n    ----------{described}\n    """'
    else:
        text = docstring(text, 4)
    options = "frozen=True, kw_only=True" + (", omit_defaults=True" if request else "")
    lines = [f"class {name}(Model, {options}):", text, ""]
    secrets = sorted(field for field in fields if _is_secret(field, fields[field], request))
    if secrets:
        listed = ", ".join(f'"{field}"' for field in secrets)
        lines += [f"    _secrets: ClassVar[frozenset[str]] = frozenset({{{listed}}})", ""]
    lines += [_field(field, fields[field], field in required, request) for field in fields]
    return "\n".join(lines)


def _is_secret(field: str, schema: Schema, request: bool) -> bool:
    # a code that was emailed is a secret, the code of a country is not; the fields of an upload
    # contain its signature, those of an address do not
    return (
        field in _SECRETS
        or (request and field == "code")
        or (field == "fields" and schema.get("type") == "object")
    )


def _documented(field: str, schema: Schema, request: bool) -> str:
    description = restructured(schema.get("description", "")).strip()
    known = _enumerated(schema)
    if known and not request:
        values = ", ".join(f"``{value}``" for value in known)
        description = f"{description.rstrip('.')}. " if description else ""
        description += f"One of {values}; a newer shop may have others"
    if not description:
        return ""
    return f"\n    {field}\n{wrapped(description.rstrip('.'), 8)}."


def _enumerated(schema: Schema) -> list[Any]:
    for one in (schema, *schema.get("anyOf", ())):
        if len(one.get("enum", ())) > 1:
            values: list[Any] = one["enum"]
            return values
    return []


def _field(name: str, schema: Schema, required: bool, request: bool) -> str:
    kind = type_of(schema, exact=request)
    if required:
        return f"    {name}: {kind}"
    if "default" in schema:
        default = schema["default"]
        shown = f'"{default}"' if isinstance(default, str) else repr(default)
        return f"    {name}: {kind} = {shown}"
    return f"    {name}: {kind.removesuffix(' | None')} | None = None"
