"""Makes the package of a service, or finds that it has it already."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from shopctl.packaging import archive, dependencies
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.services import Service

DEFAULT_ORIGINS = {
    "aws": "http://127.0.0.1:4566",
    "gateway": "http://127.0.0.1:12111",
    "edge": "http://127.0.0.1:8000",
}
# Lambda sets these itself and refuses a function that names them
_RESERVED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION")
_RESERVED_PATTERN = re.compile("|".join([*_RESERVED, "AWS_DEFAULT_REGION"]))
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", "deployments", "deployed", "node_modules")
_BOTOCORE_MODELS = re.compile(r"(?:botocore|boto3)/data/([^/]+)/")


@dataclass(frozen=True)
class Package:
    """What a service deploys.

    Attributes
    ----------
    service
        The service.
    archive
        The functions' code.
    template
        The SAM template; functions name the code ``./deployment.zip``.
    digest
        Hash of everything the package was made from.
    reused
        Whether it had been made before.
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
    origins: Mapping[str, str],
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
        A stage of its `.chalice/config.json`.
    layout
        Where packages are kept; an unchanged service is not packaged again.
    origins
        The local cloud's ``aws``, ``gateway`` and ``edge``, written over the default ones.
    rendered
        Files of `.chalice` for the stage, instead of those in the checkout.
    for_lambda
        Package for AWS's platform instead of this machine's.
    code
        The functions' code, made before; just the template is made then, and `for_lambda` is moot.

    Raises
    ------
    ShopProblem
        If Chalice refuses the app or something is missing in the zip.
    """
    _check_links(service)
    rendered = rendered or {}
    directory = layout.build / stage / service.name
    project, output = directory / "app", directory / "package"
    facts = [stage, sorted(origins.items()), sorted(rendered.items()), str(for_lambda)]
    facts.append(hashlib.sha256(code.read_bytes()).hexdigest() if code else "")
    digest = hashlib.sha256(repr((source_digest(service, layout), facts)).encode()).hexdigest()
    package_file, template_file = output / "deployment.zip", output / "sam.yaml"
    stamp = directory / "digest"
    reused = stamp.exists() and stamp.read_text() == digest and package_file.exists()
    if not reused:
        # what the app imports; the tools have all of it too
        tree = project if code else _install(service, layout, for_lambda=for_lambda)
        shutil.rmtree(directory, ignore_errors=True)
        _copy(service.directory, project, rendered)
        environment = render_config(project / ".chalice" / "config.json", stage, origins)
        outputs = {stage: output}
        _run_chalice(service.name, service.directory, project, outputs, tree, environment)
        if code:
            shutil.copyfile(code, package_file)
        else:
            _assemble(service, project, package_file, tree, for_lambda=for_lambda)
        stamp.write_text(digest)
    template = yaml.safe_load(template_file.read_text())
    return Package(service, package_file, template, digest, reused)


def make_templates(
    name: str, app: Path, stages: Iterable[str], rendered: Mapping[str, str], directory: Path
) -> dict[str, Path]:
    """Make the templates of an app alone, without its code, to look at.

    What the app imports has to be installed beside Chalice.

    Parameters
    ----------
    name
        Of the service.
    app
        The app's directory.
    stages
        Stages of its `.chalice/config.json`.
    rendered
        Files of `.chalice` for them, instead of those in the checkout.
    directory
        Where to make them; must not exist.

    Returns
    -------
    dict
        The template of each stage.

    Raises
    ------
    ShopProblem
        If Chalice refuses the app.
    """
    project = directory / "app"
    _copy(app, project, rendered)
    outputs = {stage: directory / stage for stage in stages}
    environment = render_config(project / ".chalice" / "config.json", next(iter(outputs)), {})
    _run_chalice(name, app, project, outputs, directory, environment)
    return {stage: output / "sam.yaml" for stage, output in outputs.items()}


def _copy(app: Path, project: Path, rendered: Mapping[str, str]) -> None:
    shutil.copytree(app, project, ignore=_IGNORED)
    for name, content in rendered.items():
        (project / ".chalice" / name).write_text(content)


def render_config(path: Path, stage: str, origins: Mapping[str, str]) -> dict[str, str]:
    """Rewrite a Chalice configuration for other ports, without what Lambda reserves.

    Returns
    -------
    dict
        The environment of the stage before anything was left out, for importing the app.
    """
    config = json.loads(path.read_text())
    section = config.get("stages", {}).get(stage, {})
    environment = {
        **config.get("environment_variables", {}),
        **section.get("environment_variables", {}),
    }

    def rendered(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {
                name: rendered(child, name)
                for name, child in value.items()
                if key != "environment_variables" or not _RESERVED_PATTERN.fullmatch(name)
            }
        if isinstance(value, list):
            return [rendered(child) for child in value]
        if isinstance(value, str):
            return _replace_origins(value, origins)
        return value

    path.write_text(json.dumps(rendered(config), indent=2))
    return {name: _replace_origins(str(value), origins) for name, value in environment.items()}


def _replace_origins(value: str, origins: Mapping[str, str]) -> str:
    # all at once, since a new origin may be another's default
    names = {default: origins.get(name, default) for name, default in DEFAULT_ORIGINS.items()}
    pattern = "|".join(rf"{re.escape(default)}(?!\d)" for default in names)
    return re.sub(pattern, lambda found: names[found.group()], value)


def source_digest(service: Service, layout: Layout) -> str:
    """Return the hash of all that a service's code is made from, on whatever machine."""
    digest = hashlib.sha256()
    python = ".".join(map(str, sys.version_info[:3]))
    digest.update(repr([python, version("chalice"), sorted(service.aws)]).encode())
    digest.update(layout.lock.read_bytes())
    for name, path in sorted([*_sources(service.directory), *_sources(Path(__file__).parent)]):
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _install(service: Service, layout: Layout, *, for_lambda: bool) -> Path:
    return dependencies.install(
        service.directory / "requirements.txt",
        layout.dependencies,
        lock=layout.lock,
        for_lambda=for_lambda,
    )


