"""Query types of contracts and the parameters of a URL, in both directions.

A field of a query type is one parameter. A field that its contract gives a prefix is a map, and
each of its entries is a parameter of its own: ``attr.color=red&attr.size=L``.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, get_args

import msgspec

from chassis.json_text import NO_CONTROL, contains_control
from chassis.parsing import field_error
from chassis.problems import BadRequest
from contracts.schema import PARAMETER_PREFIX

Q = TypeVar("Q")


@cache
def parameter_prefixes(kind: Any) -> Mapping[str, str]:
    """Return the prefixes of the maps of a query type, by the name of the field.

    Parameters
    ----------
    kind
        A query type of a contract.
    """
    return {
        field.encode_name: part.extra[PARAMETER_PREFIX]
        for field in msgspec.structs.fields(kind)
        for part in getattr(field.type, "__metadata__", ())
        if isinstance(part, msgspec.Meta) and part.extra and PARAMETER_PREFIX in part.extra
    }


def parse_query(parameters: Mapping[str, str] | None, kind: type[Q]) -> Q:
    """Convert the parameters of a URL to a query type.

    Parameters
    ----------
    parameters
        The decoded parameters by name; ``None`` if the URL has no query.
    kind
        The query type.

    Raises
    ------
    BadRequest
        If a parameter is unknown or has an invalid value; ``errors`` names it.
    """
    query_type: Any = kind
    prefixes = parameter_prefixes(query_type)
    values: dict[str, Any] = {}
    for name, value in (parameters or {}).items():
        if contains_control(name) or contains_control(value):
            raise BadRequest.at(f"/{name}", NO_CONTROL)
        field = next((key for key, prefix in prefixes.items() if name.startswith(prefix)), None)
        if field is not None:
            values.setdefault(field, {})[name.removeprefix(prefixes[field])] = value
        elif name in prefixes:
            raise BadRequest.at(f"/{name}", f"Use {prefixes[name]}<name> instead", "unknown")
        elif name in _times(query_type) and ":" not in value:
            # msgspec would read a number as seconds since the epoch
            raise BadRequest.at(
                f"/{name}", "Must be a time, such as 2026-11-24T08:00:00Z", "format"
            )
        else:
            values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        wrong = field_error(error, "parameter")
        name = wrong.pointer.lstrip("/")
        raise BadRequest(
            f"The query parameter '{name}' is not valid. {wrong.detail}.", [wrong]
        ) from None


def query_parameters(query: Any) -> dict[str, str]:
    """Return the parameters of a query whose values differ from the defaults of its type.

    Parameters
    ----------
    query
        A value of a query type.
    """
    kind: Any = type(query)
    prefixes = parameter_prefixes(kind)
    values = msgspec.to_builtins(query)
    defaults = {field.encode_name: field.default for field in msgspec.structs.fields(kind)}
    parameters = {}
    for name, value in values.items():
        if name in prefixes:
            parameters.update({f"{prefixes[name]}{key}": text for key, text in value.items()})
        elif value is not None and value != defaults[name]:
            parameters[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return parameters


@cache
def _times(kind: Any) -> frozenset[str]:
    """Return the names of the parameters that are times."""
    fields = msgspec.structs.fields(kind)
    return frozenset(field.encode_name for field in fields if datetime in _parts(field.type))


def _parts(kind: Any) -> Iterator[Any]:
    yield kind
    for part in get_args(kind):
        yield from _parts(part)
