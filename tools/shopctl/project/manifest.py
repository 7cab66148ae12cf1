"""`service.toml`: the one declaration of what a service is, typed.

Everything else is derived from it or held against it (`./shop check`).
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from shopctl.project.errors import ShopProblem

EventName = Annotated[str, Meta(pattern=r"^shop\.[a-z_]+\.[a-z_]+\.v[1-9][0-9]*$")]
_PATH_IN_MESSAGE = re.compile(r"(.*) - at `(?:key in )?\$\.?(.*)`$")
_UNKNOWN_KEY = re.compile(r"Object contains unknown field `(.+)`$")
_MISSING_KEY = re.compile(r"Object missing required field `(.+)`$")


class Owned(Struct, forbid_unknown_fields=True, frozen=True):
    """What the service alone touches, by name, without the prefix ``toyshop-<stage>-``."""

    tables: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    user_pools: tuple[str, ...] = ()


class Events(Struct, forbid_unknown_fields=True, frozen=True):
    """Types of the events that the service emits and of those that it listens to."""

    emits: tuple[EventName, ...] = ()
    listens: tuple[EventName, ...] = ()


class Objectives(Struct, forbid_unknown_fields=True, frozen=True):
    """What the service promises: its service-level objectives.

    Attributes
    ----------
    availability
        Share of the requests that are answered, such as ``99.9 %``.
    p95_ms
        Milliseconds within which 95 of 100 requests are answered.
    accepted_to_paid_p95_s, uploaded_to_ready_p95_s
        Seconds that 95 of 100 of these chains take.
    """

    availability: Annotated[str, Meta(pattern=r"^[0-9]{1,2}(\.[0-9]+)? %$")] = "99 %"
    p95_ms: Annotated[int, Meta(gt=0)] | None = None
    accepted_to_paid_p95_s: Annotated[float, Meta(gt=0)] | None = None
    uploaded_to_ready_p95_s: Annotated[float, Meta(gt=0)] | None = None


class Manifest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A service as its manifest declares it.

    Attributes
    ----------
    name
        Of its directory.
    visibility
        Whether anyone may call it, or signed callers inside the VPC alone.
    purpose
        What it is for, in a line.
    api
        Module of ``libs/contracts`` that holds its API's operations.
    aws
        AWS services whose client its functions use, as botocore names them; empty means any.
    owns
        The resources that it alone touches.
    calls
        Operations that it calls, by service.
    external
        Services outside the shop that it calls.
    events
        What it emits and listens to.
    objectives
        What it promises.
    """

    name: str
    visibility: Literal["public", "private"]
    purpose: str = ""
    api: str = ""
    aws: tuple[str, ...] = ()
    owns: Owned = Owned()
    calls: dict[str, tuple[str, ...]] = {}
    external: tuple[str, ...] = ()
    events: Events = Events()
    objectives: Objectives = Objectives()


def read(path: Path) -> Manifest:
    """Read a manifest.

    Raises
    ------
    ShopProblem
        If it cannot be read, is not TOML, or says something that a manifest cannot say; the
        message names the file and the key.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ShopProblem(f"{path} is not valid TOML: {error}.", "Correct it.") from None
    except OSError as error:
        raise ShopProblem(
            f"{path} cannot be read: {error.strerror}.", "Make it readable."
        ) from None
    try:
        manifest = msgspec.convert(document, Manifest)
    except msgspec.ValidationError as error:
        raise _problem(path, str(error)) from None
    if manifest.name != path.parent.name:
        raise ShopProblem(
            f"{path}: `name` is {manifest.name}, its directory is {path.parent.name}.",
            "Call both the same.",
        )
    return manifest


def _problem(path: Path, message: str) -> ShopProblem:
    found = _PATH_IN_MESSAGE.match(message)
    what, place = found.groups() if found else (message, "")
    for pattern, words, remedy in (
        (_UNKNOWN_KEY, "is not a key of a manifest", "Correct its name, or take it out."),
        (_MISSING_KEY, "is missing", "Add it."),
    ):
        if key := pattern.match(what):
            name = f"{place}.{key[1]}".lstrip(".")
            return ShopProblem(f"{path}: `{name}` {words}.", remedy)
    return ShopProblem(
        f"{path}: `{place}` is wrong: {what.lower()}.", "tools/shopctl/README.md lists the keys."
    )
