"""The sitemap: its files are valid XML within the limits of the protocol and of Lambda."""

from datetime import date
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from chalicelib.storefront_api.catalogue import Catalogue
from chalicelib.storefront_api.product_pages import Page
from chalicelib.storefront_api.sitemap import Sitemap
from chalicelib.toys import index
from chassis.problems import NotFound, ServiceUnavailable
from contracts.toys import CatalogueOutline, CataloguePart, ListedToy
from support.downstream import FakeDownstream
from support.storefront import Toys

ORIGIN = "https://shop.example"
NAMESPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
MAX_ADDRESSES, MAX_BYTES, MAX_ADDRESS = 50_000, 50 * 1024 * 1024, 2048
LAMBDA_BYTES = 6 * 1024 * 1024


def sitemap(toys: FakeDownstream | None = None, origin: str = ORIGIN) -> Sitemap:
    return Sitemap(Catalogue(toys or Toys()), origin)


def entries(page: Page, root: str, element: str) -> list[dict[str, str | None]]:
    """Validate a file, and return the elements of each entry."""
    body = page.body.encode()
    document = ElementTree.fromstring(body)
    assert document.tag == f"{NAMESPACE}{root}"
    assert {one.tag for one in document} == {f"{NAMESPACE}{element}"}
    found = [{part.tag.removeprefix(NAMESPACE): part.text for part in one} for one in document]
    assert len(found) <= MAX_ADDRESSES
    assert len(body) < min(MAX_BYTES, LAMBDA_BYTES)
    for entry in found:
        assert {"loc"} <= entry.keys() <= {"loc", "lastmod"}
        address = entry["loc"]
        assert address is not None
        assert address.startswith(f"{ORIGIN}/")
        assert len(address) < MAX_ADDRESS
        assert address.isascii()
        if day := entry.get("lastmod"):
            date.fromisoformat(day)
    return found


def test_index_lists_the_files() -> None:
    assert entries(sitemap().index(), "sitemapindex", "sitemap") == [
        {"loc": f"{ORIGIN}/sitemaps/0.xml"},
        {"loc": f"{ORIGIN}/sitemaps/1.xml", "lastmod": "2026-01-02"},
    ]


def test_file_lists_the_canonical_addresses_of_toys() -> None:
    assert entries(sitemap().find("1.xml"), "urlset", "url") == [
        {"loc": f"{ORIGIN}/toys/toy-toy-1-toy_1", "lastmod": "2026-01-02"},
        {"loc": f"{ORIGIN}/toys/toy-toy-2-toy_2", "lastmod": "2026-01-02"},
    ]


def test_first_file_lists_home_and_categories() -> None:
    categories = ["Arts & Crafts/<b>", "Kid's (3+)", "積木", '50% \u2028"off"']
    toys = FakeDownstream(
        outlineCatalogue=lambda _: CatalogueOutline(parts=[], categories=categories)
    )
    found = entries(sitemap(toys).find("0.xml"), "urlset", "url")
    home, *lists = [str(entry["loc"]) for entry in found]
    assert home == f"{ORIGIN}/"
    assert [unquote(address.removeprefix(f"{ORIGIN}/c/")) for address in lists] == categories
    # AND they are escaped as in the page
    assert lists[:2] == [f"{ORIGIN}/c/Arts%20%26%20Crafts%2F%3Cb%3E", f"{ORIGIN}/c/Kid's%20(3%2B)"]


def test_ids_cannot_become_markup() -> None:
    toy = ListedToy(id="toy_<&>", name="</loc>", updated_on=date(2026, 1, 2))
    toys = FakeDownstream(listCataloguePart=lambda _: CataloguePart(items=[toy]))
    (found,) = entries(sitemap(toys).find("1.xml"), "urlset", "url")
    assert found["loc"] == f"{ORIGIN}/toys/loc-toy_<&>"


def test_largest_files_are_within_the_limits() -> None:
    toy = ListedToy(id=f"toy_{'0' * 26}", name="abcdefghij" * 12, updated_on=date(2026, 1, 2))
    toys = FakeDownstream(
        outlineCatalogue=lambda _: CatalogueOutline(
            parts=[date(2026, 1, 2)] * 400, categories=["\U0001f9f8" * 60] * index._MAX_CATEGORIES
        ),
        listCataloguePart=lambda _: CataloguePart(items=[toy] * index.PART),
    )
    files = sitemap(toys)
    assert len(entries(files.index(), "sitemapindex", "sitemap")) == 401
    assert len(entries(files.find("0.xml"), "urlset", "url")) == 1 + index._MAX_CATEGORIES
    assert len(entries(files.find("1.xml"), "urlset", "url")) == index.PART


@pytest.mark.parametrize(
    "name", ["2.xml", "01.xml", "-1.xml", "1", "x.xml", "1.xml.gz", "\u0661.xml", "9999999.xml"]
)
def test_other_files_do_not_exist(name: str) -> None:
    with pytest.raises(NotFound):
        sitemap().find(name)


def test_without_an_origin_there_is_no_sitemap() -> None:
    files = sitemap(origin="")
    for read in (files.index, lambda: files.find("0.xml"), lambda: files.find("1.xml")):
        with pytest.raises(ServiceUnavailable):
            read()


def test_without_a_search_index_there_is_no_sitemap() -> None:
    down = ServiceUnavailable("The search is starting.")
    files = sitemap(FakeDownstream(outlineCatalogue=down, listCataloguePart=down))
    for read in (files.index, lambda: files.find("0.xml"), lambda: files.find("1.xml")):
        with pytest.raises(ServiceUnavailable):
            read()
