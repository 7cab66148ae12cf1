"""How a stage as it stands differs from what the repository says, whoever changed it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from shopctl.aws import cloudformation
from shopctl.aws.target import Target
from shopctl.drift.change import SECRET, Change, compare
from shopctl.drift.kinds import KINDS
from shopctl.drift.kinds.functions import CODE
from shopctl.drift.kinds.kind import BETWEEN, Facts, Kind
from shopctl.drift.model import Model, build
from shopctl.packaging.package import Package
from shopctl.project import aws_names


class Thing(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something of a stage that is not what the repository says.

    Attributes
    ----------
    kind, name
        What it is.
    state
        ``missing`` is what only the repository has, ``extra`` what only the stage has.
    stack
        The stack that something extra belongs to; empty if none owns it.
    changes
        On the way from what the repository says to what the stage has.
    """

    kind: str
    name: str
    state: str
    stack: str = ""
    changes: list[Change] = []


class Drift(msgspec.Struct, frozen=True):
    """What differs, and how many resources of which types were not looked at."""

    things: list[Thing]
    not_compared: dict[str, int]


@dataclass(frozen=True)
class _Owner:
    """The stack of a resource, and whether its template has it: SAM makes some more."""

    stack: str
    is_declared: bool


def drift(
    to: Target, packages: Mapping[str, Package], *, everything: bool, release_only: bool = False
) -> Drift:
    """Compare services on a stage with the repository.

    Parameters
    ----------
    packages
        By service.
    everything
        Name what bears the stage's name and belongs to no service, too.
    release_only
        Leave out what outlives a release.
    """
    model = build(to, packages)
    owned = _owned(to)
    things: list[Thing] = []
    for kind in KINDS:
        if release_only and not kind.of_release:
            continue
        expected, standing = kind.expected(model), kind.standing(model)
        things += _compare(model, kind, expected, standing, owned, everything=everything)
    looked_at = {name for kind in KINDS for name in kind.types}
    left = Counter(one.type for one in model.resources if one.type not in looked_at)
    return Drift(things, dict(sorted(left.items())))


def _compare(
    model: Model,
    kind: Kind,
    expected: Facts,
    standing: Facts,
    owned: Mapping[str, _Owner],
    *,
    everything: bool,
) -> Iterable[Thing]:
    for name in sorted({*expected, *standing}):
        if name not in standing:
            yield Thing(kind.name, name, "missing")
        elif name in expected:
            code = standing[name].pop(CODE, [])
            changes = [_hidden(one) for one in compare(expected[name], standing[name])] + code
            if changes:
                yield Thing(kind.name, name, "changed", changes=changes)
        elif everything or _is_about(model, name):
            owner = _owner(owned, name)
            if owner is None:
                yield Thing(kind.name, name, "extra")
            elif _is_of_service(model, owner.stack) and owner.is_declared:
                yield Thing(kind.name, name, "extra", owner.stack)


def _hidden(change: Change) -> Change:
    """Hide the value of a setting that the repository does not know: it may be a secret."""
    if change.kind == "added" and ".Variables." in change.path:
        return msgspec.structs.replace(change, new=SECRET)
    return change


def _is_about(model: Model, name: str) -> bool:
    """Whether a name belongs to one of the services that the command is about.

    What is invoked belongs to the one that is invoked, if that is a service's.
    """
    owners = (_service_of(model, part) for part in name.split(BETWEEN))
    owner = next(filter(None, owners), None)
    return owner in {service.dashed for service in model.to.services}


def _service_of(model: Model, name: str) -> str | None:
    stage = model.to.stage.name
    for service in sorted(model.to.all_services, key=len, reverse=True):
        beginnings = (
            aws_names.resource(stage, service),
            # as Chalice names it
            f"toyshop-{service}-{stage}",
            aws_names.parameter(stage, service),
        )
        if any(name == one or name.startswith((f"{one}-", f"{one}/")) for one in beginnings):
            return service
    return None


def _is_of_service(model: Model, stack: str) -> bool:
    """Whether a stack is a service's, and not the network's or the edge's."""
    stage = model.to.stage.name
    names = {aws_names.resource(stage, service) for service in model.to.all_services}
    return stack.removesuffix("-resources") in names


def _owned(to: Target) -> dict[str, _Owner]:
    """Return the owners of the stage's resources, by what AWS calls these."""
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
    # an ARN or a URL, the one of a secret with six characters at its end
    for physical, owner in owned.items():
        tail = physical.replace("/", ":").rpartition(":")[2]
        if name in (tail, tail[:-7] if ":secret:" in physical else tail):
            return owner
    return None
