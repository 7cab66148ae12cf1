"""Drafts of toys: exact prices, changes to save, and conflicts with a colleague's changes."""

from typing import Any

import pytest

from support.page_scripts import PageScripts

BROWSER = """
const document = { documentElement: {} };
const TOY = {
  name: "Kite", description: "", category: "outdoor", brand: "A", min_age: 3, version: 1,
  price: { amount: 5, currency: "AUD" }, attributes: { material: "silk", size: "L" }, images: [],
};
"""


@pytest.fixture
def page() -> PageScripts:
    scripts = PageScripts(BROWSER)
    scripts.load("lib/format.js")
    scripts.run('modules["../../lib/format.js"] = modules["./format.js"];')
    scripts.load("views/staff/draft.js")
    return scripts


def run(page: PageScripts, script: str) -> Any:
    names = "parseAmount, draftOf, fieldsOfToy, fieldsOfDraft, differing, bodyOf, merge"
    return page.run(f'const {{ {names} }} = modules["./draft.js"]; {script}')


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("29.95", "AUD", 2995),
        ("0.29", "AUD", 29),
        ("1.1", "AUD", 110),
        (" 1,234.5 ", "AUD", 123450),
        ("999999.99", "AUD", 99999999),
        ("70", "AUD", 7000),
        ("1.005", "AUD", None),
        ("29,95", "AUD", None),
        ("1,23", "AUD", None),
        ("-1", "AUD", None),
        ("1e3", "AUD", None),
        ("", "AUD", None),
        (".5", "AUD", None),
        ("120", "JPY", 120),
        ("120.5", "JPY", None),
        ("1.234", "KWD", 1234),
    ],
)
def test_price_is_parsed_exactly(
    page: PageScripts, text: str, currency: str, amount: int | None
) -> None:
    assert run(page, f'return parseAmount("{text}", "{currency}");') == amount


@pytest.mark.parametrize("currency", ["AUD", "JPY", "KWD"])
def test_price_that_is_shown_is_parsed_as_itself(page: PageScripts, currency: str) -> None:
    script = f"""
      const wrong = [];
      for (const amount of [0, 1, 9, 10, 99, 100, 101, 1999, 2995, 113999, 99999999]) {{
        const text = modules["./format.js"].majorUnits({{ amount, currency: "{currency}" }});
        if (parseAmount(text, "{currency}") !== amount) wrong.push(text);
      }}
      return wrong;"""
    assert run(page, script) == []


def test_untouched_toy_has_no_changes(page: PageScripts) -> None:
    script = 'return differing(fieldsOfToy(TOY), fieldsOfDraft(draftOf(TOY, "AUD")));'
    assert run(page, script) == []


def test_only_changes_are_sent(page: PageScripts) -> None:
    script = """
      const draft = draftOf(TOY, "AUD");
      draft.name = " Red kite ";
      draft.amount = "1.5";
      draft.attributes.shift();
      draft.attributes[0].value = "XL";
      draft.attributes.push({ id: 9, name: "__proto__", value: "x" });
      draft.attributes.push({ id: 10, name: "", value: " " });
      const fields = fieldsOfDraft(draft);
      return JSON.stringify(bodyOf(fields, differing(fieldsOfToy(TOY), fields)));"""
    assert run(page, script) == (
        '{"name":"Red kite","price":{"amount":150,"currency":"AUD"},'
        '"attributes":{"material":null,"size":"XL","__proto__":"x"}}'
    )


MERGE = """
  const draft = draftOf(TOY, "AUD");
  Object.assign(draft, {mine});
  const theirs = {{ ...TOY, ...{theirs} }};
  const {{ choices, taken }} = merge(TOY, draft, theirs);
  const rest = differing(fieldsOfToy(theirs), fieldsOfDraft(draft));
  return [choices.map(({{ field }}) => field), taken, rest];
"""


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ('{ name: "Mine" }', "{ version: 2, images: [1] }", [[], [], ["name"]]),
        ('{ name: "Mine" }', '{ name: "Theirs" }', [["name"], [], ["name"]]),
        ('{ name: "Same" }', '{ name: "Same" }', [[], [], []]),
        ('{ name: "Mine" }', '{ brand: "B" }', [[], ["brand"], ["name"]]),
        ("{}", '{ attributes: { size: "S", color: "red" } }',
         [[], ["attributes/material", "attributes/size", "attributes/color"], []]),
        ("{ attributes: [] }", '{ attributes: { material: "silk", size: "S" } }',
         [["attributes/size"], [], ["attributes/material", "attributes/size"]]),
    ],
)  # fmt: skip
def test_changes_of_two_people_are_merged(
    page: PageScripts, mine: str, theirs: str, expected: list[list[str]]
) -> None:
    found = run(page, MERGE.format(mine=mine, theirs=theirs))
    assert [sorted(names) for names in found] == [sorted(names) for names in expected]
