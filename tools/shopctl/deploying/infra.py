"""Deploys infrastructure that belongs to no service: each template of `infra/` as its own stack."""

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from shopctl.aws import cloudformation, ssm_parameters
from shopctl.aws.clients import Cloud
from shopctl.aws.target import Target
from shopctl.deploying import stacks
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.stages import Stage
from shopctl.project.yaml_lines import parse_yaml

# CloudFront accepts a web ACL only from this region
_REGIONS = {"distribution-acl": "us-east-1"}
_PUBLISHED = re.compile(r"\{\{resolve:ssm:/toyshop/\$\{Stage\}/([^}]+)\}\}")


def deploy(to: Target, names: Sequence[str], report: Callable[[str], None]) -> None:
    """Deploy templates of `infra/` in the given order.

    The outputs of a stack in another region are published in the stage's region.

    Parameters
    ----------
    names
        Names of templates, without ``.yaml``.
    report
        Called with a line for each stack.

    Raises
    ------
    ShopProblem
        Before any change, if a template is unknown or a parameter is missing; later, if a stack
        fails.
    """
    templates = {name: _read(to, name) for name in names}
    _check_parameters(to.layout, to.stage)
    for name, template in templates.items():
        _check_prerequisites(to, name, template)
        cloud, stack = _cloud(to, name), _stack(to, name)
        outcome = stacks.deploy_template(cloud, stack, json.dumps(template))
        report(f"{stack} {outcome}")
        if name in _REGIONS:
            outputs = cloudformation.outputs(cloud, stack)
            ssm_parameters.write(
                to.cloud, {_key(name, output): value for output, value in outputs.items()}
            )


def delete(to: Target, names: Sequence[str], report: Callable[[str], None]) -> None:
    """Delete the stacks of templates of `infra/`, in reverse of the given order.

    Parameters
    ----------
    names
        Names of templates, without ``.yaml``.
    report
        Called with a line for each stack.

    Raises
    ------
    ShopProblem
        Before any change, if a template is unknown or the stage retains its data; later, if a
        stack cannot be deleted.
    """
    for name in names:
        _read(to, name)
    if to.stage.retain_data:
        raise ShopProblem(
            f"The stage {to.stage.name} retains its data: its infrastructure is not deleted.",
            "To delete it nevertheless, set retain_data = false for it in stages.toml.",
        )
    for name in reversed(names):
        cloud, stack = _cloud(to, name), _stack(to, name)
        if name in _REGIONS:
            outputs = cloudformation.outputs(cloud, stack)
            ssm_parameters.delete(to.cloud, [_key(name, output) for output in outputs])
        if cloudformation.delete(cloud, stack):
            report(f"{stack} deleted")


def names(layout: Layout) -> list[str]:
    """Return the names of the templates in alphabetical order."""
    return sorted(path.stem for path in layout.infra.glob("*.yaml"))


def _stack(to: Target, name: str) -> str:
    return aws_names.resource(to.stage.name, name)


def _cloud(to: Target, name: str) -> Cloud:
    """Return the cloud with the region that the stack must be in."""
    if name not in _REGIONS:
        return to.cloud
    return dataclasses.replace(to.cloud, region=_REGIONS[name], _clients={})


def _read(to: Target, name: str) -> dict[str, Any]:
    path = to.layout.infra / f"{name}.yaml"
    if not path.exists():
        raise ShopProblem(
            f"There is no template {name} in infra.",
            f"The templates are {', '.join(names(to.layout))}.",
        )
    template: dict[str, Any] = parse_yaml(path.read_text())
    return template


def _check_parameters(layout: Layout, stage: Stage) -> None:
    """Raise if `stages.toml` has a parameter that no template declares."""
    templates = [parse_yaml((layout.infra / f"{n}.yaml").read_text()) for n in names(layout)]
    declared = {name for template in templates for name in template.get("Parameters", {})}
    if unknown := sorted(set(stage.infra) - declared):
        raise ShopProblem(
            f"No template of infra has the parameter {', '.join(unknown)}.",
            f"Correct [{stage.name}.infra] in stages.toml.",
        )


def _check_prerequisites(to: Target, name: str, template: dict[str, Any]) -> None:
    for parameter, declared in template.get("Parameters", {}).items():
        if "Default" not in declared and not to.cloud.parameters.get(parameter):
            raise ShopProblem(
                f"{name} needs a value for {parameter}: {declared.get('Description', '…')}.",
                f"Set alarm_email of {to.stage.name} in stages.toml."
                if parameter == "AlarmEmail"
                else f"Set it in [{to.stage.name}.infra] in stages.toml.",
            )
    published = ssm_parameters.read(to.cloud)
    for needed in _PUBLISHED.findall(json.dumps(template)):
        published[needed]


def _key(name: str, output: str) -> str:
    return f"{name}/{output.lower()}"
