"""The committed files of the stage `local` are those that `./shop configure` writes."""

from collections.abc import Iterator
from itertools import zip_longest

from shopctl.checking.repository import Repository
from shopctl.deploying import stage_config
from shopctl.project.errors import ShopProblem
from shopctl.project.finding import Finding


def check(repository: Repository) -> Iterator[Finding]:
    """Yield files in `.chalice` that differ from those generated from the manifests."""
    stage = next(stage for stage in repository.stages if stage.name == "local")
    for service in repository.services.values():
        try:
            files = stage_config.render_local(service, stage)
        except ShopProblem as problem:
            yield repository.finding(service.manifest_file, 1, problem.what, problem.remedy)
            continue
        for name in stage_config.differing(service, stage, files):
            path = service.config_directory / name
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            rows = zip_longest(text.splitlines(), files.get(name, "").splitlines())
            line = next((number for number, (row, new) in enumerate(rows, 1) if row != new), 1)
            yield repository.finding(
                path,
                line,
                f"This differs from what the manifest of {service.name} declares.",
                "Edit service.toml, then run ./shop configure.",
            )
