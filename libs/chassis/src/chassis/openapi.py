"""The OpenAPI 3.1 document of a service, generated from the operations of its contract."""

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from chassis.queries import parameter_prefixes
from contracts.headers import IF_NONE_MATCH
from contracts.operations import AUDIENCES, Operation
from contracts.problem import CONTENT_TYPE, TITLES, Problem
from contracts.schema import EmailAddress, NoBody
from contracts.security import SCHEMES

_REF = "#/components/schemas/{name}"
_PATH_PARAMETER = re.compile(r"{(\w+)}")
_INDENTATION = re.compile(r"\n[ ]+")
_PATTERN_END = r"$(?!\n)"
_ID: dict[str, Any] = {"type": "string", "maxLength": 64}
_ETAG = {
    "description": "The version of the resource, to send as If-Match",
    "schema": {"type": "string", "examples": ['"3"']},
}
_LOCATION = {
    "description": "The URL of the resource",
    "schema": {"type": "string", "format": "uri-reference"},
}


def document(
    title: str, operations: Sequence[Operation[Any]], *, server: str, version: str = "1"
) -> dict[str, Any]:
    """Return the OpenAPI document of an API.

    Parameters
    ----------
    title
        The title of the API.
    operations
        The operations of the API.
    server
        The base URL of the operations' paths; it may be relative.
    version
        The version of the contract.

    Examples
    --------
    >>> from contracts import notifications
    >>> document("Mail", notifications.OPERATIONS, server="/")["openapi"]
    '3.1.0'
    """
    schemas = _Schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, schemas
        )
    schemes = {
        scheme.name: scheme.definition
        for operation in operations
        if (scheme := SCHEMES[operation.audience])
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {"Problem": _problem(schemas)},
            "securitySchemes": dict(sorted(schemes.items())),
        },
    }


class _Schemas:
    """The JSON Schemas of all types that the given operations use."""

    def __init__(self, operations: Iterable[Operation[Any]]) -> None:
        types = [Problem]
        for operation in operations:
            types += [kind for kind in (operation.body, operation.query, operation.answer) if kind]
            types += operation.problem_bodies.values()
        refs, components = msgspec.json.schema_components(
            types, schema_hook=_schema_of, ref_template=_REF
        )
        self._refs = {
            repr(kind): portable_schema(ref) for kind, ref in zip(types, refs, strict=True)
        }
        self.components: dict[str, Any] = portable_schema(components)
        self._queries = {
            operation.query.__name__: self.components[operation.query.__name__]
            for operation in operations
            if operation.query
        }
        for name in self._queries:
            # a query is described by its parameters
            del self.components[name]

    def of(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a type, usually a reference to a component."""
        schema: dict[str, Any] = self._refs[repr(kind)]
        return schema

    def of_query(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a query type, which is not a component."""
        schema: dict[str, Any] = self._queries[kind.__name__]
        return schema


def _schema_of(kind: type) -> dict[str, Any]:
    if kind is object:
        return {"description": "Any JSON value"}
    if kind is EmailAddress:
        return {"type": "string"}
    raise NotImplementedError(kind)


def portable_schema(schema: Any) -> Any:
    """Return a JSON Schema with patterns in ECMA 262 and descriptions in Markdown.

    In ECMA 262 `$` matches the end only. Descriptions are docstrings, in reStructuredText.

    Parameters
    ----------
    schema
        A JSON Schema that msgspec has generated.
    """
    if isinstance(schema, dict):
        return {
            name: _markdown(value)
            if name == "description" and isinstance(value, str)
            else portable_schema(value)
            for name, value in schema.items()
        }
    if isinstance(schema, list):
        return [portable_schema(value) for value in schema]
    if isinstance(schema, str):
        return schema.replace(_PATTERN_END, "$")
    return schema


def _markdown(docstring: str) -> str:
    return _INDENTATION.sub("\n", docstring).strip().replace("``", "`")


def _operation(operation: Operation[Any], schemas: _Schemas) -> dict[str, Any]:
    scheme = SCHEMES[operation.audience]
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"For {AUDIENCES[operation.audience]}.",
        "security": [{scheme.name: []}] if scheme else [],
        # for tools: two audiences may use the same security scheme
        "x-audience": operation.audience,
        # for clients: whether a request may be sent again when its outcome is unknown
        **({"x-repeatable": True} if operation.repeatable else {}),
        "parameters": [*_path(operation), *_query(operation, schemas), *_headers(operation)],
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        content = {"schema": schemas.of(operation.body)}
        types = ["application/json"]
        if operation.method == "PATCH":
            types.insert(0, "application/merge-patch+json")
        described["requestBody"] = {
            "required": operation.body is not NoBody,
            "content": dict.fromkeys(types, content),
        }
    elif operation.raw_body:
        described["requestBody"] = {"required": True, "content": {"application/json": {}}}
    return described


def _path(operation: Operation[Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _ID}
        for name in _PATH_PARAMETER.findall(operation.path)
    ]


def _query(operation: Operation[Any], schemas: _Schemas) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    prefixes = parameter_prefixes(operation.query)
    described = schemas.of_query(operation.query)
    parameters: list[dict[str, Any]] = []
    for name, schema in described["properties"].items():
        if name in prefixes:
            parameters.append(
                {
                    "name": f"{prefixes[name]}<name>",
                    "in": "query",
                    "description": schema["description"],
                    "schema": schema["additionalProperties"],
                }
            )
        else:
            required = {"required": True} if name in described.get("required", ()) else {}
            parameters.append({"name": name, "in": "query", **required, "schema": schema})
    return parameters


def _headers(operation: Operation[Any]) -> list[dict[str, Any]]:
    optional = (IF_NONE_MATCH,) if operation.conditional else ()
    return [
        {
            "name": header.name,
            "in": "header",
            "required": header not in optional,
            "description": header.description,
            "schema": header.schema,
        }
        for header in (*operation.headers, *optional)
    ]


def _responses(operation: Operation[Any], schemas: _Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status in operation.status:
        response: dict[str, Any] = {"description": TITLES[status]}
        headers = {}
        if operation.answer is not None:
            response["content"] = {"application/json": {"schema": schemas.of(operation.answer)}}
            if "version" in getattr(operation.answer, "__struct_fields__", ()):
                headers["ETag"] = _ETAG
        if status == HTTPStatus.SEE_OTHER or (status == HTTPStatus.CREATED and "ETag" in headers):
            headers["Location"] = _LOCATION
        if headers:
            response["headers"] = headers
        responses[str(status)] = response
    if operation.conditional:
        responses["304"] = {
            "description": TITLES[304],
            "headers": {"ETag": _ETAG},
        }
    for status in operation.problems:
        if kind := operation.problem_bodies.get(status):
            responses[str(status)] = {
                "description": TITLES[status],
                "content": {CONTENT_TYPE: {"schema": schemas.of(kind)}},
            }
            continue
        responses[str(status)] = {
            "$ref": "#/components/responses/Problem",
            "description": TITLES[status],
        }
    responses["default"] = {"$ref": "#/components/responses/Problem"}
    return responses


def _problem(schemas: _Schemas) -> dict[str, Any]:
    return {
        "description": "A problem (RFC 9457)",
        "content": {CONTENT_TYPE: {"schema": schemas.of(Problem)}},
    }
