"""cfn-lint accepts every template, the packaged ones for each stage included."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shopctl.checking import cfn_lint
from shopctl.checking.repository import Repository
from shopctl.deploying import alarms, dashboards
from shopctl.project import yaml_lines
from shopctl.project.finding import Finding
from shopctl.project.services import Service
from shopctl.project.stages import Stage


def check(repository: Repository) -> Iterator[Finding]:
    """Yield cfn-lint's findings in resources.yaml, infra/, the alarms and the packaged templates.

    A template without findings is not checked again until it changes.
    """
    for packaged in repository.packaged:
        if packaged.problem:
            what, remedy = packaged.problem.what, packaged.problem.remedy
            config = packaged.service.config_directory / "config.json"
            yield repository.finding(config, 1, what, remedy)
    with tempfile.TemporaryDirectory() as temporary:
        # by template: the file in which its findings are reported
        sources = {path: path for path in _committed(repository)}
        sources |= _generated(repository, Path(temporary))
        for match in cfn_lint.run(sources, repository.root / ".shop" / "linted"):
            yield _finding(repository, sources, match)


def _committed(repository: Repository) -> Iterator[Path]:
    for service in repository.services.values():
        yield service.resources_file
    yield from sorted((repository.root / "infra").glob("*.yaml"))


def _generated(repository: Repository, directory: Path) -> dict[Path, Path]:
    """Write the generated templates and return the source of each."""
    sources = {}
    for packaged in repository.packaged:
        if packaged.problem:
            continue
        path = directory / f"{packaged.service.name}-{packaged.stage}.yaml"
        path.write_text(packaged.template)
        # the parts that Chalice does not generate itself come from delivery.yaml
        sources[path] = packaged.service.delivery_file
    # the templates refer to the code by a relative path, and cfn-lint checks that it exists
    (directory / "deployment.zip").touch()
    for stage in repository.stages:
        if not stage.alarm_email:
            continue
        for service in repository.services.values():
            path = directory / f"alarms-{service.name}-{stage.name}.json"
            path.write_text(json.dumps(_generated_resources(service, stage)))
            sources[path] = Path(alarms.__file__)
    return sources


def _generated_resources(service: Service, stage: Stage) -> dict[str, Any]:
    """Return a template with what is added to a service's `resources.yaml`."""
    parameters = {"Stage": {"Type": "String"}}
    found = alarms.of(service, stage)
    resources = {**found, **dashboards.of(service, stage, found)}
    return {"Parameters": parameters, "Resources": resources}


def _finding(repository: Repository, sources: dict[Path, Path], match: dict[str, Any]) -> Finding:
    path = Path(match["Filename"])
    line = match["Location"]["Start"]["LineNumber"]
    keys = [str(part) for part in match["Location"].get("Path") or []]
    if path != sources[path]:
        path = sources[path]
        logical_id = keys[1] if len(keys) > 1 else "Resources"
        line = yaml_lines.line_containing(path, f"  {logical_id}:")
    place = f" ({'.'.join(keys)})" if keys else ""
    return repository.finding(
        path,
        line,
        f"{match['Rule']['Id']}: {match['Message'].rstrip('.')}{place}.",
        f"See {match['Rule']['Source']}.",
    )
