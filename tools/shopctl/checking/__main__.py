"""Command line of the checks; `./shop check` runs it in an environment of its own."""

import sys
import time
from pathlib import Path

import click

from shopctl.checking import run
from shopctl.checking.diagrams import graph
from shopctl.checking.repository import Repository
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--graph", "graph_", is_flag=True, help="Print the diagrams as Mermaid.")
@click.option("--write", is_flag=True, help="With --graph: update the diagrams in the documents.")
@click.option(
    "--svg",
    type=click.Path(path_type=Path),
    help="With --graph: write the diagrams as SVG files into this folder.",
)
def main(graph_: bool, write: bool, svg: Path | None) -> None:
    """Check the ground rules in code, manifests, policies and templates."""
    if (write or svg) and not graph_:
        raise click.UsageError("--write and --svg need --graph.")
    repository = Repository(Layout.find().root)
    try:
        if svg:
            for path in graph.save(repository, svg):
                click.echo(path)
        elif write:
            for path in graph.write(repository):
                click.echo(f"Updated {path.relative_to(repository.root)}.")
        elif graph_:
            texts = [diagram.mermaid() for diagram in graph.diagrams(repository).values()]
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
        click.echo(f"{found} findings to fix, {seconds:.1f} s", err=True)
    return 1 if found else 0


if __name__ == "__main__":
    main(prog_name="./shop check")
