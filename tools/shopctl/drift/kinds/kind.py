"""What the kinds have in common."""

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
"""Properties by the names of what has them."""
BETWEEN = " ← "
"""Stands between what is invoked and what invokes it, in a name."""


@dataclass(frozen=True)
class Kind:
    """Things of one kind.

    Attributes
    ----------
    name
        What one is called.
    types
        Types of the templates' resources that it accounts for.
    expected
        What the repository says of them.
    standing
        What the stage has: all that bear its name, or touch what does.
    of_release
        Whether a release replaces them.
    """

    name: str
    types: tuple[str, ...]
    expected: Callable[[Model], Facts]
    standing: Callable[[Model], Facts]
    of_release: bool = False


def is_of_stage(to: Target, name: str) -> bool:
    """Whether a name is one of the stage's; Chalice puts the service before the stage."""
    if name.startswith(aws_names.resource(to.stage.name, "")):
        return True
    return to.stage.mode == "chalice" and any(
        name == own or name.startswith(f"{own}-")
        for own in (f"toyshop-{dashed}-{to.stage.name}" for dashed in to.all_services)
    )


def pages(cloud: Cloud, service: str, operation: str, key: str, **request: Any) -> Iterable[Any]:
    """Yield what all pages of a list hold."""
    for page in cloud.client(service).get_paginator(operation).paginate(**request):
        yield from page.get(key, [])


def answer(call: Callable[..., Mapping[str, Any]], absent: str, **request: Any) -> dict[str, Any]:
    """Return an answer; an empty one where the error says that there is nothing such."""
    try:
        return dict(call(**request))
    except ClientError as error:
        if absent in error.response["Error"]["Code"]:
            return {}
        raise


def told(model: Model, value: Any) -> Any:
    """Return a value, where the embedded AWS may not keep it: then nothing differs from it."""
    return UNKNOWN if model.to.cloud.is_local and not value else value


def last(arn: str) -> str:
    """Return the name at the end of an ARN: of a queue, topic, role, table or function."""
    resource = arn.split(":", 5)[-1]
    if resource.startswith("function:"):
        return resource.split(":")[1]
    if "/stream/" in resource:
        return resource.split("/")[1]
    return resource.rpartition("/")[2]


def policy(document: Any) -> Any:
    """Return a policy in one form, whatever order and shortcuts it was written with."""
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
