"""The documented cost of an idle stage is that of its rendered templates.

`./shop test -e tools -- tests/tools/shopctl/operating/test_documented_cost.py --write` updates it.
"""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shopctl.deploying import export
from shopctl.operating import idle_cost, prices
from shopctl.operating.idle_cost import IdleCost, Item
from shopctl.project.layout import Layout
from shopctl.project.stages import Stage
from support.paths import DOCS
from support.sample_stages import PROD, STAGING

DOCUMENT = DOCS / "infra.md"
PRICES = prices.of_region(prices.DEFAULT_REGION)


Templates = dict[str, Any]


def render(stage: Stage, directory: Path) -> Templates:
    """Return the templates of a stage's services."""
    files = export.write(stage, Layout.find(), directory)
    return {path.stem: json.loads(path.read_text()) for path in list(files)}


def cost_of(stage: Stage, rendered: Templates) -> list[Item]:
    """Return the cost of a stage as `./shop cost --idle` computes it."""
    infrastructure = idle_cost.infrastructure(stage, Layout.find())
    items = idle_cost.of_templates(stage, {**rendered, **infrastructure}, PRICES)
    return [*items, idle_cost.metrics(PRICES)]


def count(items: list[Item], what: str) -> int:
    return sum(len(item.resources) for item in items if item.what == what)


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return render(PROD, tmp_path_factory.mktemp("prod"))


@pytest.fixture(scope="module")
def of_prod(prod: Templates) -> list[Item]:
    return cost_of(PROD, prod)


def test_document_states_the_computed_cost(
    request: pytest.FixtureRequest, of_prod: list[Item], tmp_path: Path
) -> None:
    # GIVEN the cost of a stage with and without gradual releases and SnapStart, and of the pipeline
    staging = render(STAGING, tmp_path)
    of_staging = cost_of(STAGING, staging)
    fewer = count(of_prod, "alarms") - count(of_staging, "alarms")
    cost = idle_cost.total(of_staging)
    taken = idle_cost.snapshots(staging, PRICES)
    assert idle_cost.total(of_prod) - cost == fewer * Decimal("0.10") + taken.cost
    assert fewer > 20
    pipeline = {"pipeline": idle_cost.read(Layout.find(), "pipeline")}
    # WHEN they are put into the document
    text = DOCUMENT.read_text()
    for pattern, statement in (
        (r"^\|(?:.*\n\|)*.*$", "\n".join(idle_cost.lines(of_prod))),
        (
            r"list prices of [\w-]+ as recorded on [\d-]+",
            PRICES.statement(idle_cost.prices_used(IdleCost(of_prod, taken))),
        ),
        (
            r"has \d+ fewer alarms and costs [\d.]+\d",
            f"has {fewer} fewer alarms and costs {cost}",
        ),
        (
            r"The snapshots of \d+ functions cost [\d.]+\d",
            f"The snapshots of {len(set(taken.resources))} functions cost {taken.cost}",
        ),
        (
            r"The pipeline costs [\d.]+",
            f"The pipeline costs {idle_cost.total(idle_cost.of_templates(PROD, pipeline, PRICES))}",
        ),
    ):
        text, found = re.subn(pattern, statement, text, flags=re.MULTILINE)
        assert found == 1, pattern
    if request.config.getoption("--write"):
        DOCUMENT.write_text(text)
    # THEN they were there
    assert DOCUMENT.read_text() == text


def test_every_rendered_alarm_is_counted(prod: Templates, of_prod: list[Item]) -> None:
    # GIVEN all alarms of the services, those of gradual releases too, and the account's own
    rendered = [
        resource["Properties"]
        for template in prod.values()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    assert any("rolled back" in each["AlarmDescription"] for each in rendered)
    # the last part of a metric math expression is its formula
    metrics = sum(len(each.get("Metrics", ("it", "no formula"))) - 1 for each in rendered)
    assert count(of_prod, "alarms") == metrics + 1


def test_secrets_of_others_are_counted(of_prod: list[Item]) -> None:
    (secrets,) = [item.resources for item in of_prod if item.what == "secrets"]
    # created by hand, before the first deploy
    assert "toyshop-prod-payments-gateway" in secrets
    # created by a template, and read by functions: once
    keys = [each for each in secrets if re.search("cursor", each, re.IGNORECASE)]
    assert keys == ["orders-resources/CursorKey", "toys-resources/CursorKey"]
