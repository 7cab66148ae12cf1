"""Differences between two releases of an API, and who is affected.

An operation is identified by its method and path; callers do not send its name, so it may change.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shopctl.contracts.changes import Change, Use, change_of
from shopctl.contracts.schemas import differences
from shopctl.contracts.wire import Contract

Part = Mapping[str, Any]
_CALLERS = ("callers that send the old request",)
_READERS = ("callers that read the old response",)


def changes(name: str, old: Contract, new: Contract) -> Iterator[Change]:
    """Yield the changes of an API.

    Parameters
    ----------
    name
        Name of the contract, ``apis/<service>``.
    old, new
        The released and the current contract.
    """
    if old["servers"] != new["servers"]:
        yield Change(name, (), "servers", "was changed", _CALLERS)
    yield from _Comparison(name, old, new).operations()


class _Comparison:
    def __init__(self, contract: str, old: Contract, new: Contract) -> None:
        self._contract = contract
        self._old = old
        self._new = new
        self._schemas = (old["components"]["schemas"], new["components"]["schemas"])

    def operations(self) -> Iterator[Change]:
        before, after = _operations(self._old), _operations(self._new)
        for name in sorted(before.keys() - after.keys()):
            yield self._change(name, "", "was removed", _CALLERS)
        for name in sorted(after.keys() - before.keys()):
            yield self._change(name, "", "was added")
        for name in sorted(before.keys() & after.keys()):
            yield from self._operation(name, before[name], after[name])

    def _operation(self, name: str, old: Part, new: Part) -> Iterator[Change]:
        if old["operationId"] != new["operationId"]:
            yield self._change(name, "", f"was renamed to {new['operationId']}")
        if old.get("x-audience") != new.get("x-audience"):
            audience = new.get("x-audience", "an undeclared audience")
            breaks = () if audience == "anyone" else _CALLERS
            yield self._change(name, "audience", f"is now {audience}", breaks)
        if old.get("x-repeatable") != new.get("x-repeatable"):
            may = new.get("x-repeatable", False)
            what = "may be repeated" if may else "may no longer be repeated"
            yield self._change(name, "repetition", what, () if may else _CALLERS)
        if old["security"] != new["security"]:
            yield self._change(
                name, "security", "was changed" if new["security"] else "is no longer required",
                _CALLERS if new["security"] else (),
            )  # fmt: skip
        yield from self._parameters(name, old, new)
        yield from self._body(name, old.get("requestBody"), new.get("requestBody"))
        yield from self._responses(name, old["responses"], new["responses"])

    def _parameters(self, name: str, old: Part, new: Part) -> Iterator[Change]:
        before, after = _parameters(old), _parameters(new)
        for place in sorted(before.keys() - after.keys()):
            yield self._change(name, place, "was removed", _CALLERS)
        for place in sorted(after.keys() - before.keys()):
            required = after[place].get("required", False)
            what = "was added and is required" if required else "was added"
            yield self._change(name, place, what, _CALLERS if required else ())
        for place in sorted(before.keys() & after.keys()):
            yield from self._required(name, place, before[place], after[place])
            yield from self._schema(name, place, "input", before[place], after[place])

    def _body(self, name: str, old: Part | None, new: Part | None) -> Iterator[Change]:
        if old is None and new is not None:
            required = new.get("required", False)
            what = "was added and is required" if required else "was added"
            yield self._change(name, "body", what, _CALLERS if required else ())
        elif old is not None and new is None:
            yield self._change(name, "body", "was removed", _CALLERS)
        elif old is not None and new is not None:
            yield from self._required(name, "body", old, new)
            yield from self._content(name, "body", "input", old, new)

    def _responses(self, name: str, old: Part, new: Part) -> Iterator[Change]:
        for status in sorted(old.keys() - new.keys()):
            yield self._change(name, f"response {status}", "was removed", _READERS)
        for status in sorted(new.keys() - old.keys()):
            # clients handle all problem responses alike (`default`), but not all successes; they
            # get a 304 only if they have asked for it, with `If-None-Match`
            breaks = () if status == "304" or _is_problem(new[status]) else _READERS
            yield self._change(name, f"response {status}", "was added", breaks)
        for status in sorted(old.keys() & new.keys()):
            place = f"response {status}"
            before = _response(old[status], self._old)
            after = _response(new[status], self._new)
            yield from self._content(name, place, "output", before, after)
            yield from self._headers(
                name, place, before.get("headers", {}), after.get("headers", {})
            )

    def _headers(self, name: str, place: str, old: Part, new: Part) -> Iterator[Change]:
        for header in sorted(old.keys() - new.keys()):
            yield self._change(name, f"{place} header {header}", "was removed", _READERS)
        for header in sorted(new.keys() - old.keys()):
            yield self._change(name, f"{place} header {header}", "was added")
        for header in sorted(old.keys() & new.keys()):
            where = f"{place} header {header}"
            yield from self._schema(name, where, "output", old[header], new[header])

    def _content(self, name: str, place: str, use: Use, old: Part, new: Part) -> Iterator[Change]:
        before, after = old.get("content", {}), new.get("content", {})
        users = _CALLERS if use == "input" else _READERS
        for kind in sorted(before.keys() - after.keys()):
            yield self._change(name, f"{place} {kind}", "was removed", users)
        for kind in sorted(after.keys() - before.keys()):
            # a body where there was none before is ignored by its reader
            breaks = users if use == "output" and before else ()
            yield self._change(name, f"{place} {kind}", "was added", breaks)
        for kind in sorted(before.keys() & after.keys()):
            yield from self._schema(name, place, use, before[kind], after[kind])

    def _required(self, name: str, place: str, old: Part, new: Part) -> Iterator[Change]:
        before, after = old.get("required", False), new.get("required", False)
        if after and not before:
            yield self._change(name, place, "became required", _CALLERS)
        elif before and not after:
            yield self._change(name, place, "became optional")

    def _schema(self, name: str, place: str, use: Use, old: Part, new: Part) -> Iterator[Change]:
        for found in differences(
            old.get("schema", {}), new.get("schema", {}), place, self._schemas
        ):
            where = name if found.path.startswith(place) else f"{name} {place}"
            yield change_of(self._contract, where, use, found)

    def _change(self, name: str, path: str, what: str, breaks: tuple[str, ...] = ()) -> Change:
        places = (name,) if path else ()
        return Change(self._contract, places, path or name, what, breaks)


def _operations(document: Part) -> dict[str, Part]:
    return {
        f"{method.upper()} {path}": operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


def _parameters(operation: Part) -> dict[str, Part]:
    return {
        f"{parameter['in']} parameter {parameter['name']}": parameter
        for parameter in operation["parameters"]
    }


def _response(response: Part, document: Part) -> Part:
    if "$ref" not in response:
        return response
    named: Part = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return named


def _is_problem(response: Part) -> bool:
    if str(response.get("$ref", "")).endswith("/Problem"):
        return True
    return list(response.get("content", {})) == ["application/problem+json"]