def _sources(directory: Path) -> Iterable[tuple[str, Path]]:
    for root, folders, files in os.walk(directory, followlinks=True):
        ignored = _IGNORED(root, [*folders, *files])
        folders[:] = sorted(set(folders) - ignored)
        for name in set(files) - ignored:
            path = Path(root, name)
            yield path.relative_to(directory).as_posix(), path


def _check_links(service: Service) -> None:
    for link in (service.directory / "vendor").glob("*"):
        if not link.exists():
            raise ShopProblem(
                f"vendor/{link.name} of {service.name} leads nowhere.",
                f"Link it to libs/{link.name}/src/{link.name}.",
            )


def _run_chalice(
    name: str,
    app: Path,
    project: Path,
    outputs: Mapping[str, Path],
    tree: Path,
    environment: Mapping[str, str],
) -> None:
    # -P: an app's modules must not meet the ones beside this file
    command = [sys.executable, "-P", str(Path(__file__).with_name("chalice_process.py"))]
    command += [str(project), str(tree), *(f"{stage}={path}" for stage, path in outputs.items())]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    region = {"AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", "us-east-1")}
    done = subprocess.run(
        command,
        env={**kept, **region, **environment, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise ShopProblem(
            f"Chalice cannot package {name}: {lines[-1].rstrip('.')}.",
            f"Try `chalice package --stage {next(iter(outputs))} /tmp/out` in {app}.",
        )


def _assemble(
    service: Service, project: Path, package_file: Path, tree: Path, *, for_lambda: bool
) -> None:
    """Put the app's part of the zip and the dependencies together, with byte-code."""
    code = package_file.parent / "code"
    with zipfile.ZipFile(package_file) as app_only:
        app_only.extractall(code)
    dependencies.compile_tree(code, reproducible=for_lambda)
    expected = ["app.py", "chalice/app.py"]
    expected += [f"chalicelib/{path.name}" for path in (project / "chalicelib").glob("*/")]
    expected += [path.name for path in (project / "vendor").glob("*/")]
    missing = [name for name in expected if not (code / name).exists()]
    if missing:
        raise ShopProblem(
            f"The package of {service.name} lacks {', '.join(missing)}.",
            f"Check that the links in {service.directory}/vendor lead somewhere.",
        )
    shipped = (item for item in archive.tree(tree) if _is_used(item[0], service.aws))
    level = 6 if for_lambda else 1
    archive.write(package_file, [*shipped, *archive.tree(code)], level=level)
    shutil.rmtree(code)


def _is_used(name: str, aws: frozenset[str]) -> bool:
    model = _BOTOCORE_MODELS.match(name)
    return model is None or not aws or model.group(1) in aws
