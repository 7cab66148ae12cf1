"""Compares the templates and packages that a deployment would send with the deployed ones."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from shopctl.aws import artifact_bucket, cloudformation
from shopctl.aws.cloudformation import Template
from shopctl.aws.target import PAGE, Target
from shopctl.deploying import infra, page, stacks
from shopctl.drift import code
from shopctl.drift.change import Change, compare
from shopctl.packaging.package import Package
from shopctl.project import aws_names, services

_FUNCTION = "AWS::Serverless::Function"


class Stack(msgspec.Struct, frozen=True):
    """What a deployment would do to a stack.

    Attributes
    ----------
    outcome
        ``unknown`` for a stack that only the stage has.
    changes
        Changes of its template and parameters, from the deployed to the repository's.
    code
        Changes of the files in its package and of the versions of its dependencies.
    """

    name: str
    outcome: Literal["created", "changed", "unchanged", "unknown"]
    changes: list[Change] = []
    code: list[Change] = []


def plan(to: Target, packages: Mapping[str, Package], *, whole_stage: bool) -> list[Stack]:
    """Return what a deployment would do to each stack of the services, in its order.

    Parameters
    ----------
    packages
        Packages by service; empty if `chalice deploy` releases them.
    whole_stage
        Also report stacks that the repository does not have.
    """
    bucket = artifact_bucket.of(to.cloud)
    planned = [
        _plan(to, template, None, bucket)
        for service in to.services
        if (template := stacks.resources(to.cloud, to.stage, service))
    ]
    for wave in services.waves(to.services):
        for package in (packages[one.name] for one in wave if one.name in packages):
            template, _ = stacks.release(to.cloud, package, bucket)
            planned.append(_plan(to, template, package, bucket))
    if whole_stage:
        known = {stack.name for stack in planned}
        planned += [Stack(name, "unknown") for name in _of_services(to) if name not in known]
    return planned


def page_of(to: Target) -> Stack:
    """Return what a deployment would do to the files of the web page."""
    old, new = page.published(to), page.read(to.layout, to.stage)
    if old is None:
        return Stack(PAGE, "created")
    if old.digest == new.digest:
        return Stack(PAGE, "unchanged")
    return Stack(PAGE, "changed", [], list(code.differing_files(old.files, new.files)))


def _of_services(to: Target) -> list[str]:
    """Return the names of the services' stacks that were deployed by these commands."""
    others = {aws_names.resource(to.stage.name, name) for name in infra.names(to.layout)}
    return sorted(
        name
        for name, stack in cloudformation.stacks_of_stage(to.cloud).items()
        if cloudformation.digest_of(stack) and name not in others
    )


def _plan(to: Target, template: Template, package: Package | None, bucket: str) -> Stack:
    stack = cloudformation.describe(to.cloud, template.name)
    outcome = cloudformation.predicted_outcome(stack, template)
    if outcome == "created":
        return Stack(template.name, "created")
    if outcome == "unchanged" or stack is None:
        return Stack(template.name, "unchanged")
    old = cloudformation.template_of(to.cloud, template.name)
    new = msgspec.json.decode(template.sent)
    changes = [*_templates(old, new), *_parameters(stack, template)]
    differing = []
    if package and (key := _code(old)) != _code(new):
        differing = _package(to, package, bucket, key)
    same = not changes and not differing
    return Stack(template.name, "unchanged" if same else "changed", changes, differing)


def _templates(old: dict[str, Any], new: dict[str, Any]) -> Iterable[Change]:
    before, after = old.pop("Resources"), new.pop("Resources")
    yield from compare(old, new)
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in after:
            yield Change("removed", name, old=before[name]["Type"])
        elif name not in before:
            yield Change("added", name, new=after[name]["Type"])
        else:
            yield from compare(_without_code(before[name]), _without_code(after[name]), name)
    old["Resources"], new["Resources"] = before, after


def _without_code(resource: dict[str, Any]) -> dict[str, Any]:
    properties = resource.get("Properties", {})
    if resource["Type"] != _FUNCTION:
        return resource
    others = {name: value for name, value in properties.items() if name != "CodeUri"}
    return {**resource, "Properties": others}


def _parameters(stack: Mapping[str, Any], template: Template) -> Iterable[Change]:
    old = {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}
    new = {one["ParameterKey"]: one["ParameterValue"] for one in template.parameters}
    # a parameter that is no longer given returns to the template's default
    declared = msgspec.json.decode(template.body).get("Parameters", {})
    for name in old:
        if "Default" in declared.get(name, {}):
            new.setdefault(name, str(declared[name]["Default"]))
    yield from compare({name: old[name] for name in old if name in new}, new, "Parameters")


def _code(template: Mapping[str, Any]) -> str:
    """Return the key of the code of a release's functions."""
    for resource in template["Resources"].values():
        if resource["Type"] == _FUNCTION:
            return str(resource["Properties"]["CodeUri"]["Key"])
    return ""


def _package(to: Target, package: Package, bucket: str, key: str) -> list[Change]:
    old = artifact_bucket.read(to.cloud, bucket, key)
    if old is None:
        return [Change("changed", f"the package (the deployed one is no longer in {bucket})")]
    return code.differing(package, old, exactly=True)
