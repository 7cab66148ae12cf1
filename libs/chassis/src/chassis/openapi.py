"""The OpenAPI 3.1 document of a service, generated from the operations of its contract."""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from chassis.queries import parameter_prefixes
from contracts.headers import IF_NONE_MATCH
from contracts.operations import AUDIENCES, Operation
from contracts.problem import CONTENT_TYPE, TITLES, TYPES, Problem
from contracts.reference import CONTACT, LICENSE, PATH_PARAMETERS, Reference
from contracts.schema import EmailAddress, NoBody
from contracts.security import SCHEMES

_REF = "#/components/schemas/{name}"
_PATH_PARAMETER = re.compile(r"{(\w+)}")
_INDENTATION = re.compile(r"\n[ ]+")
_PATTERN_END = r"$(?!\n)"
_ID: dict[str, Any] = {"type": "string", "maxLength": 64}
_ANY = {"description": "Any JSON value"}
_ETAG = {
    "description": "The version of the resource, to send as If-Match",
    "schema": {"type": "string", "examples": ['"3"']},
}
_LOCATION = {
    "description": "The URL of the resource",
    "schema": {"type": "string", "format": "uri-reference"},
}


_PROBLEM_EXAMPLE = {
    "type": TYPES[422],
    "title": TITLES[422],
    "status": 422,
    "detail": "Shipping address, country: Must be a two-character country code, such as AU.",
    "errors": [
        {
            "pointer": "/shipping_address/country",
            "detail": "Must be a two-character country code, such as AU",
            "code": "format",
        }
    ],
}


def document(
    reference: Reference,
    operations: Sequence[Operation[Any]],
    *,
    server: str,
    version: str = "1",
) -> dict[str, Any]:
    """Return the OpenAPI document of an API.

    Parameters
    ----------
    reference
        The texts and examples of the document.
    operations
        The operations of the API.
    server
        The base URL of the operations' paths; it may be relative.
    version
        The version of the contract.

    Examples
    --------
    >>> from contracts import notifications
    >>> from contracts.reference.notifications import REFERENCE
    >>> document(REFERENCE, notifications.OPERATIONS, server="/")["openapi"]
    '3.1.0'
    """
    schemas = _Schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, schemas, reference
        )
    schemes = {
        scheme.name: scheme.definition
        for operation in operations
        if (scheme := SCHEMES[operation.audience])
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": reference.title,
            "version": version,
            "description": reference.description,
            "contact": CONTACT,
            "license": LICENSE,
        },
        "servers": [{"url": server, "description": reference.server}],
        "tags": [{"name": tag.name, "description": tag.description} for tag in reference.tags],
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
        return _ANY
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


def _operation(
    operation: Operation[Any], schemas: _Schemas, reference: Reference
) -> dict[str, Any]:
    scheme = SCHEMES[operation.audience]
    tag = reference.tag_of(operation.name)
    example = reference.examples.get(operation.name, {})
    request = example.get("request", {})
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": " ".join(
            [tag.operations[operation.name], f"For {AUDIENCES[operation.audience]}."]
        ).strip(),
        "tags": [tag.name],
        "security": [{scheme.name: []}] if scheme else [],
        # for tools: two audiences may use the same security scheme
        "x-audience": operation.audience,
        # for clients: whether a request may be sent again when its outcome is unknown
        **({"x-repeatable": True} if operation.repeatable else {}),
        "parameters": [
            *_path(operation, request.get("path", {})),
            *_query(operation, schemas, request.get("query", {})),
            *_headers(operation, request.get("headers", {})),
        ],
        "responses": _responses(operation, schemas, example),
    }
    if operation.body is not None or operation.raw_body:
        schema = _ANY if operation.raw_body else schemas.of(operation.body)
        types = ["application/json"]
        if operation.method == "PATCH":
            types.insert(0, "application/merge-patch+json")
        described["requestBody"] = {
            "required": operation.body is not NoBody,
            "content": {kind: {"schema": schema, **_example(request, "body")} for kind in types},
        }
    return described


def _example(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the `example` member for a name, if there is an example."""
    return {"example": values[name]} if name in values else {}


def _path(operation: Operation[Any], examples: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATH_PARAMETERS.get(name, "An id"),
            "schema": _ID,
            **_example(examples, name),
        }
        for name in _PATH_PARAMETER.findall(operation.path)
    ]


def _query(
    operation: Operation[Any], schemas: _Schemas, examples: Mapping[str, Any]
) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    prefixes = parameter_prefixes(operation.query)
    described = schemas.of_query(operation.query)
    parameters: list[dict[str, Any]] = []
    for name, property_ in described["properties"].items():
        schema = dict(property_)
        parameter = {"name": name, "in": "query"}
        # the description of an optional parameter may be in one of its types
        types = [schema, *schema.get("anyOf", ())]
        if text := next((one.pop("description") for one in types if "description" in one), ""):
            parameter["description"] = text
        if name in prefixes:
            parameter |= {
                "name": f"{prefixes[name]}<name>",
                "schema": schema["additionalProperties"],
            }
        else:
            if name in described.get("required", ()):
                parameter["required"] = True
            parameter |= {"schema": schema, **_example(examples, name)}
        parameters.append(parameter)
    return parameters


def _headers(operation: Operation[Any], examples: Mapping[str, Any]) -> list[dict[str, Any]]:
    optional = (IF_NONE_MATCH,) if operation.conditional else ()
    return [
        {
            "name": header.name,
            "in": "header",
            "required": header not in optional,
            "description": header.description,
            "schema": header.schema,
            **_example(examples, header.name),
        }
        for header in (*operation.headers, *optional)
    ]


def _responses(
    operation: Operation[Any], schemas: _Schemas, example: Mapping[str, Any]
) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status in operation.status:
        shown = example.get("response", {})
        if shown.get("status") != status:
            shown = {}
        response: dict[str, Any] = {"description": TITLES[status]}
        headers = {}
        if operation.answer is not None:
            schema = schemas.of(operation.answer)
            response["content"] = {
                "application/json": {"schema": schema, **_example(shown, "body")}
            }
            if "version" in getattr(operation.answer, "__struct_fields__", ()):
                headers["ETag"] = _ETAG
        if status == HTTPStatus.SEE_OTHER or (status == HTTPStatus.CREATED and "ETag" in headers):
            headers["Location"] = _LOCATION
        if headers:
            response["headers"] = {
                name: {**header, **_example(shown.get("headers", {}), name)}
                for name, header in headers.items()
            }
        responses[str(status)] = response
    if operation.conditional:
        responses["304"] = {
            "description": TITLES[304],
            "headers": {"ETag": _ETAG},
        }
    for status in operation.problems:
        if kind := operation.problem_bodies.get(status):
            content = {"schema": schemas.of(kind), **_example(example, "problem")}
            responses[str(status)] = {
                "description": TITLES[status],
                "content": {CONTENT_TYPE: content},
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
        "content": {CONTENT_TYPE: {"schema": schemas.of(Problem), "example": _PROBLEM_EXAMPLE}},
    }
