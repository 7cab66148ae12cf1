"""The part of a toy's address that is made of its name: the same at the server and on the page."""

import json

import pytest

from chalicelib.storefront_api.slugs import slug
from support.page_scripts import PageScripts

EXAMPLES = {
    "Wooden Train": "wooden-train",
    "  Two   spaces ": "two-spaces",
    "Bob's Café-Racer 2": "bobs-cafe-racer-2",
    "Bob\u2019s": "bobs",
    "Brío & Sons, Ltd.": "brio-sons-ltd",
    "ÅNGSTRÖM": "angstrom",
    "ﬁre truck №5": "fire-truck-no5",
    "İstanbul": "istanbul",
    "½ price": "1-2-price",
    "<script>alert(1)</script>": "script-alert-1-script",
    '"quoted"': "quoted",
    "a/b?c#d%2F": "a-b-c-d-2f",
    "Straße": "stra-e",
    "積み木": "toy",
    "積み木 Blocks": "blocks",
    "🚀": "toy",
    "": "toy",
    "---": "toy",
    "x" * 70: "x" * 60,
    "a" * 59 + " b": "a" * 59,
    "a" * 58 + " bc": "a" * 58 + "-b",
}


@pytest.fixture(scope="module")
def page() -> PageScripts:
    scripts = PageScripts("const document = { documentElement: {} }; const navigator = {};")
    scripts.load("lib/format.js")
    return scripts


@pytest.mark.parametrize(("name", "expected"), EXAMPLES.items())
def test_slug_consists_of_the_words_of_a_name(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_page_computes_the_same_slugs(page: PageScripts) -> None:
    names = json.dumps(list(EXAMPLES))
    found = page.run(f'return {names}.map(modules["./format.js"].slug);')
    assert dict(zip(EXAMPLES, found, strict=True)) == EXAMPLES
