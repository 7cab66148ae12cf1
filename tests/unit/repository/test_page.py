"""The web page agrees with the API that it calls."""

import re

from contracts.orders import NewAddress
from support.paths import ROOT

PAGE = (ROOT / "web/index.html").read_text(encoding="utf-8")


def test_page_has_a_field_for_every_part_of_an_address() -> None:
    pointers = re.findall(r'name="(\w+)"[^>]* data-pointer="/shipping_address/(\w+)"', PAGE)
    assert [name for name, _ in pointers] == [pointer for _, pointer in pointers]
    assert {name for name, _ in pointers} == set(NewAddress.__struct_fields__)
    assert len(pointers) == len(NewAddress.__struct_fields__)


def test_page_takes_the_countries_and_their_fields_from_the_api() -> None:
    countries = re.search(r'<select name="country".*?</select>', PAGE, re.DOTALL)
    assert countries
    assert "<option" not in countries[0]
    parts = re.search(r'id="address-parts">(.*?)</div>', PAGE, re.DOTALL)
    assert parts
    assert set(re.findall(r'<input name="(\w+)"', parts[1])) == {"city", "region", "postal_code"}
    # only the script makes them required, for the countries that need them
    assert "required" not in parts[1]
