"""cfn-lint is content with every template, the apps' packaged for each stage of stages.toml."""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from shopctl.checking.repository import Repository
from shopctl.deploying import alarms
from shopctl.project import services, yaml_lines
from shopctl.project.errors import ShopProblem
from shopctl.project.finding import Finding
from shopctl.project.stages import Stage

_WORKERS = 2


def check(repository: Repository) -> Iterator[Finding]:
    """Yield what cfn-lint says of resources.yaml, infra/, the alarms and the packaged templates.

    A template that it was content with is not looked at again until it changes.
    """
    for packaged in repository.packaged:
        if packaged.problem:
            what, remedy = packaged.problem.what, packaged.problem.remedy
            yield repository.finding(packaged.app.config_path, 1, what, remedy)
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(_WORKERS) as pool:
        # where a finding is told of, by the template that has it
        places = {path: path for path in _committed(repository)}
        places |= _made(repository, Path(temporary))
        new = {path: mark for path in places if not (mark := _mark(repository, path)).exists()}
        # two processes, each with a part of them, since starting cfn-lint takes longest
        groups = [[*new][number::_WORKERS] for number in range(_WORKERS)]
        for answers in pool.map(_lint, groups):
            for answer in answers:
                new.pop(Path(answer["Filename"]), None)
                yield _finding(repository, places, answer)
        for mark in new.values():
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()


def _committed(repository: Repository) -> Iterator[Path]:
    for app in repository.apps.values():
        yield app.resources_path
    yield from sorted((repository.root / "infra").glob("*.yaml"))


def _made(repository: Repository, directory: Path) -> dict[Path, Path]:
    """Write the templates that are made, and return what each is made from."""
    places = {}
    for packaged in repository.packaged:
        if packaged.problem:
            continue
        path = directory / f"{packaged.app.name}-{packaged.stage}.yaml"
        path.write_text(packaged.template)
        # what was merged comes from delivery.yaml; the rest is Chalice's own
        places[path] = packaged.app.delivery_path
    # Chalice names the functions' code relative to the template, and cfn-lint looks for it
    (directory / "deployment.zip").touch()
    for stage in repository.stages:
        if stage.alarm_email:
            path = directory / f"alarms-{stage.name}.json"
            path.write_text(json.dumps(_alarms(repository, stage)))
            places[path] = Path(alarms.__file__)
    return places


def _alarms(repository: Repository, stage: Stage) -> dict[str, Any]:
    """Return a template with the alarms that follow from the manifests."""
    made = {
        f"{app.name.title().replace('_', '')}{logical_id}": alarm
        for app in services.read(repository.root / "apps").values()
        for logical_id, alarm in alarms.of(app, stage).items()
    }
    return {"Parameters": {"Stage": {"Type": "String"}}, "Resources": made}


def _mark(repository: Repository, path: Path) -> Path:
    """Return the file that says that cfn-lint was content with a template."""
    content = f"{version('cfn-lint')}\0{path.read_text()}"
    digest = hashlib.sha256(content.encode()).hexdigest()
    return repository.root / ".shop" / "linted" / digest


def _lint(paths: list[Path]) -> list[dict[str, Any]]:
    if not paths:
        return []
    # it has no __main__, and its script may be in no PATH
    start = "import sys; from cfnlint.runner import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "--format", "json", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.stderr.strip() and not done.stdout.strip():
        last = done.stderr.strip().splitlines()[-1]
        raise ShopProblem(f"cfn-lint does not run: {last}.", "Run ./shop check again.")
    answers: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return answers


def _finding(repository: Repository, places: dict[Path, Path], answer: dict[str, Any]) -> Finding:
    path = Path(answer["Filename"])
    line = answer["Location"]["Start"]["LineNumber"]
    where = [str(part) for part in answer["Location"].get("Path") or []]
    if path != places[path]:
        path = places[path]
        logical_id = where[1] if len(where) > 1 else "Resources"
        line = yaml_lines.line_containing(path, f"  {logical_id}:")
    place = f" ({'.'.join(where)})" if where else ""
    return repository.finding(
        path,
        line,
        f"{answer['Rule']['Id']}: {answer['Message'].rstrip('.')}{place}.",
        f"See {answer['Rule']['Source']}.",
    )
