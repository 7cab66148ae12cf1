"""The sitemap: the addresses of the shop's public pages, for search engines (sitemaps.org).

It is an index of files. File 0 has the home page and the categories, and each further one a part of
the catalogue.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from html import escape
from urllib.parse import quote

from chalicelib.storefront_api.catalogue import Catalogue
from chalicelib.storefront_api.product_pages import Page
from chalicelib.storefront_api.slugs import slug
from chassis.problems import NotFound, ServiceUnavailable

_SHARED = "public, max-age=0, s-maxage=14400"
"""CloudFront caches the files for four hours."""
_UNESCAPED = "!*'()"
"""Characters that `quote` escapes and `encodeURIComponent` does not."""
_NAME = re.compile(r"(0|[1-9][0-9]{0,5})[.]xml", re.ASCII)


class Sitemap:
    """Generates the files of the sitemap.

    Every method raises ``ServiceUnavailable`` if the shop's origin is not known yet, or ``toys``
    does not respond or has no search index yet.

    Parameters
    ----------
    catalogue
        Lists the toys.
    origin
        The shop's origin, the beginning of every address.
    """

    def __init__(self, catalogue: Catalogue, origin: str) -> None:
        self._catalogue = catalogue
        self._shop_origin = origin.rstrip("/")

    def index(self) -> Page:
        """Return the index of the files."""
        origin = self._origin()
        days = self._catalogue.outline().parts
        files = (f"{origin}/sitemaps/{number}.xml" for number in range(len(days) + 1))
        return _file("sitemapindex", "sitemap", zip(files, [None, *days], strict=True))

    def find(self, name: str) -> Page:
        """Return the file with a name, such as `1.xml`.

        Raises
        ------
        NotFound
            If there is no such file.
        """
        found = _NAME.fullmatch(name)
        if found is None:
            raise NotFound("There is no such file.")
        number = int(found[1])
        return _file("urlset", "url", self._toys(number) if number else self._lists())

    def _lists(self) -> Iterator[tuple[str, None]]:
        origin = self._origin()
        yield f"{origin}/", None
        for category in self._catalogue.outline().categories:
            yield f"{origin}/c/{quote(category, safe=_UNESCAPED)}", None

    def _toys(self, number: int) -> Iterator[tuple[str, date]]:
        origin = self._origin()
        for toy in self._catalogue.list_part(number):
            yield f"{origin}/toys/{slug(toy.name)}-{toy.id}", toy.updated_on

    def _origin(self) -> str:
        if not self._shop_origin:
            raise ServiceUnavailable("The shop has no address yet.")
        return self._shop_origin


def _file(root: str, element: str, addresses: Iterable[tuple[str, date | None]]) -> Page:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">')
    for address, day in addresses:
        changed = f"<lastmod>{day}</lastmod>" if day else ""
        lines.append(f"<{element}><loc>{escape(address)}</loc>{changed}</{element}>")
    return Page(200, "\n".join([*lines, f"</{root}>", ""]), _SHARED)
