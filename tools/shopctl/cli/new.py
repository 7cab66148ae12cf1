"""`./shop new`: create a service."""

import click

from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout


@click.command("new", cls=ChangingCommand)
@click.argument("name")
@click.option(
    "--public/--private",
    "public",
    default=False,
    help="Who may call it: anyone, or signed callers only.  [default: private]",
)
@click.option("--table", is_flag=True, help="Give it a table, and operations on its records.")
@click.option(
    "--emits",
    multiple=True,
    metavar="EVENT",
    help="Event to emit, such as stock.reserved. Repeatable: the first is emitted when a record is"
    " created, the second when one is changed, the third when one is deleted. Implies --table.",
)
@click.option(
    "--listens",
    multiple=True,
    metavar="SERVICE:EVENT",
    help="Event to handle, such as orders:order.placed. Repeatable.",
)
@click.option(
    "--calls",
    multiple=True,
    metavar="SERVICE:OPERATION",
    help="Operation to call, such as toys:getToy. Repeatable.",
)
@click.option("--dry-run", is_flag=True, help="List the files and change nothing.")
def new_command(
    name: str,
    public: bool,
    table: bool,
    emits: tuple[str, ...],
    listens: tuple[str, ...],
    calls: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Create a service that runs without further edits.

    Writes its contract, app, manifest, templates, README and tests, and adds it to the files that
    all services share. If any step fails, nothing is changed.
    """
    from shopctl.local.environment import prepare
    from shopctl.scaffolding import create, published_language, request

    layout = Layout.find()
    language = published_language.read(layout)
    wanted = request.parse(
        layout,
        language,
        name,
        public=public,
        table=table,
        emits=emits,
        listens=listens,
        calls=calls,
    )
    prepare(layout, "lint", "The formatter's environment")
    ruff = layout.python_of("lint").with_name("ruff")
    if dry_run:
        for path in create.preview(layout, wanted, language, ruff):
            click.echo(f"would write {path}")
        return
    for path in create.create(layout, wanted, language, ruff):
        click.echo(f"wrote {path}")
    click.echo(_next_steps(wanted.name))


def _next_steps(name: str) -> str:
    steps = {
        f"apps/{name}/service.toml": "its purpose in one line; also in the README.md beside it",
        f"libs/contracts/src/contracts/{name}.py": "its types and operations",
        f"apps/{name}/chalicelib/{name}/service.py": "what it does",
    }
    width = max(map(len, steps)) + 2
    lines = "\n".join(f"  {path:{width}}{what}" for path, what in steps.items())
    return f"""
{name} is complete. Try it with ./shop check and ./shop up. Edit next:
{lines}
After a change of the contract, run ./shop contracts --write. After a change of service.toml,
run ./shop configure and ./shop check --graph --write."""
