"""The arguments of `./shop new`: what is refused, and with which sentence."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.scaffolding import published_language, request
from shopctl.scaffolding.published_language import PublishedLanguage
from shopctl.scaffolding.request import Request
from support.paths import APPS, ROOT

LAYOUT = Layout(ROOT, ROOT / ".shop")


@pytest.fixture(scope="module")
def language() -> PublishedLanguage:
    return published_language.read(LAYOUT)


@pytest.fixture
def parse(language: PublishedLanguage) -> Any:
    return lambda name="inventory", **options: request.parse(LAYOUT, language, name, **options)


def refusal(parse: Any, name: str = "inventory", **options: Any) -> str:
    with pytest.raises(ShopProblem) as problem:
        parse(name, **options)
    assert problem.value.what.endswith(".")
    assert problem.value.remedy.endswith(".")
    assert "\n" not in problem.value.what + problem.value.remedy
    return f"{problem.value.what} {problem.value.remedy}"


def test_events_and_calls_are_looked_up_in_the_contracts(parse: Any) -> None:
    found: Request = parse(
        "stock-levels",
        listens=["orders:order.placed", "file-manager:shop.file.ready.v1"],
        calls=["toys:getToy", "file_manager:lookUpFiles"],
    )
    assert (found.name, found.public, found.table) == ("stock_levels", False, False)
    assert [each.type for each in found.listens] == ["shop.order.placed.v1", "shop.file.ready.v1"]
    assert found.emitters == ["orders", "file_manager"]
    assert found.topics == {"orders": "orders-events", "file_manager": "file-manager-events"}
    assert found.callees == ["toys", "file_manager"]


def test_a_service_that_emits_has_a_table(parse: Any) -> None:
    found = parse(emits=["stock.reserved"])
    assert found.table
    (emitted,) = found.emits
    assert (emitted.type, emitted.constant) == ("shop.stock.reserved.v1", "STOCK_RESERVED")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("Inventory", "Write it as inventory."),
        ("toys", "There is a service toys already."),
        ("file-manager", "There is a service file_manager already."),
        ("files", "the name of a module"),
        ("events", "the name of a module"),
        ("json", "the name of a module"),
        ("class", "the name of a module"),
        ("list", "the name of a module"),
        ("tests", "the name of a module"),
        ("network", "the name of a module"),
        ("a" * 40, "Use at most"),
        ("1st", "lower-case letters, digits"),
        ("in ventory", "lower-case letters, digits"),
        ("inventory_", "lower-case letters, digits"),
        ("../inventory", "lower-case letters, digits"),
        ("inventär", "lower-case letters, digits"),
        ("inventory\n", ""),
    ],
)
def test_unusable_name_is_refused(parse: Any, name: str, sentence: str) -> None:
    if not sentence:
        assert parse(name).name == "inventory"
        return
    assert sentence in refusal(parse, name)


def test_longest_name_that_is_accepted_fits_into_the_names_on_aws(parse: Any) -> None:
    for options in ({}, {"emits": ["a.b"]}, {"listens": ["file_manager:file.ready"]}):
        limit = int(refusal(parse, "a" * 60, **options).rpartition("most ")[2].split()[0])
        name = "a" * limit
        found = parse(name, **options)
        longest = max(
            f"toyshop-{'s' * 16}-{name}-{function.replace('_', '-')}"
            for function in request._functions(found)
        )
        assert len(longest) <= 64


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"listens": ["orders"]}, "Write it as orders:order.placed."),
        ({"listens": ["warehouse:order.placed"]}, "there is no service warehouse"),
        ({"listens": ["orders:order.eaten"]}, "It emits order.cancelled, order.changed"),
        ({"listens": ["notifications:email.sent"]}, "It emits none."),
        ({"listens": ["inventory:stock.reserved"]}, "there is no service inventory"),
        ({"calls": ["getToy"]}, "Write it as toys:getToy."),
        ({"calls": ["toys:"]}, "Write it as toys:getToy."),
        ({"calls": ["toys:eatToy"]}, "toys has no operation eatToy. It has addToyImage"),
        ({"calls": ["warehouse:getToy"]}, "there is no service warehouse"),
        ({"calls": ["storefront_api:getToy"]}, "storefront_api is public"),
        ({"emits": ["Reserved"]}, "is not an event type"),
        ({"emits": ["stock"]}, "is not an event type"),
        ({"emits": ["order.placed"]}, "exists already"),
        ({"emits": ["shop.order.placed.v1"]}, "exists already"),
        ({"emits": ["a.b", "a.b"]}, "is given twice"),
        ({"emits": ["a.b", "a.c", "a.d", "a.e"]}, "at most 3 events"),
    ],
)
def test_unusable_event_or_call_is_refused(
    parse: Any, options: dict[str, list[str]], sentence: str
) -> None:
    assert sentence in refusal(parse, **options)


def test_dependency_loop_is_refused(language: PublishedLanguage, tmp_path: Path) -> None:
    # GIVEN toys, whose manifest names the new service already, and orders, which needs toys
    for path in APPS.glob("*/service.toml"):
        folder = tmp_path / "apps" / path.parent.name
        folder.mkdir(parents=True)
        text = path.read_text()
        if folder.name == "toys":
            text = text.replace("[calls]\n", '[calls]\ninventory = ["getInventory"]\n')
        if folder.name == "orders":
            text = text.replace("[calls]\n", '[calls]\ntoys = ["getToy"]\n')
        (folder / "service.toml").write_text(text)
    layout = dataclasses.replace(LAYOUT, root=tmp_path)
    (tmp_path / "libs/contracts/src/contracts").mkdir(parents=True)
    # WHEN the new service calls or listens to one of them, THEN the whole loop is named
    for options, loop in (
        ({"calls": ["toys:getToy"]}, "inventory → toys → inventory"),
        ({"listens": ["orders:order.placed"]}, "inventory → orders → toys → inventory"),
    ):
        with pytest.raises(ShopProblem) as problem:
            request.parse(layout, language, "inventory", **options)  # type: ignore[arg-type]
        assert f"close a dependency loop: {loop}." in problem.value.what
    # AND anything else is accepted
    assert request.parse(layout, language, "inventory", calls=["file_manager:lookUpFiles"])
