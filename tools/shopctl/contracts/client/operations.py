"""Generates the functions that describe calls of the API's operations."""

import re
from collections.abc import Iterator

from shopctl.contracts.client.models import names
from shopctl.contracts.client.schema_types import (
    GENERATED,
    LINE,
    Schema,
    called_operations,
    docstring,
    imports,
    name_of,
    restructured,
    snake_case,
    success_schema,
    success_statuses,
    type_of,
)

_HEADERS = {"If-Match": "if_match", "Idempotency-Key": "idempotency_key"}
"""Parameters for the headers that operations require."""
_OPEN_QUERY = re.compile(r"(\w+)\.<name>")
"""The query parameter that stands for several parameters with names of their own."""


def source(document: Schema) -> str:
    """Return the text of the module.

    Parameters
    ----------
    document
        The OpenAPI document.
    """
    functions = [
        _Function(method, path, operation, document).source()
        for method, path, operation in called_operations(document)
    ]
    text = "\n\n\n".join(functions)
    used = [name for name in names(document) if re.search(rf"\b{name}\b", text)]
    standard = [
        imports(module, [name for name in of_module if re.search(rf"\b{name}\b", text)])
        for module, of_module in (("collections.abc", ["Mapping"]), ("typing", ["Any", "Literal"]))
        if any(re.search(rf"\b{name}\b", text) for name in of_module)
    ]
    return (
        f'"""Calls of the operations of the API.\n\n{GENERATED}\n"""\n\n'
        + "\n".join(standard)
        + "\n\nfrom toyshop_client._call import Call, prefixed, segment\n"
        + imports("toyshop_client.models", used)
        + f"\n\n\n{text}\n"
    )


class _Function:
    def __init__(self, method: str, path: str, operation: Schema, document: Schema) -> None:
        self._method = method
        self._path = path
        self._operation = operation
        self._schemas = document["components"]["schemas"]
        parameters = operation.get("parameters", [])
        self._of_path = [one for one in parameters if one["in"] == "path"]
        self._of_query = [one for one in parameters if one["in"] == "query"]
        self._of_header = [
            one for one in parameters if one["in"] == "header" and one.get("required")
        ]

    def source(self) -> str:
        """Return the text of the function."""
        answer = success_schema(self._operation)
        kind = "None" if answer is None else type_of(answer, exact=False)
        name = snake_case(self._operation["operationId"])
        arguments = [f"    {key}={value}," for key, value in self._arguments(kind)]
        return "\n".join(
            [
                _signature(name, list(self._parameters()), f"Call[{kind}]"),
                docstring(f"{restructured(self._operation['summary']).rstrip('.')}.", 4),
                "    return Call(",
                *(f"    {line}" for line in arguments),
                "    )",
            ]
        )

    def _parameters(self) -> Iterator[str]:
        for one in self._of_path:
            yield f"{snake_case(one['name'])}: str"
        if body := self._body():
            yield f"body: {body}"
        if self._of_query or self._of_header:
            yield "*"
        for one in self._of_header:
            yield f"{_HEADERS[one['name']]}: str"
        for one in self._of_query:
            if match := _OPEN_QUERY.fullmatch(one["name"]):
                yield f"{match[1]}: Mapping[str, str] | None = None"
                continue
            kind = type_of(one["schema"], exact=True).removesuffix(" | None")
            yield f"{snake_case(one['name'])}: {kind} | None = None"

    def _arguments(self, kind: str) -> Iterator[tuple[str, str]]:
        yield "method", f'"{self._method}"'
        if self._of_path:
            path = re.sub(r"{(\w+)}", r"{segment(\1)}", self._path)
            yield "path", f'f"{path}"'
        else:
            yield "path", f'"{self._path}"'
        yield "answer", "type(None)" if kind == "None" else kind
        statuses = success_statuses(self._operation)
        listed = ", ".join(map(str, statuses))
        yield "statuses", f"({listed},)" if len(statuses) == 1 else f"({listed})"
        if self._of_query:
            yield "query", self._query()
        if self._of_header:
            headers = (f'"{one["name"]}": {_HEADERS[one["name"]]}' for one in self._of_header)
            yield "headers", f"{{{', '.join(headers)}}}"
        if self._body():
            yield "body", "body"
        if self._method == "PATCH":
            yield "content_type", '"application/merge-patch+json"'
        if self._operation["security"]:
            yield "signed_in", "True"
        if self._operation.get("x-repeatable"):
            yield "repeatable", "True"

    def _query(self) -> str:
        entries = []
        for one in self._of_query:
            if match := _OPEN_QUERY.fullmatch(one["name"]):
                entries.append(f'**prefixed("{match[1]}.", {match[1]})')
            else:
                entries.append(f'"{one["name"]}": {snake_case(one["name"])}')
        line = f"{{{', '.join(entries)}}}"
        if len(f"        query={line},") <= LINE:
            return line
        return "{\n" + "".join(f"            {entry},\n" for entry in entries) + "        }"

    def _body(self) -> str:
        """Return the type of the body; empty if there is none."""
        content = self._operation.get("requestBody", {}).get("content", {})
        if not content:
            return ""
        schema = next(iter(content.values()))["schema"]
        if "$ref" not in schema:
            return "Mapping[str, Any]"
        name = name_of(schema)
        return name if self._schemas[name].get("properties") else ""


def _signature(name: str, parameters: list[str], returned: str) -> str:
    line = f"def {name}({', '.join(parameters)}) -> {returned}:"
    if len(line) <= LINE:
        return line
    return f"def {name}(\n" + "".join(f"    {one},\n" for one in parameters) + f") -> {returned}:"
