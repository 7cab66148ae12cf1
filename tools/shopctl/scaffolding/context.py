"""The values that the templates of a new service are rendered with."""

import re
from collections.abc import Iterable
from typing import Any

from shopctl.project import aws_names
from shopctl.scaffolding.published_language import PublishedLanguage
from shopctl.scaffolding.request import Called, Listened, Request, consumer_function

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PARAMETER = re.compile(r"\{(\w+)\}")


def of(request: Request, language: PublishedLanguage, id_prefixes: Iterable[str]) -> dict[str, Any]:
    """Return the values for a service's templates.

    Parameters
    ----------
    request
        The service to create.
    language
        The events and operations of the existing services.
    id_prefixes
        The prefixes of ids that are taken.
    """
    entity = _singular(request.name)
    calls = [_call(called, request, language) for called in request.calls]
    topics = [_topic(emitter, request) for emitter in request.emitters]
    data = {(each.event.data.module, each.event.data.name) for each in request.listens}
    return {
        "service": request.name,
        "Service": _pascal(request.name),
        "dashed": aws_names.dashed(request.name),
        "entity": entity,
        "Entity": _pascal(entity),
        "prefix": _prefix(entity, set(id_prefixes)),
        "path": f"/{aws_names.dashed(request.name)}",
        "purpose": f"Describe in one line what {request.name} is for",
        "public": request.public,
        "audience": 'audience="anyone",' if request.public else "",
        "table": request.table,
        "emits": request.emits,
        "topics": topics,
        "listened_types": [each.type for each in request.listens],
        "event_data": [{"module": module, "name": name} for module, name in sorted(data)],
        "callees": request.callees,
        "calls": calls,
        "called_modules": sorted({language.modules[each.service] for each in request.calls}),
        "operations_called": _grouped((each.service, each.name) for each in request.calls),
        "routes_called": _grouped(
            (each.service, f"{each.operation.method} {_PARAMETER.sub('*', each.operation.path)}")
            for each in request.calls
        ),
        "operations": _operations(request, calls),
        "component_names": _component_names(request, topics),
        "queues": _queues(request, topics),
        "aws": _aws_services(request),
    }


def _topic(emitter: str, request: Request) -> dict[str, Any]:
    function = consumer_function(emitter)
    listened = [each for each in request.listens if each.event.emitter == emitter]
    return {
        "emitter": emitter,
        "function": function,
        "function_name": aws_names.dashed(f"{request.name}-{function}"),
        "logical_id": aws_names.logical_id(function),
        "topic": request.topics[emitter],
        "queue": aws_names.dashed(f"{request.name}-{function}"),
        "events": [_event(each) for each in listened],
    }


def _event(listened: Listened) -> dict[str, Any]:
    return {
        "type": listened.type,
        "constant": listened.event.constant,
        "handler": f"on_{listened.event.constant.lower()}",
        "data": {"name": listened.event.data.name},
    }


def _call(called: Called, request: Request, language: PublishedLanguage) -> dict[str, Any]:
    operation, module = called.operation, language.modules[called.service]
    parameters = _PARAMETER.findall(operation.path)
    function = _snake(called.name)
    query = f"{module}.{operation.query.name}" if operation.query else None
    body = f"{module}.{operation.body.name}" if operation.body else "Any"
    answer = f"{module}.{operation.answer.name}" if operation.answer else "None"
    signature = [f"{name}: str" for name in parameters]
    view_arguments = list(parameters)
    arguments = [f"{module}.{operation.constant}"]
    if parameters:
        arguments.append("{" + ", ".join(f'"{name}": {name}' for name in parameters) + "}")
    if query:
        signature.append(f"query: {query}")
        view_arguments.append(f"app.query({query})")
        arguments.append("query=query")
    if operation.has_body:
        signature.append(f"body: {body}")
        view_arguments.append(f"app.body({body})" if operation.body else "app.patch()")
        arguments.append("body=body")
    if operation.needs_precondition:
        signature.append("precondition: Precondition")
        view_arguments.append("app.precondition()")
        arguments.append("headers=precondition.headers()")
    path = f"/{aws_names.dashed(request.name)}{operation.path}"
    return {
        "service": called.service,
        "operation": called.name,
        "operation_snake": function,
        "constant": function.upper(),
        "function": function,
        "name": f"{called.name}For{_pascal(request.name)}",
        "source": f"{module}.{operation.constant}",
        "method": operation.method,
        "path": path,
        "example_path": _PARAMETER.sub("some_id", path),
        "example_path_values": "{" + ", ".join(f'"{name}": "some_id"' for name in parameters) + "}",
        "path_signature": ", ".join(f"{name}: str" for name in parameters),
        "signature": ", ".join(signature),
        "view_arguments": ", ".join(view_arguments),
        "arguments": ", ".join(arguments),
        "answer": answer,
        "body": operation.has_body,
        "needs_precondition": operation.needs_precondition,
    }


def _operations(request: Request, calls: list[dict[str, Any]]) -> list[str]:
    own = ["CREATE", "LIST", "GET", "REPLACE", "DELETE"] if request.table else ["DESCRIBE"]
    return own + [call["constant"] for call in calls] + (["HEALTH"] if request.public else [])


def _component_names(request: Request, topics: list[dict[str, Any]]) -> list[str]:
    names = [request.name, *(topic["function"] for topic in topics)]
    return [*names, "relay"] if request.emits else names


def _queues(request: Request, topics: list[dict[str, Any]]) -> list[str]:
    queues = [f"{topic['queue']}-{kind}" for topic in topics for kind in ("retry", "dead-letters")]
    relay = f"{aws_names.dashed(request.name)}-relay-dead-letters"
    return [relay, *queues] if request.emits else queues


def _aws_services(request: Request) -> list[str]:
    used = {
        "dynamodb": request.table,
        "secretsmanager": request.table,
        "sns": bool(request.emits),
        "sqs": bool(request.emits or request.listens),
    }
    return [name for name, needed in used.items() if needed]


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for key, value in pairs:
        if value not in grouped.setdefault(key, []):
            grouped[key].append(value)
    return grouped


def _singular(name: str) -> str:
    """Return the name of one of the service's records.

    Examples
    --------
    >>> _singular("reviews"), _singular("categories"), _singular("inventory"), _singular("address")
    ('review', 'category', 'inventory', 'address')
    """
    if name.endswith("ies") and len(name) > 4:
        return f"{name[:-3]}y"
    if name.endswith("s") and not name.endswith(("ss", "us", "is")) and len(name) > 3:
        return name[:-1]
    return name


def _pascal(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


def _snake(name: str) -> str:
    return _CAPITAL.sub("_", name).lower()


def _prefix(entity: str, taken: set[str]) -> str:
    """Return a prefix for ids: the first letters of the entity's name that are free."""
    letters = entity.replace("_", "")
    for length in range(3, len(letters) + 1):
        if letters[:length] not in taken:
            return letters[:length]
    return f"{letters}x"
