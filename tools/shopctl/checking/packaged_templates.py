"""The templates that Chalice generates for every service and every stage."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shopctl.aws.ssm_parameters import PlaceholderValues
from shopctl.deploying import stage_config, stage_template
from shopctl.packaging.package import make_templates
from shopctl.project.errors import ShopProblem
from shopctl.project.services import Service
from shopctl.project.stages import Stage
from shopctl.project.yaml_lines import parse_yaml

_WORKERS = 2


@dataclass(frozen=True)
class Packaged:
    """The template of a service for a stage.

    Attributes
    ----------
    template
        Text of the template, as JSON or YAML.
    problem
        Why there is no template; None if there is one.
    """

    service: Service
    stage: str
    template: str
    problem: ShopProblem | None = None

    @property
    def resources(self) -> dict[str, Any]:
        """The resources of the template."""
        content = parse_yaml(self.template)
        found: dict[str, Any] = (content or {}).get("Resources", {})
        return found


def package(services: Iterable[Service], stages: Iterable[Stage]) -> list[Packaged]:
    """Generate the templates of services for several stages.

    Each service is packaged for all stages by one process, since starting one takes half the time.
    """
    chosen = list(stages)
    with tempfile.TemporaryDirectory() as home, ThreadPoolExecutor(_WORKERS) as pool:
        results = pool.map(
            lambda service: list(_package(service, chosen, Path(home) / service.name)), services
        )
        return [packaged for result in results for packaged in result]


def _package(service: Service, stages: list[Stage], directory: Path) -> Iterator[Packaged]:
    names = [stage.name for stage in stages]
    try:
        files = _render(service, stages)
        paths = make_templates(service.name, service.directory, names, files, directory)
        made = [
            stage_template.apply(
                parse_yaml(paths[stage.name].read_text()), stage, embedded=bool(stage.aws)
            )
            for stage in stages
        ]
    except ShopProblem as problem:
        yield Packaged(service, names[0], "", problem)
        return
    for name, template in zip(names, made, strict=True):
        yield Packaged(service, name, json.dumps(template))


def _render(service: Service, stages: Iterable[Stage]) -> dict[str, str]:
    """Return the files of `.chalice` with all stages in one configuration."""
    files: dict[str, str] = {}
    sections: dict[str, Any] = {}
    for stage in stages:
        if stage.name == "local":
            rendered = stage_config.render_local(service, stage)
        else:
            rendered = stage_config.render(service, stage, PlaceholderValues())
        config = json.loads(rendered["config.json"])
        sections[stage.name] = config["stages"][stage.name]
        files |= rendered
        files["config.json"] = json.dumps({**config, "stages": sections})
    return files
