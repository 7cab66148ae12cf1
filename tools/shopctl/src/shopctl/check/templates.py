"""cfn-lint is content with resources.yaml and with each app's packaged template."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from shopctl.check import documents
from shopctl.check.finding import Finding
from shopctl.check.repository import App, Repository
from shopctl.packaging.build import make_template
from shopctl.problems import ShopProblem

_WORKERS = 2


def check(repository: Repository) -> Iterator[Finding]:
    """Yield what cfn-lint says of the templates, packaged for every stage that is committed."""
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(_WORKERS) as pool:
        # Chalice names the functions' code relative to the template, and cfn-lint looks for it
        jobs = [
            (app, stage, Path(temporary) / f"{app.name}-{stage}")
            for app in repository.apps.values()
            for stage in app.config.get("stages", {})
        ]
        done = list(pool.map(lambda job: _package(repository, *job), jobs))
        packaged = {path: app for app, path, _ in done if path}
        yield from (finding for _, _, finding in done if finding)
        paths = {app.resources_path: app for app in repository.apps.values()}
        # two processes, each with a part of them, since starting cfn-lint takes longest
        groups = [[*paths, *packaged][number::_WORKERS] for number in range(_WORKERS)]
        for answers in pool.map(_lint, groups):
            for answer in answers:
                yield _finding(repository, {**paths, **packaged}, answer)


def _package(
    repository: Repository, app: App, stage: str, directory: Path
) -> tuple[App, Path | None, Finding | None]:
    try:
        return app, make_template(app.name, app.directory, stage, directory), None
    except ShopProblem as problem:
        finding = repository.finding(app.config_path, 1, problem.what, problem.remedy)
        return app, None, finding


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


def _finding(repository: Repository, apps: dict[Path, App], answer: dict[str, Any]) -> Finding:
    path = Path(answer["Filename"])
    app = apps[path]
    line = answer["Location"]["Start"]["LineNumber"]
    where = [str(part) for part in answer["Location"].get("Path") or []]
    if path != app.resources_path:
        # what was merged comes from delivery.yaml; the rest is Chalice's own
        logical_id = where[1] if len(where) > 1 else "Resources"
        path = app.delivery_path
        line = documents.line_containing(path, f"  {logical_id}:")
    place = f" ({'.'.join(where)})" if where else ""
    return repository.finding(
        path,
        line,
        f"{answer['Rule']['Id']}: {answer['Message'].rstrip('.')}{place}.",
        f"See {answer['Rule']['Source']}.",
    )
