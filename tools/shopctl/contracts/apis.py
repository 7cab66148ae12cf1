"""What differs between two releases of an API, and whom it breaks.

An operation is its method and path, which is all that a caller sends; its name may change.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shopctl.contracts.changes import Change, Use, judged
from shopctl.contracts.schemas import differences
from shopctl.contracts.wire import Promise

Part = Mapping[str, Any]
_CALLERS = ("callers that send as before",)
_READERS = ("callers that read as before",)


def changes(promise: str, old: Promise, new: Promise) -> Iterator[Change]:
    """Yield the changes of an API.

    Parameters
    ----------
    promise
        Its name.
    old, new
        What was and what is promised (``wire``).
    """
    if old["servers"] != new["servers"]:
        yield Change(promise, (), "servers", "moved", _CALLERS)
    yield from _Api(promise, old, new).operations()


class _Api:
    def __init__(self, promise: str, old: Promise, new: Promise) -> None:
        self._promise = promise
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
            yield self._change(name, "", f"is called {new['operationId']} now")
        if old.get("x-audience") != new.get("x-audience"):
            audience = new.get("x-audience", "no one said")
            harmed = () if audience == "anyone" else _CALLERS
            yield self._change(name, "audience", f"is for {audience} now", harmed)
        if old["security"] != new["security"]:
            yield self._change(
                name, "security", "was changed" if new["security"] else "is asked of no one",
                _CALLERS if new["security"] else (),
            )  # fmt: skip
        yield from self._parameters(name, old, new)
        yield from self._body(name, old.get("requestBody"), new.get("requestBody"))
        yield from self._answers(name, old["responses"], new["responses"])

    def _parameters(self, name: str, old: Part, new: Part) -> Iterator[Change]:
        before, after = _parameters(old), _parameters(new)
        for place in sorted(before.keys() - after.keys()):
            yield self._change(name, place, "was removed", _CALLERS)
        for place in sorted(after.keys() - before.keys()):
            required = after[place].get("required", False)
            what = "was added and is required" if required else "was added"
            yield self._change(name, place, what, _CALLERS if required else ())
        for place in sorted(before.keys() & after.keys()):
            yield from self._necessity(name, place, before[place], after[place])
            yield from self._schema(name, place, "input", before[place], after[place])

    def _body(self, name: str, old: Part | None, new: Part | None) -> Iterator[Change]:
        if old is None and new is not None:
            required = new.get("required", False)
            what = "was added and is required" if required else "was added"
            yield self._change(name, "body", what, _CALLERS if required else ())
        elif old is not None and new is None:
            yield self._change(name, "body", "was removed", _CALLERS)
        elif old is not None and new is not None:
            yield from self._necessity(name, "body", old, new)
            yield from self._content(name, "body", "input", old, new)

    def _answers(self, name: str, old: Part, new: Part) -> Iterator[Change]:
        for status in sorted(old.keys() - new.keys()):
            yield self._change(name, f"answer {status}", "was removed", _READERS)
        for status in sorted(new.keys() - old.keys()):
            # problems that a client does not know are all one to it (`default`); success is not
            harmed = () if _is_problem(new[status]) else _READERS
            yield self._change(name, f"answer {status}", "was added", harmed)
        for status in sorted(old.keys() & new.keys()):
            place = f"answer {status}"
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
        harmed = _CALLERS if use == "input" else _READERS
        for kind in sorted(before.keys() - after.keys()):
            yield self._change(name, f"{place} {kind}", "was removed", harmed)
        for kind in sorted(after.keys() - before.keys()):
            # an answer without a body gets one: its reader does not mind
            breaks = harmed if use == "output" and before else ()
            yield self._change(name, f"{place} {kind}", "was added", breaks)
        for kind in sorted(before.keys() & after.keys()):
            yield from self._schema(name, place, use, before[kind], after[kind])

    def _necessity(self, name: str, place: str, old: Part, new: Part) -> Iterator[Change]:
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
            yield judged(self._promise, where, use, found)

    def _change(self, name: str, path: str, what: str, breaks: tuple[str, ...] = ()) -> Change:
        places = (name,) if path else ()
        return Change(self._promise, places, path or name, what, breaks)


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
    return str(response.get("$ref", "")).endswith("/Problem")
