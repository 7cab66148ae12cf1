"""Builds the package of a service, or reuses the one that was built from the same files."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shopctl.packaging import code_archive, dependencies, sources
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.services import Service
from shopctl.project.yaml_lines import parse_yaml

# Lambda sets these itself and rejects a function that names them
_RESERVED = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    }
)
_PASSED_ON = ("PATH", "HOME", "LANG")
# of each service and stage
_KEPT_BUILDS = 5


@dataclass(frozen=True)
class Package:
    """What is deployed of a service.

    Attributes
    ----------
    service
        The service.
    archive
        Zip with the functions' code.
    template
        SAM template, whose functions name the code ``./deployment.zip``.
    digest
        Hash of everything that the package was built from.
    reused
        Whether it had been built before.
    """

    service: Service
    archive: Path
    template: dict[str, Any]
    digest: str
    reused: bool


def build(
    service: Service,
    stage: str,
    layout: Layout,
    *,
    rendered: Mapping[str, str] | None = None,
    for_lambda: bool = False,
    code: Path | None = None,
) -> Package:
    """Package a service for a stage.

    Parameters
    ----------
    service
        The service.
    stage
        Name of a stage of its `.chalice/config.json`.
    layout
        Names the directory of the packages, where one from the same files is found again, even
        if another shop of the checkout built it.
    rendered
        Files of `.chalice` for the stage, which replace those in the checkout.
    for_lambda
        Package for AWS's platform instead of this machine's.
    code
        Zip with the functions' code, built before; only the template is made then, and
        `for_lambda` has no effect.

    Raises
    ------
    ShopProblem
        If Chalice rejects the app or the zip lacks a file.
    """
    # only here: the tests of templates import this module in an environment without it
    from filelock import FileLock

    sources.check_links(service)
    rendered = rendered or {}
    options = [stage, sorted(rendered.items()), str(for_lambda)]
    options.append(hashlib.sha256(code.read_bytes()).hexdigest() if code else "")
    digest = hashlib.sha256(repr((sources.digest(service, layout), options)).encode()).hexdigest()
    builds = layout.build / stage / service.name
    built = builds / digest[:16]
    builds.mkdir(parents=True, exist_ok=True)
    # two commands of one checkout may need the same package at once
    with FileLock(builds / "lock"):
        reused = built.exists()
        if reused:
            built.touch()
        else:
            unfinished = builds / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            project, output = unfinished / "app", unfinished / "package"
            # the app's imports; the tools' own environment has all of them too
            tree = project if code else _install(service, layout, for_lambda=for_lambda)
            sources.copy(service.directory, project, rendered)
            _run_chalice(service.name, service.directory, project, {stage: output}, tree)
            package_file = output / "deployment.zip"
            if code:
                shutil.copyfile(code, package_file)
            else:
                code_archive.assemble(service, project, package_file, tree, for_lambda=for_lambda)
            output.rename(built)
            shutil.rmtree(unfinished)
            _delete_oldest(builds)
    template = parse_yaml((built / "sam.yaml").read_text())
    return Package(service, built / "deployment.zip", template, digest, reused)


def with_urls(package: Package, urls: Mapping[str, str]) -> Package:
    """Return a package with other URLs in its template.

    Parameters
    ----------
    urls
        New URLs by those in the template.
    """
    present = re.compile("|".join(rf"{re.escape(url)}(?!\d)" for url in urls))
    text = present.sub(lambda found: urls[found.group()], json.dumps(package.template))
    return replace(package, template=json.loads(text))


def make_templates(
    name: str, app: Path, stages: Iterable[str], rendered: Mapping[str, str], directory: Path
) -> dict[str, Path]:
    """Make the templates of an app without its code, to inspect them.

    What the app imports has to be installed beside Chalice.

    Parameters
    ----------
    name
        Name of the service.
    app
        The app's directory.
    stages
        Names of stages of its `.chalice/config.json`.
    rendered
        Files of `.chalice` for the stages, which replace those in the checkout.
    directory
        Directory to make them in; must not exist.

    Returns
    -------
    dict
        Path of the template by stage.

    Raises
    ------
    ShopProblem
        If Chalice rejects the app.
    """
    project = directory / "app"
    sources.copy(app, project, rendered)
    outputs = {stage: directory / stage for stage in stages}
    _run_chalice(name, app, project, outputs, directory)
    return {stage: output / "sam.yaml" for stage, output in outputs.items()}


def remove_reserved_variables(config_file: Path, stage: str) -> dict[str, str]:
    """Remove the environment variables that Lambda reserves from a Chalice configuration.

    Returns
    -------
    dict
        The environment of the stage before the removal, to import the app with.
    """
    config = json.loads(config_file.read_text())
    environment: dict[str, str] = {}
    blocks = [config, *config.get("stages", {}).values()]
    for block in blocks:
        variables = block.get("environment_variables", {})
        if block is config or block is config.get("stages", {}).get(stage):
            environment |= {name: str(value) for name, value in variables.items()}
        if variables:
            block["environment_variables"] = {
                name: value for name, value in variables.items() if name not in _RESERVED
            }
    config_file.write_text(json.dumps(config, indent=2))
    return environment


def _delete_oldest(builds: Path) -> None:
    """Delete the packages of a service that were not used for the longest time."""
    found = [path for path in builds.iterdir() if path.is_dir()]
    for path in sorted(found, key=lambda path: path.stat().st_mtime)[:-_KEPT_BUILDS]:
        shutil.rmtree(path)


def _install(service: Service, layout: Layout, *, for_lambda: bool) -> Path:
    return dependencies.install(
        service.directory / "requirements.txt",
        layout.dependencies,
        lock=layout.lock,
        for_lambda=for_lambda,
    )


def _run_chalice(
    name: str, app: Path, project: Path, outputs: Mapping[str, Path], tree: Path
) -> None:
    """Run `chalice package` for stages of a copied app."""
    first = next(iter(outputs))
    environment = remove_reserved_variables(project / ".chalice" / "config.json", first)
    # -P: an app's modules must not shadow, or be shadowed by, those beside this file
    command = [sys.executable, "-P", str(Path(__file__).with_name("chalice_process.py"))]
    command += [str(project), str(tree), *(f"{stage}={path}" for stage, path in outputs.items())]
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    region = {"AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", "us-east-1")}
    done = subprocess.run(
        command,
        env={**passed_on, **region, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise ShopProblem(
            f"Chalice cannot package {name}: {lines[-1].rstrip('.')}.",
            f"Try `chalice package --stage {first} /tmp/out` in {app}.",
        )
