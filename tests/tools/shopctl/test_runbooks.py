"""Every alarm has a runbook, every runbook an alarm, and every command in a runbook exists.

`--write` puts the table of alarms into the index.
"""

import json
import re
import shlex
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import click
import pytest
from botocore import xform_name

from shopctl.cli.main import cli
from shopctl.deploying import gradual_release, stacks
from shopctl.local.alarms import definitions
from shopctl.local.gameday.incidents import INCIDENTS
from shopctl.project import services
from shopctl.project.layout import Layout
from shopctl.project.yaml_lines import parse_yaml
from support.paths import DOCS
from support.runbooks import commands
from support.sample_stages import PROD

RUNBOOKS = DOCS / "runbooks"
INDEX = RUNBOOKS / "README.md"
LAYOUT = Layout.find()
SERVICES = services.load(LAYOUT.apps)
PAGES = sorted(path for path in RUNBOOKS.glob("*.md") if path != INDEX)
HEADINGS = ("What it means", "See more", "What to do", "Over when")
RELEASE = {
    "Resources": {
        "Charge": {
            "Type": "AWS::Serverless::Function",
            "Properties": {"FunctionName": {"Fn::Sub": "toyshop-${Stage}-payments-charge"}},
        },
        "RestAPI": {
            "Type": "AWS::Serverless::Api",
            "Properties": {
                "Name": {"Fn::Sub": "toyshop-${Stage}-payments"},
                "StageName": "api",
                "DefinitionBody": {},
            },
        },
    }
}


def templates() -> list[dict[str, Any]]:
    """Return all templates with alarms."""
    found = [
        json.loads(stacks.resources_template(service, PROD))
        for service in SERVICES
        if service.resources_file.exists()
    ]
    found += [parse_yaml(path.read_text()) for path in LAYOUT.infra.glob("*.yaml")]
    return [*found, gradual_release.apply(RELEASE, "Canary10Percent5Minutes")]


def alarms() -> list[definitions.Alarm]:
    return [one for each in templates() for one in definitions.read(each, PROD.parameters)]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_every_alarm_links_to_a_section_of_a_runbook() -> None:
    found = alarms()
    assert len(found) > 150
    for alarm in found:
        page, _, anchor = definitions.runbook(alarm).partition("#")
        assert page.startswith("docs/runbooks/"), alarm.name
        path = DOCS.parent / page
        assert path.exists(), f"{alarm.name}: {page}"
        assert not anchor or anchor in anchors(path), f"{alarm.name}: {page}#{anchor}"


def test_every_runbook_has_an_alarm() -> None:
    linked = {definitions.runbook(alarm).partition("#")[0] for alarm in alarms()}
    assert {f"docs/runbooks/{page.name}" for page in PAGES} == linked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_runbook_says_what_it_means_how_to_see_more_what_to_do_and_when_it_is_over(
    page: Path,
) -> None:
    text = page.read_text()
    found = re.findall(r"^#{2,3} (.+)$", text, re.MULTILINE)
    assert [each for each in HEADINGS if each not in found and page.stem != "orders"] == []
    # AND the alarms that it is about, at its beginning
    assert re.search(r"^Alarms?: `toyshop-<stage>-", text, re.MULTILINE)
    assert "./shop alarms" in text or "./shop reconcile" in text


def parsed(words: list[str]) -> click.Context:
    """Parse a command line of `./shop` as the real one does, without running it."""
    command: click.Command = cli
    parent = None
    name = "shop"
    while True:
        context = command.make_context(name, words, parent=parent)
        if not isinstance(command, click.Group) or not context._protected_args:
            return context
        words = [*context._protected_args, *context.args]
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, parent = found, context


@pytest.mark.parametrize("page", [*PAGES, INDEX], ids=lambda page: page.stem)
def test_every_command_of_the_shop_exists_with_its_options(page: Path) -> None:
    for line in commands(page.read_text()):
        try:
            context = parsed(shlex.split(line)[1:])
        except click.ClickException as error:
            raise AssertionError(f"{line}: {error.format_message()}") from None
        # a group alone would print its help
        assert not isinstance(context.command, click.Group) or context.invoked_subcommand is None


@pytest.mark.parametrize("line", ["./shop alarm", "./shop alarms --each", "./shop rollback orders"])
def test_wrong_command_is_found(line: str) -> None:
    with pytest.raises(click.ClickException):
        parsed(shlex.split(line)[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_aws_is_an_operation_with_its_parameters(page: Path) -> None:
    session = botocore.session.get_session()
    for line in commands(page.read_text(), "aws"):
        _, service, operation, *rest = shlex.split(line)
        model = session.get_service_model("logs" if service == "logs" else service)
        operations = {xform_name(each, "-"): each for each in model.operation_names}
        assert operation in operations, line
        shape = model.operation_model(operations[operation]).input_shape
        members = {xform_name(each, "-") for each in (shape.members if shape else {})}
        given = {word.removeprefix("--") for word in rest if word.startswith("--")}
        assert given <= members, line


def index_of_alarms() -> str:
    """Return the table of the alarms that send notifications or roll back a release."""
    names = "|".join(sorted((service.dashed for service in SERVICES), key=len, reverse=True))
    # by runbook, severity and kind: the alarms' names
    rows: defaultdict[tuple[str, str], defaultdict[str, set[str]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for alarm in alarms():
        severity, _, _ = alarm.description.partition(": ")
        if severity in ("Page", "Ticket"):
            page = definitions.runbook(alarm).removeprefix("docs/runbooks/")
            name = alarm.name.removeprefix("toyshop-prod-")
            kind = re.sub(rf"^({names})-", "<service>-", name)
            ends = "failures|losses|breaker|dead-letters|new-version-errors"
            kind = re.sub(rf"-[\w-]+-({ends})$", r"-…-\1", kind)
            rows[page, severity][kind].add(name)
    lines = ["| runbook | severity | alarms |", "|---|---|---|"]
    for (page, severity), kinds in sorted(rows.items()):
        # an alarm that only one service has is named in full
        shown = sorted(
            min(each) if len(each) == 1 and page != "releases.md" else kind
            for kind, each in kinds.items()
        )
        listed = ", ".join(f"`{kind}`" for kind in shown)
        lines.append(f"| [{page.replace('.md', '')}]({page}) | {severity} | {listed} |")
    return "\n".join(lines)


def index_of_incidents() -> str:
    """Return the table of the incidents that game days rehearse."""
    lines = ["| incident | what happens | alarms that fire | runbook |", "|---|---|---|---|"]
    for incident in INCIDENTS:
        fired = ", ".join(f"`{alarm}`" for alarm in incident.alarms)
        runbook = f"[{incident.runbook}]({incident.runbook}.md)"
        lines.append(f"| `{incident.name}` | {incident.title} | {fired} | {runbook} |")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "table"), [("alarms", index_of_alarms), ("incidents", index_of_incidents)]
)
def test_index_lists_all(
    request: pytest.FixtureRequest, name: str, table: Callable[[], str]
) -> None:
    text = INDEX.read_text()
    pattern = rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)"
    written = re.sub(pattern, f"\n{table()}\n\n", text, flags=re.DOTALL)
    if request.config.getoption("--write"):
        INDEX.write_text(written)
    assert INDEX.read_text() == written
