"""A kind of resources to compare, and functions that all kinds use."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from shopctl.aws.clients import Cloud
from shopctl.aws.target import Target
from shopctl.drift.change import UNKNOWN
from shopctl.drift.model import Model
from shopctl.project import aws_names

Facts = dict[str, dict[str, Any]]
"""Properties of resources by name."""
BETWEEN = " ← "
"""Separates a function from its event source in a name."""


@dataclass(frozen=True)
class Kind:
    """A kind of resources.

    Attributes
    ----------
    name
        Name of the kind, in the singular.
    types
        Types of template resources that it covers.
    expected
        Returns their properties as the repository declares them.
    actual
        Returns their properties as the stage has them.
    of_release
        Whether a release replaces them.
    """

    name: str
    types: tuple[str, ...]
    expected: Callable[[Model], Facts]
    actual: Callable[[Model], Facts]
    of_release: bool = False


def belongs_to_stage(to: Target, name: str) -> bool:
    """Return whether a name belongs to the stage; Chalice puts the service before the stage."""
    if name.startswith(aws_names.resource(to.stage.name, "")):
        return True
    return to.stage.mode == "chalice" and any(
        name == own or name.startswith(f"{own}-")
        for own in (aws_names.chalice_prefix(to.stage, service) for service in to.all_services)
    )


def pages(cloud: Cloud, service: str, operation: str, key: str, **request: Any) -> Iterable[Any]:
    """Yield the elements of all pages of a list."""
    for page in cloud.client(service).get_paginator(operation).paginate(**request):
        yield from page.get(key, [])


def describe(call: Callable[..., Mapping[str, Any]], absent: str, **request: Any) -> dict[str, Any]:
    """Return the result of a call; empty if the error code says that it does not exist."""
    try:
        return dict(call(**request))
    except ClientError as error:
        if absent in error.response["Error"]["Code"]:
            return {}
        raise


def reported(model: Model, value: Any) -> Any:
    """Return a value; unknown if it is empty and the embedded AWS may not have stored it."""
    return UNKNOWN if model.to.cloud.is_local and not value else value


def name_in_arn(arn: str) -> str:
    """Return the name of a queue, topic, role, table or function from its ARN."""
    resource = arn.split(":", 5)[-1]
    if resource.startswith("function:"):
        return resource.split(":")[1]
    if "/stream/" in resource:
        return resource.split("/")[1]
    return resource.rpartition("/")[2]


def policy(document: Any) -> Any:
    """Return a policy in a normal form, independent of order and abbreviations."""
    if isinstance(document, str):
        if not document:
            return None
        document = json.loads(document.replace('\\"', '"'))
    if not document:
        return None
    statements = document.get("Statement", [])
    statements = statements if isinstance(statements, list) else [statements]
    return {"Statement": [_statement(one) for one in statements]}


def _statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _sorted(value)
        for name, value in statement.items()
        if not (name == "Sid" and not value)
    }


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _sorted(child) for name, child in value.items()}
    if isinstance(value, list):
        return sorted(map(str, value)) if len(value) > 1 else str(value[0]) if value else value
    return value
