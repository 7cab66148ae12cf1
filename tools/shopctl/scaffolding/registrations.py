"""The entries of a new service in files that all services share."""

import re
from pathlib import Path

from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem
from shopctl.scaffolding.request import Request

_NONE = "–"  # noqa: RUF001 - as in the table of the README
_REQUIREMENTS = ("check", "test", "tools")


def register(root: Path, request: Request) -> None:
    """Add a service to the settings of tests and types, the event types and the README.

    Parameters
    ----------
    root
        The checkout to change.
    request
        The service.

    Raises
    ------
    ShopProblem
        If a file has no place for the entry.
    """
    name = request.name
    _add_line(root / "pytest.ini", r"    apps/\w+", f"    apps/{name}")
    _append(root / "mypy.ini", r"mypy_path = .*", f":apps/{name}")
    _append(root / "tox.ini", r" +mypy -p .*", f" -p chalicelib.{name}")
    for purpose in _REQUIREMENTS:
        _add_line(
            root / "requirements" / f"{purpose}.in",
            r"-r \.\./apps/\w+/requirements\.txt",
            f"-r ../apps/{name}/requirements.txt",
        )
    if request.emits:
        _add_event_types(root / "libs/contracts/src/contracts/events.py", request)
    _add_line(root / "README.md", r"\| \[\w+\]\(apps/\w+/README\.md\) \|.*", _table_row(request))


def _add_event_types(path: Path, request: Request) -> None:
    for emitted in request.emits:
        _add_line(
            path,
            r"[A-Z_]+ = EventType\(.*\)",
            f'{emitted.constant} = EventType("{emitted.type}", "/{request.name}",'
            f" {request.name}.{_entity(path, request)})",
        )
        _add_line(path, r"        [A-Z_]+,", f"        {emitted.constant},")
    _add_line(path, r"from contracts\.\w+ import .*", f"from contracts import {request.name}")


def _entity(path: Path, request: Request) -> str:
    """Return the class of the data of the service's events, from its contract."""
    contract = path.with_name(f"{request.name}.py").read_text()
    match = re.search(r"^GET: Operation\[(\w+)\]", contract, re.MULTILINE)
    assert match is not None
    return match[1]


def _table_row(request: Request) -> str:
    def short(kinds: list[str]) -> str:
        return ", ".join(kind.removeprefix("shop.").rpartition(".")[0] for kind in kinds) or _NONE

    visibility = "**public**" if request.public else "private"
    owns = f"{aws_names.dashed(request.name)} table" if request.table else _NONE
    emits = short([each.type for each in request.emits])
    listens = short([each.type for each in request.listens])
    if request.emits:
        listens = f"{listens}; its own stream" if request.listens else "its own stream"
    link = f"[{request.name}](apps/{request.name}/README.md)"
    calls = ", ".join(request.callees) or _NONE
    return f"| {link} | {visibility} | {owns} | {calls} | {emits} | {listens} |"


def _add_line(path: Path, pattern: str, line: str) -> None:
    """Add a line after the last one that matches a pattern."""
    lines = path.read_text().split("\n")
    places = [number for number, each in enumerate(lines) if re.fullmatch(pattern, each)]
    if not places:
        raise _no_place(path, line)
    lines.insert(places[-1] + 1, line)
    path.write_text("\n".join(lines))


def _append(path: Path, pattern: str, text: str) -> None:
    """Append a text to the line that matches a pattern."""
    content, count = re.subn(rf"^{pattern}$", rf"\g<0>{text}", path.read_text(), flags=re.MULTILINE)
    if count != 1:
        raise _no_place(path, text)
    path.write_text(content)


def _no_place(path: Path, entry: str) -> ShopProblem:
    return ShopProblem(
        f"{path.name} has no place for the new service's entry ({entry.strip()}).",
        "Restore its list of services.",
    )
