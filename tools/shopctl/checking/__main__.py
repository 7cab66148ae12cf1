"""Runs the checks: ``python -m shopctl.checking``."""

import sys
import time
from pathlib import Path

import click

from shopctl.checking import run
from shopctl.checking.diagrams import graph
from shopctl.checking.repository import Repository
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout


@click.command()
@click.option("--graph", "graph_", is_flag=True, help="Print the diagrams, as Mermaid.")
@click.option("--write", is_flag=True, help="With --graph: write them into the documents.")
@click.option("--svg", type=click.Path(path_type=Path), help="With --graph: a folder for SVGs.")
def main(graph_: bool, write: bool, svg: Path | None) -> None:
    """Prove the ground rules from code, manifests, policies and templates."""
    if (write or svg) and not graph_:
        raise click.UsageError("--write and --svg go with --graph.")
    repository = Repository(Layout.find().root)
    try:
        if svg:
            for path in graph.save(repository, svg):
                click.echo(path)
        elif write:
            for path in graph.write(repository):
                click.echo(f"{path.relative_to(repository.root)} is up to date now.")
        elif graph_:
            texts = [drawn.mermaid() for drawn in graph.diagrams(repository).values()]
            click.echo("\n".join(texts), nl=False)
        else:
            sys.exit(_report(repository))
    except ShopProblem as problem:
        click.echo(f"{problem.what} {problem.remedy}".strip(), err=True)
        sys.exit(1)


def _report(repository: Repository) -> int:
    started = time.perf_counter()
    found = 0
    for rule, findings in run.results(repository):
        if not findings:
            click.echo(f"ok  {rule}")
        for finding in sorted(findings):
            click.echo(str(finding))
        found += len(findings)
    seconds = time.perf_counter() - started
    if found:
        click.echo(f"{found} to mend, {seconds:.1f} s", err=True)
    return 1 if found else 0


if __name__ == "__main__":
    main()
