"""`service.toml`, the one declaration of what a service is, as typed values.

Everything else is derived from it or compared with it (`./shop check`, `./shop configure`).
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from shopctl.project.errors import ShopProblem

DEFAULT_TIMEOUT_SECONDS = 28
"""API Gateway waits 29 seconds for a function."""
DEFAULT_MEMORY_MIB = 512
LOG_RETENTION_DAYS = 30

EventName = Annotated[str, Meta(pattern=r"^shop\.[a-z_]+\.[a-z_]+\.v[1-9][0-9]*$")]
FunctionName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")]
VariableName = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]*$")]
Share = Annotated[str, Meta(pattern=r"^[0-9]{1,2}(\.[0-9]+)? %$")]
_PATH_IN_MESSAGE = re.compile(r"(.*) - at `(?:key in )?\$\.?(.*)`$")
_UNKNOWN_KEY = re.compile(r"Object contains unknown field `(.+)`$")
_MISSING_KEY = re.compile(r"Object missing required field `(.+)`$")


class Owned(Struct, forbid_unknown_fields=True, frozen=True):
    """Resources that only this service uses, by name without the prefix ``toyshop-<stage>-``."""

    tables: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    user_pools: tuple[str, ...] = ()


class Backup(Struct, forbid_unknown_fields=True, frozen=True):
    """What of the service's data ``./shop backup`` contains.

    Attributes
    ----------
    items
        Prefix of the ids of items to back up; by default, all items.
    without
        Attributes that are not restored.
    derived_buckets
        Buckets whose objects can be rebuilt; they are left out.
    """

    items: str = ""
    without: tuple[str, ...] = ()
    derived_buckets: tuple[str, ...] = ()


class Events(Struct, forbid_unknown_fields=True, frozen=True):
    """Types of the events that the service emits and of those that it listens to."""

    emits: tuple[EventName, ...] = ()
    listens: tuple[EventName, ...] = ()


class Objectives(Struct, forbid_unknown_fields=True, frozen=True):
    """Service-level objectives.

    Attributes
    ----------
    availability
        Share of requests that succeed, such as ``99.9 %``.
    p95_ms
        95th percentile of the API's response time, in milliseconds.
    accepted_to_paid_p95_s, paid_to_mailed_p95_s, uploaded_to_ready_p95_s
        95th percentile of the duration of these event chains, in seconds.
    outbox_lag_s
        Age of the oldest record of the service's table that is not yet published, in seconds.
    orders_settled
        Share of placed orders that are paid or declined within minutes, such as ``99 %``.
    """

    availability: Share = "99 %"
    p95_ms: Annotated[int, Meta(gt=0)] | None = None
    accepted_to_paid_p95_s: Annotated[float, Meta(gt=0)] | None = None
    paid_to_mailed_p95_s: Annotated[float, Meta(gt=0)] | None = None
    uploaded_to_ready_p95_s: Annotated[float, Meta(gt=0)] | None = None
    outbox_lag_s: Annotated[int, Meta(gt=0)] | None = None
    orders_settled: Share | None = None


class Function(Struct, forbid_unknown_fields=True, frozen=True):
    """One Lambda function.

    Attributes
    ----------
    timeout_seconds
        Time after which Lambda ends an invocation.
    memory_mib
        Memory, in MiB; the CPU share follows from it.
    allow
        Permissions: actions by the resource that they apply to, such as
        ``{"table:orders": ["GetItem"], "api:file_manager": ["DELETE /files/*"]}``.
    """

    timeout_seconds: Annotated[int, Meta(gt=0, le=900)] = DEFAULT_TIMEOUT_SECONDS
    memory_mib: Annotated[int, Meta(ge=128, le=10_240)] = DEFAULT_MEMORY_MIB
    allow: dict[str, tuple[str, ...]] = {}

    @property
    def calls(self) -> frozenset[str]:
        """Services whose API the function may call."""
        return frozenset(
            name
            for kind, _, name in (reference.partition(":") for reference in self.allow)
            if kind == "api"
        )


class Manifest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A service as its manifest declares it.

    Attributes
    ----------
    name
        Name of its directory.
    visibility
        ``public`` for an API on the internet, ``private`` for one that only signed callers inside
        the VPC can call.
    purpose
        What it is for, in one line.
    api
        Module of ``libs/contracts`` that holds its API's operations.
    aws
        AWS services that its functions call, as botocore names them; empty means any.
    owns
        Resources that only this service uses.
    backup
        What of its data a backup contains.
    calls
        Operations that it calls, by service.
    external
        Systems outside the shop that it calls.
    events
        Events that it emits and listens to.
    objectives
        Service-level objectives.
    environment
        Environment variables of its functions: a reference such as ``table:orders``, or text in
        which ``{currency}`` stands for that setting of the stage.
    functions
        Lambda functions by name; ``api_handler`` serves all routes.
    """

    name: str
    visibility: Literal["public", "private"]
    purpose: str = ""
    api: str = ""
    aws: tuple[str, ...] = ()
    owns: Owned = Owned()
    backup: Backup = Backup()
    calls: dict[str, tuple[str, ...]] = {}
    external: tuple[str, ...] = ()
    events: Events = Events()
    objectives: Objectives = Objectives()
    environment: dict[VariableName, str] = {}
    functions: dict[FunctionName, Function] = {}


def read(path: Path) -> Manifest:
    """Read a manifest.

    Raises
    ------
    ShopProblem
        If the file cannot be read, is not TOML, or has a key or value that a manifest does not
        accept; the message names the file and the key.
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
            "Give both the same name.",
        )
    return manifest


def _problem(path: Path, message: str) -> ShopProblem:
    found = _PATH_IN_MESSAGE.match(message)
    what, place = found.groups() if found else (message, "")
    for pattern, words, remedy in (
        (_UNKNOWN_KEY, "is not a key of a manifest", "Correct its name, or remove it."),
        (_MISSING_KEY, "is missing", "Add it."),
    ):
        if key := pattern.match(what):
            name = f"{place}.{key[1]}".lstrip(".")
            return ShopProblem(f"{path}: `{name}` {words}.", remedy)
    return ShopProblem(
        f"{path}: `{place}` is wrong: {what.lower()}.", "tools/shopctl/README.md lists the keys."
    )
