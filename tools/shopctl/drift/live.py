"""Compares the resources of a stage, as AWS has them, with the repository."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from shopctl.aws import cloudformation
from shopctl.aws.target import Target
from shopctl.deploying import page
from shopctl.drift.change import SECRET, Change, compare
from shopctl.drift.kinds import KINDS
from shopctl.drift.kinds.functions import CODE
from shopctl.drift.kinds.kind import BETWEEN, Facts, Kind
from shopctl.drift.model import Model, build
from shopctl.drift.planned import page_of
from shopctl.packaging.package import Package
from shopctl.project import aws_names


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """A resource of a stage that differs from the repository.

    Attributes
    ----------
    kind, name
        Kind and name of the resource.
    state
        ``missing`` if only the repository has it, ``extra`` if only the stage has it, else
        ``changed``.
    stack
        The stack that an extra resource belongs to; empty for none.
    changes
        Changes from the repository to the stage.
    """

    kind: str
    name: str
    state: str
    stack: str = ""
    changes: list[Change] = []


class Drift(msgspec.Struct, frozen=True):
    """Differences, and the number of resources that were not compared, by type."""

    differences: list[Difference]
    not_compared: dict[str, int]


@dataclass(frozen=True)
class _Owner:
    """The stack of a resource, and whether its template declares it; SAM adds others."""

    stack: str
    is_declared: bool


def drift(
    to: Target, packages: Mapping[str, Package], *, whole_stage: bool, release_only: bool = False
) -> Drift:
    """Compare services on a stage with the repository.

    Parameters
    ----------
    packages
        Packages by service.
    whole_stage
        Also report resources with the stage's name that belong to no service.
    release_only
        Compare only resources that a release replaces.
    """
    model = build(to, packages)
    owned = _owned(to)
    differences: list[Difference] = []
    for kind in KINDS:
        if release_only and not kind.of_release:
            continue
        expected, actual = kind.expected(model), kind.actual(model)
        differences += _compare(model, kind, expected, actual, owned, whole_stage=whole_stage)
    compared = {name for kind in KINDS for name in kind.types}
    left = Counter(one.type for one in model.resources if one.type not in compared)
    return Drift(differences, dict(sorted(left.items())))


def page_files(to: Target) -> list[Difference]:
    """Compare the files of the web page with the repository and with their own release."""
    planned = {one.path: one.kind for one in page_of(to).code}
    states = {"added": "missing", "removed": "extra", "changed": "changed"}
    found = [Difference("page", name, states[kind]) for name, kind in planned.items()]
    expected, actual = page.live(to)
    for key in sorted({*expected, *actual}):
        if expected.get(key) != actual.get(key):
            kind = "added" if key not in actual else "removed" if key not in expected else "changed"
            found.append(Difference("page", key, states[kind]))
    return found


def _compare(
    model: Model,
    kind: Kind,
    expected: Facts,
    actual: Facts,
    owned: Mapping[str, _Owner],
    *,
    whole_stage: bool,
) -> Iterable[Difference]:
    for name in sorted({*expected, *actual}):
        if name not in actual:
            yield Difference(kind.name, name, "missing")
        elif name in expected:
            code = actual[name].pop(CODE, [])
            changes = [_hidden(one) for one in compare(expected[name], actual[name])] + code
            if changes:
                yield Difference(kind.name, name, "changed", changes=changes)
        elif whole_stage or _belongs_to_target(model, name):
            owner = _owner(owned, name)
            if owner is None:
                yield Difference(kind.name, name, "extra")
            elif _is_of_service(model, owner.stack) and owner.is_declared:
                yield Difference(kind.name, name, "extra", owner.stack)


def _hidden(change: Change) -> Change:
    """Hide the value of a variable that the repository does not have; it may be a secret."""
    if change.kind == "added" and ".Variables." in change.path:
        return msgspec.structs.replace(change, new=SECRET)
    return change


def _belongs_to_target(model: Model, name: str) -> bool:
    """Return whether a name belongs to one of the target's services.

    An event source mapping or subscription belongs to its function's service.
    """
    owners = (_service_of(model, part) for part in name.split(BETWEEN))
    owner = next(filter(None, owners), None)
    return owner in {service.dashed for service in model.to.services}


def _service_of(model: Model, name: str) -> str | None:
    stage = model.to.stage
    for service in sorted(model.to.all_services, key=len, reverse=True):
        beginnings = (
            aws_names.resource(stage.name, service),
            aws_names.chalice_prefix(stage, service),
            aws_names.parameter(stage.name, service),
        )
        if any(name == one or name.startswith((f"{one}-", f"{one}/")) for one in beginnings):
            return service
    return None


def _is_of_service(model: Model, stack: str) -> bool:
    """Return whether a stack is a service's, and not the infrastructure's."""
    stage = model.to.stage.name
    names = {aws_names.resource(stage, service) for service in model.to.all_services}
    return stack.removesuffix("-resources") in names


def _owned(to: Target) -> dict[str, _Owner]:
    """Return the owners of the stage's resources by physical id."""
    owned = {}
    for name in cloudformation.stacks_of_stage(to.cloud):
        declared = cloudformation.template_of(to.cloud, name).get("Resources", {})
        for logical_id, physical in cloudformation.physical_ids(to.cloud, name).items():
            if physical:
                owned[physical] = _Owner(name, logical_id in declared)
    return owned


def _owner(owned: Mapping[str, _Owner], name: str) -> _Owner | None:
    if name in owned:
        return owned[name]
    # the id may be an ARN or a URL; AWS appends six characters to that of a secret
    for physical, owner in owned.items():
        tail = physical.replace("/", ":").rpartition(":")[2]
        if name in (tail, tail[:-7] if ":secret:" in physical else tail):
            return owner
    return None
