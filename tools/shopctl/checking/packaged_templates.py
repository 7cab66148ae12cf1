"""The templates that Chalice makes of the apps, for every stage of stages.toml."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from shopctl.aws.ssm_parameters import PlaceholderValues
from shopctl.deploying import gradual_release, stage_config
from shopctl.packaging.package import make_templates
from shopctl.project import services
from shopctl.project.errors import ShopProblem
from shopctl.project.stages import Stage

if TYPE_CHECKING:
    from shopctl.checking.repository import App

_WORKERS = 2


@dataclass(frozen=True)
class Packaged:
    """The template of an app for a stage, or why there is none."""

    app: "App"
    stage: str
    template: str
    problem: ShopProblem | None = None

    @property
    def resources(self) -> dict[str, Any]:
        """Its resources."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        # a safe one
        content = yaml.load(self.template, loader)  # nosec B506
        found: dict[str, Any] = (content or {}).get("Resources", {})
        return found


def package(apps: Iterable["App"], stages: Iterable[Stage]) -> list[Packaged]:
    """Package apps, each for all stages in one process; half of the time is its start."""
    chosen = list(stages)
    with tempfile.TemporaryDirectory() as home, ThreadPoolExecutor(_WORKERS) as pool:
        made = pool.map(lambda app: list(_package(app, chosen, Path(home) / app.name)), apps)
        return [packaged for packages in made for packaged in packages]


def _package(app: "App", chosen: list[Stage], directory: Path) -> Iterator[Packaged]:
    names = [stage.name for stage in chosen]
    try:
        paths = make_templates(app.name, app.directory, names, _rendered(app, chosen), directory)
    except ShopProblem as problem:
        yield Packaged(app, names[0], "", problem)
        return
    for stage in chosen:
        template = paths[stage.name].read_text()
        if stage.gradual_release:
            template = json.dumps(
                gradual_release.apply(yaml.safe_load(template), stage.gradual_release)
            )
        yield Packaged(app, stage.name, template)


def _rendered(app: "App", chosen: Iterable[Stage]) -> dict[str, str]:
    """Return the files of `.chalice` with all stages at once."""
    files: dict[str, str] = {}
    sections: dict[str, Any] = {}
    service = services.read(app.directory.parent)[app.name]
    for stage in chosen:
        if stage.name == "local":
            rendered = stage_config.render_local(service, stage)
        else:
            rendered = stage_config.render(service, stage, PlaceholderValues())
        config = json.loads(rendered["config.json"])
        sections[stage.name] = config["stages"][stage.name]
        files |= rendered
        files["config.json"] = json.dumps({**config, "stages": sections})
    return files
