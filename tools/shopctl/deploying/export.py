"""Writes a stage's templates as they would be deployed, without AWS: to look at and to check.

What services publish of themselves is not known here; names that look alike stand for it.
"""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from shopctl.aws import artifact_bucket
from shopctl.deploying import alarms, gradual_release, stacks, stage_config
from shopctl.deploying.stage_config import Published
from shopctl.packaging.build import make_templates
from shopctl.project import services
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.services import Service
from shopctl.project.stages import Stage

_WORKERS = 2
_STAND_INS = {
    "api-id": "a1b2c3d4e5",
    "api-url": "https://a1b2c3d4e5.execute-api.example/api",
    "subnet-ids": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "security-group-id": "sg-0123456789abcdef0",
}


class StandIns(Published):
    """Values of the same look for whatever is published."""

    def __missing__(self, name: str) -> str:
        return _STAND_INS.get(name.partition("/")[2], "to-be-published")


def write(stage: Stage, layout: Layout, directory: Path) -> Iterator[Path]:
    """Write ``<service>.json`` and ``<service>-resources.json`` of every service.

    Parameters
    ----------
    directory
        Where to write them; it must be new or empty.

    Yields
    ------
    Path
        Each file.

    Raises
    ------
    ShopProblem
        If the directory holds anything, or a service cannot be packaged.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise ShopProblem(f"{directory} is not empty.", "Name another directory.")
    found = services.load(layout.apps)
    with ThreadPoolExecutor(_WORKERS) as pool:
        yield from pool.map(lambda service: _release(service, stage, directory), found)
    for service in found:
        if (service.directory / "resources.yaml").exists():
            path = directory / f"{service.name}-resources.json"
            watched = alarms.of(service, stage) if stage.alarms_to else None
            path.write_text(
                stacks.resources_template(service, keeps_data=stage.keeps_data, alarms=watched)
            )
            yield path


def _release(service: Service, stage: Stage, directory: Path) -> Path:
    with tempfile.TemporaryDirectory() as temporary:
        rendered = stage_config.render(service, stage, StandIns())
        made = make_templates(
            service.name, service.directory, [stage.name], rendered, Path(temporary) / "made"
        )
        template = yaml.safe_load(made[stage.name].read_text())
    if stage.shift:
        template = gradual_release.apply(template, stage.shift)
    bucket, key = artifact_bucket.name(stage.name, stage.account), f"{service.name}/code.zip"
    path = directory / f"{service.name}.json"
    path.write_text(stacks.with_code(template, bucket, key))
    return path
