"""AWS's prices of a region, from ``prices.toml``."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from shopctl.project.errors import ShopProblem

TABLE = Path(__file__).with_name("prices.toml")
DEFAULT_REGION = "us-east-1"
"""Region that the documents state costs for; all its prices are verified."""
HOURS = 730
"""Hours of a month."""


@dataclass(frozen=True)
class Prices:
    """Prices of a region.

    Attributes
    ----------
    region
        Name of the region.
    recorded
        Day on which they were recorded.
    each
        US dollars by the name of what is billed.
    unverified
        Names of prices that are assumed, because no source showed them for the region.
    """

    region: str
    recorded: str
    each: Mapping[str, Decimal]
    unverified: frozenset[str] = frozenset()

    def statement(self, used: Iterable[str]) -> str:
        """Return where and of when prices are, with the unverified ones among those used."""
        found = sorted(self.unverified & {*used})
        text = f"list prices of {self.region} as recorded on {self.recorded}"
        if found:
            text += f" (unverified: {', '.join(found)})"
        return text


def of_region(region: str) -> Prices:
    """Return the prices of a region.

    Raises
    ------
    ShopProblem
        If the table does not have the region.
    """
    table = tomllib.loads(TABLE.read_text())
    if region not in regions(table):
        raise ShopProblem(
            f"The prices of {region} are unknown.",
            f"Give --region one of {', '.join(regions(table))}, or add {region} to"
            " tools/shopctl/operating/prices.toml, which says how.",
        )
    each = {**table["everywhere"], **table[region]}
    unverified = frozenset(each.pop("unverified"))
    return Prices(
        region,
        str(table["recorded"]),
        {name: Decimal(price) for name, price in each.items()},
        unverified,
    )


def regions(table: Mapping[str, Any] | None = None) -> list[str]:
    """Return the names of the regions whose prices are known."""
    table = table or tomllib.loads(TABLE.read_text())
    return [name for name, one in table.items() if isinstance(one, dict) and name != "everywhere"]
