"""Writes a stage's templates as they would be deployed, without AWS, to inspect and check them.

Placeholders stand for the values that services publish once they are deployed.
"""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shopctl.aws.ssm_parameters import PlaceholderValues
from shopctl.deploying import stacks, stage_config, stage_template
from shopctl.packaging.package import make_templates
from shopctl.project import aws_names, services
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.services import Service
from shopctl.project.stages import Stage
from shopctl.project.yaml_lines import parse_yaml

_WORKERS = 2


def write(stage: Stage, layout: Layout, directory: Path) -> Iterator[Path]:
    """Write ``<service>.json`` and ``<service>-resources.json`` of every service.

    Parameters
    ----------
    directory
        Directory to write them to; it must be new or empty.

    Yields
    ------
    Path
        Each file.

    Raises
    ------
    ShopProblem
        If the directory is not empty, or a service cannot be packaged.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise ShopProblem(f"{directory} is not empty.", "Name another directory.")
    found = services.load(layout.apps)
    with ThreadPoolExecutor(_WORKERS) as pool:
        yield from pool.map(lambda service: _release(service, stage, directory), found)
    for service in found:
        if service.resources_file.exists():
            path = directory / f"{service.name}-resources.json"
            path.write_text(stacks.resources_template(service, stage))
            yield path


def _release(service: Service, stage: Stage, directory: Path) -> Path:
    with tempfile.TemporaryDirectory() as temporary:
        rendered = stage_config.render(service, stage, PlaceholderValues())
        made = make_templates(
            service.name, service.directory, [stage.name], rendered, Path(temporary) / "made"
        )
        template = parse_yaml(made[stage.name].read_text())
    template = stage_template.apply(template, stage, embedded=bool(stage.aws))
    bucket = aws_names.deployment_bucket(stage.name, stage.account)
    path = directory / f"{service.name}.json"
    path.write_text(stacks.with_code(template, bucket, f"{service.name}/code.zip"))
    return path
