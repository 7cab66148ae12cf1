"""The countries that the shop ships to, and what an address needs in each of them.

``countries.json`` is generated from maintained data by ``tests/support/countries.py``.
"""

import re
import unicodedata
from pathlib import Path

import msgspec
from msgspec.structs import asdict

from chalicelib.orders.domain import OrderError
from contracts.orders import Address, Country
from contracts.problem import Code

_TABLE = Path(__file__).with_name("countries.json")
_SEPARATORS = re.compile(r"[\s.\-\u2010-\u2015\u2212]+")
_PREFIX = re.compile(r"^(?:[A-Z]+|\N{POSTAL MARK})")


class AddressFormat(Country, kw_only=True):
    """A country and its postal codes, where an address needs one.

    Attributes
    ----------
    postal_code
        Pattern of its postal codes in capital letters, without spaces and hyphens; empty if a
        postal code is not required.
    example
        A postal code as people write it there.
    """

    postal_code: str = ""
    example: str = ""


class InvalidAddressError(OrderError):
    """An order cannot be delivered to an address.

    Parameters
    ----------
    problems
        What is wrong by field of the address: a sentence without a full stop, and a code.
    """

    def __init__(self, problems: dict[str, tuple[str, Code]]) -> None:
        super().__init__("; ".join(sentence for sentence, _ in problems.values()))
        self.problems = problems


class UnknownCountryError(Exception):
    """The setting names a code that is not a country's."""


class Countries:
    """The countries that the shop ships to.

    Parameters
    ----------
    ships_to
        ``all``, ``all except`` the codes that follow, or the codes of the countries (ISO 3166
        alpha-2), separated by spaces.

    Raises
    ------
    UnknownCountryError
        If a code is not a country's.

    Examples
    --------
    >>> [country.name for country in Countries("AU HK").offered()]
    ['Australia', 'Hong Kong']
    >>> len(Countries("all except AQ").offered())
    248
    """

    def __init__(self, ships_to: str) -> None:
        formats = msgspec.json.decode(_TABLE.read_bytes(), type=list[AddressFormat])
        self._formats = {country.code: country for country in formats}
        first, *rest = ships_to.split()
        codes = set(rest[1:]) if first == "all" else {first, *rest}
        if unknown := codes - self._formats.keys():
            raise UnknownCountryError(f"Not a country: {', '.join(sorted(unknown))}")
        self._ships_to = self._formats.keys() - codes if first == "all" else codes

    def offered(self) -> list[Country]:
        """Return the countries that the shop ships to, by code."""
        return [
            Country(code=country.code, name=country.name, fields=country.fields)
            for country in self._formats.values()
            if country.code in self._ships_to
        ]

    def accept(self, address: Address, previous: Address | None = None) -> Address:
        """Return an address in the form in which it is stored.

        Parameters
        ----------
        address
            The address. White space around its parts and the case of its country do not matter.
        previous
            The address that it replaces. What it did not satisfy before, as the address of an older
            order, and what has not changed since, is not refused.

        Raises
        ------
        InvalidAddressError
            If the shop does not ship to the country, or a part that is needed there is missing or
            cannot be right.
        """
        parts = {name: part.strip() for name, part in asdict(address).items()}
        accepted = Address(**parts | {"country": parts["country"].upper()})
        problems = self._problems(accepted)
        if previous is not None and previous.country == accepted.country:
            known = self._problems(previous).keys()
            for name in known & problems.keys():
                if getattr(previous, name) == getattr(accepted, name):
                    del problems[name]
        if problems:
            raise InvalidAddressError(problems)
        return accepted

    def _problems(self, address: Address) -> dict[str, tuple[str, Code]]:
        country = self._formats.get(address.country)
        if country is None:
            detail = f"There is no country with the code {address.country}"
            return {"country": (detail, "not_allowed")}
        if country.code not in self._ships_to:
            return {"country": (f"We do not ship to {country.name}", "not_allowed")}
        required: dict[str, str] = {
            field.name: field.label for field in country.fields if field.required
        }
        if "city" not in required and address.city:
            # The place is named, as in Hong Kong or Dubai, where city and region are the same.
            required.pop("region", None)
        problems: dict[str, tuple[str, Code]] = {
            name: (f"{label} is required", "required")
            for name, label in required.items()
            if not getattr(address, name)
        }
        given = address.postal_code
        if given and country.postal_code and not _is_postal_code(given, country.postal_code):
            label = required["postal_code"]
            detail = f"{label} is not valid; it looks like {country.example}"
            problems["postal_code"] = detail, "format"
        return problems


def _is_postal_code(text: str, pattern: str) -> bool:
    """Return whether a text can be a postal code, however its parts are separated.

    A prefix such as the country's in ``D-10115``, or Japan's postal mark, is ignored.
    """
    normal = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()
    normal = "".join(str(unicodedata.decimal(char, char)) for char in normal)
    return any(re.fullmatch(pattern, candidate) for candidate in (normal, _PREFIX.sub("", normal)))
